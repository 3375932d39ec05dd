"""The `openai` package, as a program that knows nothing of Lookdesk uses it."""

import asyncio
import json
import threading
import time
import unittest

import openai
from pydantic import BaseModel, Field

from desk import MODEL, MODEL_SCHEMA, asked, content, desk, samples, uri


def client(**options) -> openai.OpenAI:
    return openai.OpenAI(**{"base_url": desk().base, "api_key": desk().key, "max_retries": 0, **options})


class Label(BaseModel):
    """What a label says."""

    model: str = Field(pattern="^[A-Z]{2}[0-9]{4}$")


class ChatCompletions(unittest.TestCase):
    def complete(self, messages, **options):
        return client().chat.completions.create(model=MODEL, messages=messages, temperature=0, **options)

    def test_every_sample_is_answered_in_both_languages(self):
        for sample in samples():
            for language, answer in (("en", "answer"), ("zh", "answer_zh")):
                question = sample[f"question_{language}"]
                with self.subTest(question):
                    reply = self.complete(asked(question, *sample["files"]))
                    self.assertIn(sample[answer], reply.choices[0].message.content)
                    self.assertEqual(reply.choices[0].finish_reason, "stop")
                    self.assertGreater(reply.usage.prompt_tokens, reply.usage.completion_tokens)

    def test_a_stream_says_the_same_words_and_counts_them(self):
        messages = asked("What is the model number?", "label-en.jpg")
        whole = self.complete(messages)
        stream = self.complete(messages, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(words, whole.choices[0].message.content)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(chunks[-1].usage.prompt_tokens, whole.usage.prompt_tokens)

    def test_a_stream_that_is_left_does_not_hold_the_next_question_up(self):
        messages = asked("What is wrong with this device?", "device-panel.jpg")
        for _ in range(3):
            with self.complete(messages, stream=True) as stream:
                next(iter(stream))
        self.assertIn("E107", self.complete(messages).choices[0].message.content)

    def test_many_ask_at_once_and_each_gets_its_own_answer(self):
        questions = [(sample["question_en"], sample["files"], sample["answer"]) for sample in samples()] * 4

        async def ask_all():
            async with openai.AsyncOpenAI(base_url=desk().base, api_key=desk().key) as asker:
                return await asyncio.gather(*(
                    asker.chat.completions.create(model=MODEL, messages=asked(question, *files), temperature=0)
                    for question, files, _ in questions
                ))

        for reply, (question, _, answer) in zip(asyncio.run(ask_all()), questions):
            self.assertIn(answer, reply.choices[0].message.content, question)

    def test_several_answers_come_with_their_places(self):
        messages = asked("What is the model number?", "label-en.jpg")
        reply = client().chat.completions.create(model=MODEL, messages=messages, n=3, temperature=0.3, seed=7)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1, 2])
        again = client().chat.completions.create(model=MODEL, messages=messages, n=3, temperature=0.3, seed=7)
        words = [[choice.message.content for choice in r.choices] for r in (reply, again)]
        self.assertEqual(words[0], words[1])

    def test_logprobs_spell_the_answer(self):
        reply = self.complete(
            asked("What is the model number?", "label-en.jpg"), logprobs=True, top_logprobs=3
        )
        tokens = reply.choices[0].logprobs.content
        spelt = b"".join(bytes(token.bytes) for token in tokens).decode()
        self.assertEqual(spelt, reply.choices[0].message.content)
        for token in tokens:
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(len(token.top_logprobs), 3)
            # The likeliest token is the one that greedy sampling takes.
            self.assertEqual(token.top_logprobs[0].token, token.token)

    def test_an_answer_is_held_to_a_schema(self):
        named = {"name": "label", "strict": True, "schema": MODEL_SCHEMA}
        messages = asked("What is the model number?", "label-en.jpg")
        reply = self.complete(messages, response_format={"type": "json_schema", "json_schema": named})
        answer = json.loads(reply.choices[0].message.content)
        self.assertRegex(answer["model"], "^[A-Z]{2}[0-9]{4}$")
        self.assertEqual(list(answer), ["model"])
        self.assertEqual(reply.choices[0].finish_reason, "stop")

    def test_an_answer_becomes_an_object_of_ones_own(self):
        messages = asked("What is the model number?", "label-en.jpg")
        reply = client().chat.completions.parse(
            model=MODEL, messages=messages, temperature=0, response_format=Label
        )
        self.assertIsInstance(reply.choices[0].message.parsed, Label)
        with client().chat.completions.stream(
            model=MODEL, messages=messages, temperature=0, response_format=Label
        ) as stream:
            final = stream.get_final_completion()
        self.assertEqual(final.choices[0].message.parsed, reply.choices[0].message.parsed)

    def test_several_pictures_are_told_apart(self):
        files = ("sharp-or-blurred-1.jpg", "sharp-or-blurred-2.jpg")
        answers = []
        for order in (files, files[::-1]):
            reply = self.complete(asked("Which picture is sharper?", *order))
            answers.append(reply.choices[0].message.content)
        self.assertIn("first", answers[0])
        self.assertIn("second", answers[1])

    def test_several_streams_in_one_keep_to_their_places(self):
        stream = self.complete(
            asked("What is the model number?", "label-en.jpg"),
            n=2,
            stream=True,
            stream_options={"include_usage": True},
            logprobs=True,
        )
        words, ends, used = {0: "", 1: ""}, {}, []
        for chunk in stream:
            used.append(chunk.usage)
            for choice in chunk.choices:
                words[choice.index] += choice.delta.content or ""
                ends[choice.index] = choice.finish_reason or ends.get(choice.index)
                if choice.logprobs:
                    spelt = b"".join(bytes(token.bytes) for token in choice.logprobs.content)
                    self.assertIn(choice.delta.content, spelt.decode(errors="replace") + words[choice.index])
        self.assertEqual(words[0], words[1])
        self.assertIn("AX5400", words[0])
        self.assertEqual(ends, {0: "stop", 1: "stop"})
        self.assertEqual(set(used[:-1]), {None})
        self.assertGreater(used[-1].completion_tokens, 0)

    def test_any_json_object_is_one(self):
        schema = {"type": "object", "properties": {"a": {"enum": [1]}}, "additionalProperties": False}
        named = {"name": "small", "schema": schema}
        for format in ({"type": "json_schema", "json_schema": named}, {"type": "json_object"}):
            messages = asked("What is the model number?", "label-en.jpg")
            reply = self.complete(messages, response_format=format, max_tokens=200)
            if reply.choices[0].finish_reason == "stop":
                self.assertIsInstance(json.loads(reply.choices[0].message.content), dict)
            else:
                self.assertTrue(reply.choices[0].message.content.lstrip().startswith("{"))

    def test_stop_and_length_end_an_answer(self):
        messages = asked("What is the model number?", "label-en.jpg")
        whole = self.complete(messages).choices[0].message.content
        word = whole.split()[-1]
        stopped = self.complete(messages, stop=[word]).choices[0]
        self.assertEqual((stopped.message.content, stopped.finish_reason), (whole.split(word)[0], "stop"))
        short = self.complete(messages, max_completion_tokens=2)
        self.assertEqual(short.choices[0].finish_reason, "length")
        self.assertEqual(short.usage.completion_tokens, 2)

    def test_a_further_name_is_the_same_model(self):
        messages = asked("What is the model number?", "label-en.jpg")
        reply = client().chat.completions.create(model="gpt-4o", messages=messages)
        self.assertEqual(reply.model, "gpt-4o")
        self.assertEqual([model.id for model in client().models.list()], [MODEL, "gpt-4o"])
        self.assertEqual(client().models.retrieve(MODEL).id, MODEL)

    def test_tokens_are_counted_before_they_are_spent(self):
        messages = asked("What is the model number?", "label-en.jpg")
        path = "/chat/completions/input_tokens"
        counted = client().post(path, body={"model": MODEL, "messages": messages}, cast_to=object)
        spent = self.complete(messages).usage.prompt_tokens
        self.assertEqual(counted["input_tokens"], spent)
        self.assertGreater(counted["input_tokens_details"]["image_tokens"], 0)


