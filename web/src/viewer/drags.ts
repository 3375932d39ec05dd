/**
 * Takes a finger's drag for this element alone. `touch-action: none` keeps the browser from scrolling, but
 * not from taking the drag for a scroll that runs out: the next tap would stop that and click nothing.
 * Listeners of a template are passive in some browsers; this one must not be. A tap is left as it is.
 */
export function ownDrags(node: HTMLElement): () => void {
	const onMove = (event: TouchEvent) => {
		if (event.cancelable) event.preventDefault();
	};
	node.addEventListener('touchmove', onMove, { passive: false });
	return () => node.removeEventListener('touchmove', onMove);
}
