/** The `openai` package for Node.js, as a program that knows nothing of Lookdesk uses it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { asked, model, modelSchema, start, uri } from './desk.mjs';

const question = 'What is the model number?';
let desk;
let client;

before(async () => {
	desk = await start();
	client = new OpenAI({ baseURL: desk.base, apiKey: desk.key, maxRetries: 0 });
});
after(() => desk?.stop());

const complete = (options = {}) =>
	client.chat.completions.create({
		model,
		messages: asked(question, 'label-en.jpg'),
		temperature: 0,
		...options
	});

test('a picture is answered whole and in a stream, in the same words', async () => {
	const whole = await complete();
	assert.match(whole.choices[0].message.content, /AX5400/);
	let words = '';
	let usage;
	for await (const chunk of await complete({ stream: true, stream_options: { include_usage: true } })) {
		words += chunk.choices[0]?.delta.content ?? '';
		usage = chunk.usage ?? usage;
	}
	assert.equal(words, whole.choices[0].message.content);
	assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test('two pictures are compared', async () => {
	const files = ['sharp-or-blurred-1.jpg', 'sharp-or-blurred-2.jpg'];
	const reply = await complete({ messages: asked('Which picture is sharper?', ...files) });
	assert.match(reply.choices[0].message.content, /first/);
});

test('several answers, their tokens and their schema', async () => {
	const format = { name: 'label', strict: true, schema: modelSchema };
	const reply = await complete({
		n: 2,
		logprobs: true,
		top_logprobs: 2,
		response_format: { type: 'json_schema', json_schema: format }
	});
	assert.deepEqual(
		reply.choices.map((choice) => choice.index),
		[0, 1]
	);
	for (const choice of reply.choices) {
		assert.match(JSON.parse(choice.message.content).model, /^[A-Z]{2}[0-9]{4}$/);
		const spelt = Buffer.concat(choice.logprobs.content.map((token) => Buffer.from(token.bytes)));
		assert.equal(spelt.toString(), choice.message.content);
	}
});

test('a response comes whole and in events', async () => {
	const input = [
		{
			role: 'user',
			content: [
				{ type: 'input_image', image_url: uri('label-en.jpg'), detail: 'auto' },
				{ type: 'input_text', text: question }
			]
		}
	];
	const whole = await client.responses.create({ model, input, temperature: 0 });
	assert.match(whole.output_text, /AX5400/);
	const stream = client.responses.stream({ model, input, temperature: 0 });
	const final = await stream.finalResponse();
	assert.equal(final.output_text, whole.output_text);
});

test('an answer is parsed, and its stream comes together', async () => {
	const named = { name: 'label', strict: true, schema: modelSchema };
	const response_format = { type: 'json_schema', json_schema: named };
	const messages = asked(question, 'label-en.jpg');
	const parsed = await client.chat.completions.parse({ model, messages, temperature: 0, response_format });
	assert.match(JSON.parse(parsed.choices[0].message.content).model, /^[A-Z]{2}[0-9]{4}$/);
	const stream = client.chat.completions.stream({ model, messages, temperature: 0, logprobs: true });
	const final = await stream.finalChatCompletion();
	assert.match(final.choices[0].message.content, /AX5400/);
	assert.ok(final.choices[0].logprobs.content.length > 0);
});

test('tokens are counted before they are spent', async () => {
	const counted = await client.responses.inputTokens.count({ model, input: question });
	const spent = await client.responses.create({ model, input: question, max_output_tokens: 1 });
	assert.equal(counted.input_tokens, spent.usage.input_tokens);
	assert.equal(spent.incomplete_details.reason, 'max_output_tokens');
});

test('the request id comes back', async () => {
	const { data, response, request_id } = await client.models.list().withResponse();
	assert.equal(data.data[0].id, model);
	assert.equal(response.headers.get('x-request-id'), request_id);
	assert.equal((await complete({ max_tokens: 1 }))._request_id.length > 0, true);
});

test('a client that is sent away comes back by itself when it was told to', async () => {
	const options = { baseURL: desk.base, apiKey: desk.singleKey };
	const messages = asked('Count.', 'label-en.jpg');
	const once = new OpenAI({ ...options, maxRetries: 0 });
	const long = { model, messages, max_tokens: 1500, ignore_eos: true, stream: true };
	const holding = await once.chat.completions.create(long);
	await holding[Symbol.asyncIterator]().next();
	await assert.rejects(once.chat.completions.create({ model, messages }), (error) => {
		assert.ok(error instanceof OpenAI.RateLimitError);
		assert.equal(error.headers.get('retry-after'), '1');
		return true;
	});
	setTimeout(() => holding.controller.abort(), 300);
	const began = Date.now();
	const patient = new OpenAI({ ...options, maxRetries: 4 });
	await patient.chat.completions.create({ model, messages, max_tokens: 2 });
	// Its own first pause is half a second; ours is one.
	assert.ok(Date.now() - began > 900);
});

test('a stream that is left is let go', async () => {
	const stream = await complete({ stream: true });
	for await (const chunk of stream) {
		assert.ok(chunk.id);
		break;
	}
	assert.match((await complete()).choices[0].message.content, /AX5400/);
});

test('errors are the ones the package knows', async () => {
	const stranger = new OpenAI({ baseURL: desk.base, apiKey: 'ld_wrong', maxRetries: 0 });
	await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
	await assert.rejects(complete({ model: 'gpt-9' }), OpenAI.NotFoundError);
	const picture = { type: 'image_url', image_url: { url: 'file:///etc/passwd' } };
	await assert.rejects(complete({ messages: [{ role: 'user', content: [picture] }] }), (error) => {
		assert.ok(error instanceof OpenAI.BadRequestError);
		assert.equal(error.param, 'messages[0].content[0].image_url.url');
		return true;
	});
	const large = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(28 << 20)}` } };
	await assert.rejects(complete({ messages: [{ role: 'user', content: [large] }] }), (error) => {
		assert.deepEqual([error.status, error.code], [413, 'picture_too_large']);
		return true;
	});
	await assert.rejects(complete({ messages: asked('error code '.repeat(5000)) }), (error) => {
		assert.equal(error.code, 'context_length_exceeded');
		return true;
	});
});