class Responses(unittest.TestCase):
    def ask(self, **options):
        message = [
            {"type": "input_image", "image_url": uri("label-en.jpg"), "detail": "auto"},
            {"type": "input_text", "text": "What is the model number?"},
        ]
        options = {"temperature": 0, "input": [{"role": "user", "content": message}], **options}
        return client().responses.create(model=MODEL, **options)

    def test_a_picture_is_answered(self):
        reply = self.ask(store=False)
        self.assertIn("AX5400", reply.output_text)
        self.assertEqual(reply.status, "completed")
        self.assertGreater(reply.usage.input_tokens, 0)

    def test_a_stream_says_the_same_words(self):
        events = list(self.ask(stream=True))
        words = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        self.assertEqual(words, self.ask().output_text)
        self.assertEqual(events[0].type, "response.created")
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.output_text, words)
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))

    def test_a_conversation_comes_with_each_request(self):
        first = self.ask()
        picture = {"role": "user", "content": [{"type": "input_image", "image_url": uri("label-en.jpg")}]}
        again = {"role": "user", "content": "What is the model number?"}
        reply = self.ask(input=[picture, *(item.model_dump() for item in first.output), again])
        self.assertIn("AX5400", reply.output_text)

    def test_an_answer_is_held_to_a_schema(self):
        format = {"type": "json_schema", "name": "label", "strict": True, "schema": MODEL_SCHEMA}
        answer = json.loads(self.ask(text={"format": format}).output_text)
        self.assertEqual(list(answer), ["model"])

    def test_an_answer_becomes_an_object_of_ones_own(self):
        message = [
            {"type": "input_image", "image_url": uri("label-en.jpg"), "detail": "auto"},
            {"type": "input_text", "text": "What is the model number?"},
        ]
        reply = client().responses.parse(
            model=MODEL, input=[{"role": "user", "content": message}], temperature=0, text_format=Label
        )
        self.assertIsInstance(reply.output_parsed, Label)

    def test_log_probabilities_and_metadata_come_back(self):
        labels = {"ticket": "7", "desk": "front"}
        reply = self.ask(include=["message.output_text.logprobs"], top_logprobs=2, metadata=labels)
        part = reply.output[0].content[0]
        self.assertEqual("".join(token.token for token in part.logprobs), part.text)
        self.assertEqual(len(part.logprobs[0].top_logprobs), 2)
        self.assertEqual(reply.metadata, labels)

    def test_an_answer_cut_short_says_why(self):
        reply = self.ask(max_output_tokens=2)
        self.assertEqual((reply.status, reply.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        self.assertEqual(reply.usage.output_tokens, 2)

    def test_nothing_is_remembered(self):
        for field in ({"previous_response_id": "resp_1"}, {"store": True}):
            with self.assertRaises(openai.BadRequestError) as raised:
                self.ask(**field)
            self.assertEqual(raised.exception.param, next(iter(field)))

    def test_tokens_are_counted_before_they_are_spent(self):
        counted = client().responses.input_tokens.count(model=MODEL, input="What is the model number?")
        spent = client().responses.create(model=MODEL, input="What is the model number?")
        self.assertEqual(counted.input_tokens, spent.usage.input_tokens)


class Errors(unittest.TestCase):
    def refused(self, kind, client_options=None, **options):
        options = {"model": MODEL, "messages": asked("?"), **options}
        with self.assertRaises(kind) as raised:
            client(**(client_options or {})).chat.completions.create(**options)
        self.assertTrue(raised.exception.message)
        return raised.exception

    def test_a_wrong_key_stays_out(self):
        error = self.refused(openai.AuthenticationError, {"api_key": "ld_wrong"})
        self.assertEqual((error.status_code, error.code), (401, "invalid_api_key"))

    def test_a_model_nobody_serves_is_not_found(self):
        error = self.refused(openai.NotFoundError, model="gpt-9")
        self.assertEqual((error.code, error.param), ("model_not_found", "model"))
        self.assertIn(MODEL, error.message)

    def test_a_picture_that_is_none_is_named_by_its_place(self):
        place = "messages[0].content[0].image_url.url"
        for url in ("data:image/png;base64,JVBERi0xLjc=", "https://example.com/a.png", "file:///etc/passwd"):
            picture = {"type": "image_url", "image_url": {"url": url}}
            error = self.refused(openai.BadRequestError, messages=[{"role": "user", "content": [picture]}])
            self.assertEqual(error.param, place)

    def test_what_is_not_offered_or_out_of_range_is_named(self):
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        for field, value in (("tools", [tool]), ("temperature", 3), ("n", 99), ("max_tokens", 10**6)):
            error = self.refused(openai.BadRequestError, **{field: value})
            self.assertEqual(error.param, field)
        schema = {"name": "s", "schema": {"type": "nonsense"}}
        format = {"type": "json_schema", "json_schema": schema}
        error = self.refused(openai.BadRequestError, response_format=format)
        self.assertEqual((error.param, error.code), ("response_format", "shape_unsupported"))

    def test_a_question_beyond_the_context_is_known_by_its_code(self):
        error = self.refused(openai.BadRequestError, messages=asked("error code " * 5000))
        self.assertEqual(error.code, "context_length_exceeded")

    def test_who_asks_too_fast_is_told_when_to_come_back(self):
        slow = {"api_key": desk().slow_key}
        client(**slow).chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content("?")}])
        error = self.refused(openai.RateLimitError, slow)
        self.assertGreater(int(error.response.headers["retry-after"]), 0)
        self.assertEqual(error.code, "rate_limit_exceeded")

    def test_a_wrong_piece_is_told_in_words(self):
        picture = {"type": "image_url", "image_url": {"uri": "data:image/png;base64,AAAA"}}
        error = self.refused(openai.BadRequestError, messages=[{"role": "user", "content": [picture]}])
        self.assertEqual(error.param, "messages[0].content[0].image_url.url")
        self.assertIn("is missing", error.message)
        with self.assertRaises(openai.BadRequestError) as raised:
            client().responses.create(model=MODEL, input="?", metadata={"a": 1})
        self.assertEqual(raised.exception.param, "metadata.a")

    def test_a_picture_beyond_its_size_is_too_large(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (28 << 20)}}
        error = self.refused(openai.APIStatusError, messages=[{"role": "user", "content": [picture]}])
        self.assertEqual((error.status_code, error.code), (413, "picture_too_large"))

    def test_a_client_that_is_sent_away_comes_back_by_itself_when_it_was_told_to(self):
        single = {"api_key": desk().single_key}
        question = {"model": MODEL, "messages": asked("Count.", "label-en.jpg")}
        options = {"max_tokens": 1500, "extra_body": {"ignore_eos": True}}
        holding = client(**single).chat.completions.create(**question, **options, stream=True)
        next(iter(holding))
        error = self.refused(openai.RateLimitError, single)
        self.assertEqual((error.code, error.response.headers["retry-after"]), ("too_many_at_once", "1"))
        threading.Timer(0.3, holding.close).start()
        began = time.monotonic()
        reply = client(**single, max_retries=4).chat.completions.create(**question, max_tokens=2)
        # Its own first pause is half a second; ours is one.
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertEqual(reply.choices[0].finish_reason, "length")

    def test_the_request_id_comes_back(self):
        reply = client().models.with_raw_response.list(extra_headers={"x-request-id": "ticket-7"})
        self.assertEqual(reply.headers["x-request-id"], "ticket-7")
        question = {"model": MODEL, "messages": [{"role": "user", "content": "?"}], "max_tokens": 1}
        raw = client().chat.completions.with_raw_response.create(**question)
        self.assertEqual(raw.request_id, raw.parse()._request_id)
        self.assertTrue(raw.request_id)
        self.assertEqual(self.refused(openai.NotFoundError, model="gpt-9").request_id[:1].isalnum(), True)


if __name__ == "__main__":
    unittest.main()
