import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepFocus } from './focus';

let end: () => void;
const element = (name: string) => document.getElementById(name) as HTMLElement;
const settled = () => new Promise((done) => setTimeout(done));

beforeEach(() => {
	document.body.innerHTML =
		'<button id="opener">open</button><div id="sheet"><button id="first"></button><button id="second"></button></div><textarea id="box"></textarea>';
	end = keepFocus();
});
afterEach(() => end());

it('goes back to what opened a part of the page when that part goes', async () => {
	for (const name of ['box', 'opener', 'first', 'second']) element(name).focus();
	element('sheet').remove();
	await settled();
	expect(element('opener')).toHaveFocus();
});

it('goes on from a button that is no more, or can be pressed no more', async () => {
	for (const name of ['first', 'second', 'opener']) element(name).focus();
	element('opener').remove();
	await settled();
	expect(element('second')).toHaveFocus();
	(element('second') as HTMLButtonElement).disabled = true;
	await settled();
	expect(element('first')).toHaveFocus();
});

it('stays away where a person has left by hand', async () => {
	element('second').focus();
	element('opener').focus();
	element('opener').blur();
	element('sheet').remove();
	await settled();
	expect(document.body).toHaveFocus();
});

it('leaves alone what has been moved somewhere better', async () => {
	for (const name of ['opener', 'first']) element(name).focus();
	element('sheet').remove();
	element('box').focus();
	await settled();
	expect(element('box')).toHaveFocus();
});
