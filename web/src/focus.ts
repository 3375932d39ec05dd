/**
 * The focus never falls to the page. Where the element that had it goes away or can no longer be used (a
 * sheet that closes, Stop that becomes Send, a picture taken out), the newest one before it takes it again.
 * Whoever moves the focus somewhere better does so afterwards.
 */

/** A sheet holds this many controls and more; what was before it must still be known. */
const most = 60;
const typedInto = 'textarea, input:not([type=range]):not([type=checkbox]):not([type=radio])';

const canHold = (element: HTMLElement) =>
	element.isConnected &&
	!element.matches(':disabled') &&
	!element.closest('[hidden], [inert]') &&
	(element.checkVisibility?.() ?? true);

/** Watches over the document's focus; returns how to end it. */
export function keepFocus(): () => void {
	/** What had the focus, the newest last. Empty while nothing has it on purpose. */
	let past: HTMLElement[] = [];
	const isBare = () => document.activeElement === document.body || !document.activeElement;
	/** A browser takes it from a disabled button only with the next frame. */
	const isLost = () => isBare() || document.activeElement?.matches(':disabled');
	/** A box to write in would bring up a phone's keyboard unasked. */
	const isQuiet = (element: HTMLElement) =>
		!element.matches(typedInto) || !matchMedia('(pointer: coarse)').matches;

	function onIn({ target }: FocusEvent) {
		if (!(target instanceof HTMLElement) || target === document.body) return;
		past = [...past.filter((one) => one !== target && one.isConnected), target].slice(-most);
	}

	function onPress() {
		// Somebody leaves by hand: an element that is still there has lost the focus on purpose.
		queueMicrotask(() => {
			const last = past.at(-1);
			if (isBare() && last && canHold(last)) past = [];
		});
	}

	function restore() {
		const last = past.at(-1);
		if (!last || !isLost() || canHold(last)) return;
		past.findLast((one) => canHold(one) && isQuiet(one))?.focus({ preventScroll: true });
	}

	const observer = new MutationObserver(restore);
	observer.observe(document.body, {
		subtree: true,
		childList: true,
		attributeFilter: ['disabled', 'hidden', 'open']
	});
	document.addEventListener('focusin', onIn);
	document.addEventListener('mousedown', onPress);
	return () => {
		observer.disconnect();
		document.removeEventListener('focusin', onIn);
		document.removeEventListener('mousedown', onPress);
	};
}
