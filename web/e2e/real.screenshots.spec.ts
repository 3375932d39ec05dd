/**
 * Pictures of the real program to look at, with a past that was brought in: `npm run screenshots` fills
 * web/screenshots/. Every page and what opens over it, at both sizes, in both themes and languages. Not a test of anything.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { APIRequestContext } from '@playwright/test';
import { everywhere } from './items.ts';
import { live, pastPicture, unsureAnswer } from './past.ts';
import type { Person } from './person.ts';
import { holdAnswers, type Script } from './scripted.ts';
import { expect, test } from './served.ts';

const program = resolve(process.env['LOOKDESK_BIN'] ?? '../target/debug/lookdesk');
const minute = 60_000;
const day = 24 * 60 * minute;

/** Three weeks of a desk; returns the conversation to show. */
async function past(person: Person, request: APIRequestContext): Promise<string> {
	const [panel, label] = [
		await pastPicture(request, 'device-panel.jpg'),
		await pastPicture(request, 'label-en.jpg')
	];
	const say = (english: string, chinese: string) => person.say(english, chinese);
	const questions = [
		say('Which error code is shown?', '屏幕上显示的错误码是什么？'),
		say('What is the model number?', '型号是什么？'),
		say('Is the WAN light on?', 'WAN 灯亮了吗？'),
		say('When was it made?', '生产日期是哪天？')
	];
	const answers = [
		say('It shows E107.', '显示 E107。'),
		say('The model is AX5400.', '型号是 AX5400。'),
		say('The WAN light is off.', 'WAN 灯没有亮。'),
		say('It was made in 2024.04.', '生产日期是 2024.04。')
	];
	const many = Array.from({ length: 60 }, (_, index) => {
		const which = [0, 0, 0, 1, 1, 2, 3][index % 7] ?? 0;
		const at = Date.now() - ((index * 7) % 21) * day - ((index * 37) % 600) * minute - minute;
		const text = answers[which] ?? '';
		const start = text.search(/[A-Z0-9]{2}/);
		const isDoubtful = index % 6 === 0 && start >= 0;
		return {
			title: questions[which] ?? '',
			customer:
				[null, say('Anna Weber', '王芳'), say('Order 7731', '订单 7731')][index % 3] ?? null,
			verdict: ['solved', 'solved', null, 'handed_over', 'wrong'][index % 5] ?? null,
			at,
			rounds: [
				...(index % 4 === 0
					? [
							{
								question: questions[2] ?? '',
								at: at - minute,
								answers: [{ text: answers[2] ?? '' }]
							}
						]
					: []),
				{
					question: questions[which] ?? '',
					at,
					pictures: index % 2 ? [label] : [panel],
					answers: [
						{
							text,
							firstWordMs: 300 + ((index * 131) % 1900),
							marks: isDoubtful
								? [{ start, end: start + 4, certainty: 'doubtful', probability: 0.35 }]
								: [],
							feedback: { thumb: [null, 'up', 'up', 'down'][index % 4] ?? null, correction: null }
						}
					]
				}
			]
		};
	});
	const ids = await live(request, many);
	const evident = say(
		'Model AX73, code E102, made 2024.04.\n\nThe **NET** light is red:\n\n- check the cable\n- restart the router',
		'型号 AX73，错误码 E102，生产日期 2024.04。\n\n**NET** 灯是红色：\n\n- 检查网线\n- 重启路由器'
	);
	const mark = (words: string, certainty: string, probability: number) => ({
		start: evident.indexOf(words),
		end: evident.indexOf(words) + words.length,
		certainty,
		probability
	});
	const [shown] = await live(request, [
		{
			title: say('AX73 router, lights', 'AX73 路由器指示灯'),
			customer: say('Anna Weber', '王芳'),
			verdict: 'handed_over',
			pinned: true,
			at: Date.now() - 2 * minute,
			rounds: [
				{
					question: say('Model, code and lights?', '型号、错误码和指示灯？'),
					pictures: [panel, label],
					answers: [
						{
							...unsureAnswer,
							text: evident,
							marks: [
								mark('AX73', 'check', 0.7),
								mark('E102', 'doubtful', 0.3),
								mark('2024.04', 'certain', 0.99)
							],
							evidence: [
								{ picture: panel.id, label: 'E102', box: [180, 240, 560, 470] },
								{
									picture: panel.id,
									label: say('red NET light', '红色 NET 灯'),
									box: [620, 560, 820, 760]
								}
							],
							readings: [
								{
									picture: panel.id,
									was: 'AX73',
									text: 'AX75',
									box: [200, 250, 500, 400],
									agrees: false,
									probability: 0.62
								}
							],
							feedback: { thumb: 'up', correction: null }
						}
					]
				}
			]
		}
	]);
	for (const id of ids.slice(0, 3)) await request.delete(`/api/conversations/${id}`);
	return shown ?? '';
}

