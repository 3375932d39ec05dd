import '@testing-library/jest-dom/vitest';

// What jsdom lacks; components mostly need it to exist.
URL.createObjectURL ??= () => 'blob:test';
URL.revokeObjectURL ??= () => undefined;
globalThis.ResizeObserver ??= class {
	observe() {}
	unobserve() {}
	disconnect() {}
};
window.matchMedia ??= (query: string) =>
	({
		matches: false,
		media: query,
		addEventListener() {},
		removeEventListener() {}
	}) as unknown as MediaQueryList;
Element.prototype.scrollTo ??= () => undefined;
Blob.prototype.arrayBuffer ??= function (this: Blob) {
	return new Promise((done, fail) => {
		const reader = new FileReader();
		reader.onload = () => done(reader.result as ArrayBuffer);
		reader.onerror = () => fail(reader.error as Error);
		reader.readAsArrayBuffer(this);
	});
};
