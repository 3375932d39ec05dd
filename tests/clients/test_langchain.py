"""`langchain-openai`, over both interfaces."""

import unittest

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from desk import MODEL, content, desk


class Label(BaseModel):
    """What a label says."""

    model: str = Field(description="The model number", pattern="^[A-Z]{2}[0-9]{4}$")


def chat(**options) -> ChatOpenAI:
    options = {"api_key": desk().key, "model": MODEL, "temperature": 0, "max_retries": 0, **options}
    return ChatOpenAI(base_url=desk().base, **options)


QUESTION = "What is the model number?"


class LangChain(unittest.TestCase):
    def message(self) -> HumanMessage:
        return HumanMessage(content=content(QUESTION, "label-en.jpg"))

    def test_a_picture_is_answered_over_both_interfaces(self):
        for responses in (False, True):
            reply = chat(use_responses_api=responses).invoke([SystemMessage("Be brief."), self.message()])
            self.assertIn("AX5400", reply.text, responses)
            self.assertGreater(reply.usage_metadata["input_tokens"], 0)

    def test_two_pictures_are_compared(self):
        files = ("sharp-or-blurred-1.jpg", "sharp-or-blurred-2.jpg")
        message = HumanMessage(content=content("Which picture is sharper?", *files))
        self.assertIn("first", chat().invoke([message]).text)

    def test_a_stream_says_the_same_words_and_counts_them(self):
        for responses in (False, True):
            asker = chat(use_responses_api=responses, stream_usage=True)
            whole = asker.invoke([self.message()])
            chunks = list(asker.stream([self.message()]))
            self.assertEqual("".join(chunk.text for chunk in chunks), whole.text)
            used = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
            self.assertEqual(used[-1]["output_tokens"], whole.usage_metadata["output_tokens"])

    def test_log_probabilities_arrive(self):
        reply = chat(logprobs=True, top_logprobs=2).invoke([self.message()])
        tokens = reply.response_metadata["logprobs"]["content"]
        self.assertEqual("".join(token["token"] for token in tokens), reply.text)

    def test_a_conversation_goes_on(self):
        history = [self.message(), AIMessage("It is AX5400."), HumanMessage(QUESTION)]
        self.assertIn("AX5400", chat().invoke(history).text)

    def test_an_answer_becomes_an_object(self):
        label = chat().with_structured_output(Label, method="json_schema").invoke([self.message()])
        self.assertIsInstance(label, Label)

    def test_errors_arrive(self):
        with self.assertRaises(openai.AuthenticationError):
            chat(api_key="ld_wrong").invoke("?")
        with self.assertRaises(openai.NotFoundError):
            chat(model="gpt-9").invoke("?")
        picture = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}
        with self.assertRaises(openai.BadRequestError):
            chat().invoke([HumanMessage(content=[picture])])


if __name__ == "__main__":
    unittest.main()