for (const look of everywhere) {
	for (const colorScheme of ['light', 'dark'] as const) {
		const isPhone = look.endsWith('phone');
		test.describe(`${look}, ${colorScheme}`, () => {
			test.use({
				colorScheme,
				locale: look.startsWith('zh') ? 'zh-CN' : 'en-GB',
				viewport: isPhone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
				hasTouch: isPhone,
				isMobile: isPhone
			});

			test('every page', async ({ page, person, t, request }) => {
				test.setTimeout(180_000);
				page.setDefaultTimeout(15_000);
				const take = async (name: string) => {
					await page.waitForTimeout(250);
					await page.screenshot({ path: `screenshots/real/${look}-${colorScheme}-${name}.png` });
				};
				const escape = () => page.keyboard.press('Escape');
				await person.open();
				await page.locator('[data-sample] img').first().waitFor();
				await take('01-empty');
				const id = await past(person, request);
				const script: Script = await holdAnswers(page);
				await page.reload();
				await person.isReady();
				await person.add('device-panel.jpg', 'label-en.jpg');
				await person.give('IMG_0001.HEIC', 'image/heic', Buffer.from('0'));
				await person.box.fill(person.say('Model, code and lights?', '型号、错误码和指示灯？'));
				await take('02-pictures');
				await person.box.press('Enter');
				await script.say({ type: 'queued', position: 3, wait_ms: null });
				await take('03-queue');
				await script.say({ type: 'reading', picture: 1, of: 2, tokens: 40, cached: false });
				await take('04-reading');
				await script.say({
					type: 'delta',
					text: person.say('The panel shows **E102** and', '面板显示 **E102**，并且'),
					tokens: []
				});
				await take('05-streaming');
				await script.end();
				await page.goto(`/#/c/${id}`);
				await expect(person.finished).toHaveCount(1);
				await take('06-answered');
				const chip = page.getByRole('button', { name: t.evidence.one(1, 'E102') });
				await chip.click();
				if (!isPhone) await chip.hover();
				await take('07-evidence');
				await page.locator('.mark.doubtful').click();
				await take('08-how-sure');
				await person.press(t.closer.lookOn(1));
				await page.getByRole('application', { name: t.closer.draw('E102') }).waitFor();
				await page.keyboard.press('ArrowRight');
				await take('09-drawing');
				await escape();
				await page.getByRole('figure').scrollIntoViewIfNeeded();
				await take('10-looked-closer');
				await person.press(t.feedback.down);
				await take('11-correcting');
				await page.getByRole('button', { name: t.edit.edit, exact: true }).first().click();
				await take('12-editing');
				await escape();
				await person.press(t.chain.clear);
				await take('13-clear');
				await escape();
				await person.openPanel();
				await take('14-list');
				await person.search.fill('E10');
				await page.waitForTimeout(400);
				await take('15-search');
				await person.search.fill('');
				await person.openSettings();
				await page.getByLabel(t.roles.preview).scrollIntoViewIfNeeded();
				await take('16-settings');
				await person.press(t.roles.edit);
				await take('17-roles');
				await escape();
				await person.closePanel();
				if (!isPhone) {
					await person.press(t.shortcuts.open);
					await take('18-shortcuts');
					await escape();
				}
				await person.press(t.live.details);
				await take('19-machine');
				await escape();
				await page.route('**/api/conversations/*/rounds', (route) => route.abort());
				await page.goto('/?error');
				await person.isReady();
				await page.goto('/#/?verdict=solved&doubtful=false');
				await take('20-filtered');

				await page.goto('/#/insights');
				await person.card(t.insights.hours.title).waitFor();
				await take('30-insights');
				await page.setViewportSize({ width: isPhone ? 390 : 1440, height: isPhone ? 3000 : 2000 });
				await take('31-insights-whole');
				await page.goto('/#/records');
				await person.card(t.records.bin.title).getByRole('row').nth(1).waitFor();
				const place = person.card(t.records.customer.title);
				await place
					.getByLabel(t.records.customer.name, { exact: true })
					.fill(person.say('Anna Weber', '王芳'));
				await place.getByRole('button', { name: t.records.customer.look, exact: true }).click();
				await place.getByText(t.records.customer.willGo).waitFor();
				await page.getByTestId('import').setInputFiles({
					name: 'table.csv',
					mimeType: 'text/csv',
					buffer: Buffer.from('a,b\n')
				});
				await take('33-records-whole');
				await page.setViewportSize({ width: isPhone ? 390 : 1440, height: isPhone ? 844 : 900 });
				await take('32-records');
				await person
					.card(t.records.bin.title)
					.getByRole('row')
					.nth(1)
					.getByRole('button')
					.last()
					.click();
				await take('34-delete');
				await escape();
				await page.goto('/#/insights?from=2001-01-01&to=2001-01-31');
				await page.getByRole('heading', { name: t.insights.empty }).waitFor();
				await take('35-insights-empty');
				await page.goto('/docs');
				await take('40-docs');
			});

			test('what fails', async ({ page, person, t }) => {
				await page.route('**/api/conversations/*/rounds', (route) => route.abort());
				await person.open();
				await person.add('label-en.jpg');
				await person.ask(person.sample('label-en.jpg').question);
				await person.alert.waitFor();
				await page.waitForTimeout(250);
				await page.screenshot({ path: `screenshots/real/${look}-${colorScheme}-21-error.png` });
				await page.unroute('**/api/conversations/*/rounds');
				await person.press(t.conversation.retry);
				await expect(person.finished).toHaveCount(1);
				await person.press(t.evidence.where);
				await page.getByText(t.evidence.none).waitFor();
				await page.screenshot({
					path: `screenshots/real/${look}-${colorScheme}-22-no-evidence.png`
				});
			});

			test('signing in', async ({ page }) => {
				const made = spawnSync(program, ['key', 'new', 'ann'], { encoding: 'utf8' });
				const folder = mkdtempSync(join(tmpdir(), 'lookdesk-'));
				writeFileSync(join(folder, 'keys'), made.stdout);
				const child = spawn(
					program,
					['serve', '--port', '0', '--api-key-file', join(folder, 'keys')],
					{ stdio: ['ignore', 'pipe', 'ignore'] }
				);
				const lines = createInterface({ input: child.stdout });
				const first = await lines[Symbol.asyncIterator]().next();
				const url = /http:\/\/\S+/.exec(String(first.value))?.[0] ?? '';
				await page.goto(url);
				await page.screenshot({ path: `screenshots/real/${look}-${colorScheme}-41-signin.png` });
				child.kill('SIGKILL');
				rmSync(folder, { recursive: true });
			});
		});
	}
}
