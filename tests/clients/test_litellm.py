"""`litellm`, which many programs use to speak to any model."""

import json
import unittest

# First: it tells litellm to look nothing up on a network.
from desk import MODEL, MODEL_SCHEMA, asked, desk

import litellm

litellm.telemetry = False
litellm.suppress_debug_info = True


def complete(**options):
    options = {"messages": asked("What is the model number?", "label-en.jpg"), **options}
    options = {"model": f"openai/{MODEL}", "api_key": desk().key, **options}
    return litellm.completion(api_base=desk().base, temperature=0, num_retries=0, max_retries=0, **options)


class LiteLlm(unittest.TestCase):
    def test_a_picture_is_answered_whole_and_in_a_stream(self):
        whole = complete().choices[0].message.content
        self.assertIn("AX5400", whole)
        words = "".join(chunk.choices[0].delta.content or "" for chunk in complete(stream=True))
        self.assertEqual(words, whole)

    def test_two_pictures_are_compared(self):
        files = ("sharp-or-blurred-1.jpg", "sharp-or-blurred-2.jpg")
        reply = complete(messages=asked("Which picture is sharper?", *files))
        self.assertIn("first", reply.choices[0].message.content)

    def test_an_answer_is_held_to_a_schema(self):
        named = {"name": "label", "strict": True, "schema": MODEL_SCHEMA}
        reply = complete(response_format={"type": "json_schema", "json_schema": named})
        self.assertRegex(json.loads(reply.choices[0].message.content)["model"], "^[A-Z]{2}[0-9]{4}$")

    def test_a_stream_counts_its_tokens(self):
        chunks = list(complete(stream=True, stream_options={"include_usage": True}))
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)

    def test_log_probabilities_arrive(self):
        tokens = complete(logprobs=True, top_logprobs=2).choices[0].logprobs.content
        self.assertTrue(all(len(token.top_logprobs) == 2 for token in tokens))

    def test_who_asks_too_much_at_once_is_sent_away(self):
        options = {"max_tokens": 1500, "extra_body": {"ignore_eos": True}, "stream": True}
        holding = complete(api_key=desk().single_key, **options)
        next(iter(holding))
        with self.assertRaises(litellm.RateLimitError):
            complete(api_key=desk().single_key)
        holding.completion_stream.close()

    def test_errors_are_the_ones_it_knows(self):
        with self.assertRaises(litellm.AuthenticationError):
            complete(api_key="ld_wrong")
        with self.assertRaises(litellm.NotFoundError):
            complete(model="openai/gpt-9")
        with self.assertRaises(litellm.BadRequestError):
            complete(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}])
        with self.assertRaises(litellm.ContextWindowExceededError):
            complete(messages=asked("error code " * 5000))


if __name__ == "__main__":
    unittest.main()
