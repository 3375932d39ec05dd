"""Every reply fits the types of the `openai` package. The package itself reads leniently: what is missing or of
another type goes unnoticed until a program stumbles over it. Here its types are held to."""

import json
import unittest
import urllib.request

from openai.pagination import SyncPage
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.input_token_count_response import InputTokenCountResponse
from pydantic import TypeAdapter

from desk import MODEL, MODEL_SCHEMA, asked, desk, uri

EVENT = TypeAdapter(ResponseStreamEvent)

# What OpenAI's published description has in every reply; the package's types let some of it be left out.
RESPONSE = {
    "id", "object", "created_at", "status", "error", "incomplete_details", "instructions", "max_output_tokens", "model",
    "output", "parallel_tool_calls", "previous_response_id", "reasoning", "store", "temperature", "text", "tool_choice",
    "tools", "top_p", "truncation", "usage", "metadata", "background", "service_tier", "top_logprobs", "max_tool_calls",
    "completed_at",
}
COMPLETION = {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
CHOICE = {"index", "message", "logprobs", "finish_reason"}
MESSAGE = {"role", "content", "refusal", "annotations"}


def sent(path: str, body: dict | None = None) -> str:
    data = None if body is None else json.dumps({"model": MODEL, "temperature": 0, **body}).encode()
    headers = {"authorization": f"Bearer {desk().key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{desk().base}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode()


def streamed(path: str, body: dict) -> list[str]:
    lines = sent(path, {**body, "stream": True}).splitlines()
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


class Chat(unittest.TestCase):
    question = {"messages": asked("What is the model number?", "label-en.jpg")}
    named = {"name": "label", "strict": True, "schema": MODEL_SCHEMA}
    manners = (
        {},
        {"n": 2, "logprobs": True, "top_logprobs": 2},
        {"logprobs": True},
        {"max_tokens": 1},
        {"response_format": {"type": "json_schema", "json_schema": named}},
    )

    def test_whole_answers(self):
        for manner in self.manners:
            with self.subTest(manner):
                body = json.loads(sent("/chat/completions", {**self.question, **manner}))
                ChatCompletion.model_validate(body, strict=True)
                self.assertLessEqual(COMPLETION, set(body))
                for choice in body["choices"]:
                    self.assertLessEqual(CHOICE, set(choice))
                    self.assertLessEqual(MESSAGE, set(choice["message"]))

    def test_chunks(self):
        for manner in self.manners:
            with self.subTest(manner):
                options = {"stream_options": {"include_usage": True}}
                *chunks, last = streamed("/chat/completions", {**self.question, **manner, **options})
                self.assertEqual(last, "[DONE]")
                chunks = [json.loads(chunk) for chunk in chunks]
                for chunk in chunks:
                    ChatCompletionChunk.model_validate(chunk, strict=True)
                    self.assertEqual(chunk["service_tier"], "default")
                self.assertEqual({json.dumps(chunk["usage"]) for chunk in chunks[:-1]}, {"null"})
                self.assertEqual((chunks[-1]["choices"], len({chunk["id"] for chunk in chunks})), ([], 1))


class Responses(unittest.TestCase):
    picture = {"type": "input_image", "image_url": uri("label-en.jpg"), "detail": "auto"}
    text = {"type": "input_text", "text": "What is the model number?"}
    question = {"input": [{"role": "user", "content": [picture, text]}]}
    manners = (
        {},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2, "metadata": {"ticket": "7"}},
        {"max_output_tokens": 1, "instructions": "Be brief."},
        {"text": {"format": {"type": "json_schema", "name": "label", "schema": MODEL_SCHEMA, "strict": True}}},
        {"text": {"format": {"type": "json_object"}}, "max_output_tokens": 5},
    )

    def fits(self, body: dict) -> None:
        Response.model_validate(body, strict=True)
        self.assertLessEqual(RESPONSE, set(body))

    def test_whole_answers(self):
        for manner in self.manners:
            with self.subTest(manner):
                self.fits(json.loads(sent("/responses", {**self.question, **manner})))

    def test_events(self):
        for manner in self.manners:
            with self.subTest(manner):
                events = [json.loads(event) for event in streamed("/responses", {**self.question, **manner})]
                for event in events:
                    EVENT.validate_python(event, strict=True)
                    if "response" in event:
                        self.fits(event["response"])
                self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
                kinds = [event["type"].removeprefix("response.") for event in events]
                start = ["created", "in_progress", "output_item.added", "content_part.added"]
                ends = ["output_text.done", "content_part.done", "output_item.done"]
                self.assertEqual((kinds[:4], kinds[-4:-1]), (start, ends))
                self.assertLessEqual(set(kinds[4:-4]), {"output_text.delta"})
                last = "completed" if events[-1]["response"]["status"] == "completed" else "incomplete"
                self.assertEqual(kinds[-1], last)


class Rest(unittest.TestCase):
    def test_models_and_counts(self):
        listed = json.loads(sent("/models"))
        SyncPage[Model].model_validate(listed, strict=True)
        Model.model_validate(json.loads(sent(f"/models/{MODEL}")), strict=True)
        counted = json.loads(sent("/responses/input_tokens", {"input": "?"}))
        InputTokenCountResponse.model_validate(counted, strict=True)


if __name__ == "__main__":
    unittest.main()
