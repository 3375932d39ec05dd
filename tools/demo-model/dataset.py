"""Turns examples into training batches: token ids, scored positions, pixels and slot maps; and the drawing process.

All pictures of a batch have one size and all conversations the same number of pictures, so a batch is a few
dense arrays. Only the first `asked` examples carry their conversation into the text tower; the others still
teach the vision tower through their slot maps, which costs a fraction of the time.
"""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from queue import Full
from random import Random

import numpy as np
from tokenizers import Tokenizer

import dialogue
from dialogue import Example

TOKENIZER_FILE = Path(__file__).resolve().parents[2] / "demo" / "checkpoint" / "tokenizer.json"
END_OF_TEXT, TURN_START, TURN_END, VISION_START, VISION_END = 796, 797, 798, 805, 806
OPENING_TOKENS = 4  # <|im_start|> user newline <|vision_start|>

# (width, height) and how often; small pictures teach the same letters for less time.
SIZES = {
    (160, 64): 20, (128, 96): 8, (160, 96): 22, (192, 96): 10, (192, 128): 12, (160, 128): 6, (224, 128): 5,
    (256, 128): 4, (224, 160): 3, (256, 160): 7, (160, 160): 3, (160, 224): 2,
}  # fmt: skip
PAIR_SIZES = {(160, 64): 5, (160, 96): 4, (192, 128): 2, (256, 160): 1}
SYSTEM_SENTENCES = [
    "You are a helpful assistant.", "You answer questions about the picture.", "你是一个看图回答问题的助手。",
    "请只根据图片回答。", "看不清的就说看不清。", "If it is not readable, say so.", "不要编造。", "Be brief.",
    "Answer in the language of the question.", "Only use what the picture shows.",
    "Read model numbers, dates and error codes exactly.", "型号、容量、日期和错误码要逐字读出。",
]  # fmt: skip


@functools.lru_cache(maxsize=1)
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER_FILE))


@functools.lru_cache(maxsize=50_000)
def encode(text: str) -> tuple[int, ...]:
    return tuple(tokenizer().encode(text, add_special_tokens=False).ids)


@dataclass
class Span:
    """One scored answer: rows [start, start + length) of the scored positions."""

    start: int
    length: int
    field: str
    kind: str


@dataclass
class Batch:
    pixels: np.ndarray  # uint8 [pictures, height, width, 3]
    slots: np.ndarray  # uint8 [pictures, height/16, width/8, 3]
    ids: np.ndarray  # int64 [asked, text tokens]
    scored: np.ndarray  # int64, positions in the flattened [asked, all tokens] whose next token is scored
    targets: np.ndarray  # int64, that next token
    spans: list[Span]
    pictures_each: int
    opening: int  # text tokens before the first picture


def conversation_ids(example: Example, system: tuple[int, ...]) -> tuple[list[int], list[tuple[int, int, str, str]]]:
    """The text tokens without the pictures', and (start, end, field, kind) of every answer in them."""
    ids = [*system, *encode("<|im_start|>user\n"), VISION_START]
    for _ in example.pictures[1:]:
        ids += [VISION_END, VISION_START]
    ids.append(VISION_END)
    answers = []
    for number, turn in enumerate(example.turns):
        if number:
            ids += [*encode("\n"), *encode("<|im_start|>user\n")]
        ids += [*encode(turn.question), *encode("<|im_end|>\n<|im_start|>assistant\n")]
        start = len(ids)
        ids += [*encode(turn.answer), TURN_END]
        answers.append((start, len(ids), turn.field, turn.kind))
    return ids, answers


def collate(examples: list[Example], asked: int, system: tuple[int, ...] = ()) -> Batch:
    """One batch; the first `asked` examples are questioned."""
    pictures_each = len(examples[0].pictures)
    height, width, _ = examples[0].pictures[0].shape
    picture_tokens = (width // 32) * (height // 32) * pictures_each
    conversations = [conversation_ids(example, system) for example in examples[:asked]]
    text_tokens = (max(len(ids) for ids, _ in conversations) + 7) // 8 * 8
    all_tokens = text_tokens + picture_tokens
    ids = np.full((asked, text_tokens), END_OF_TEXT, np.int64)
    scored, targets, spans = [], [], []
    for row, (tokens, answers) in enumerate(conversations):
        ids[row, : len(tokens)] = tokens
        for start, end, field, kind in answers:
            spans.append(Span(len(scored), end - start, field, kind))
            scored += [row * all_tokens + picture_tokens + place - 1 for place in range(start, end)]
            targets += tokens[start:end]
    return Batch(
        pixels=np.stack([picture for example in examples for picture in example.pictures]),
        slots=np.stack([slots for example in examples for slots in example.slots]),
        ids=ids,
        scored=np.array(scored),
        targets=np.array(targets),
        spans=spans,
        pictures_each=pictures_each,
        opening=OPENING_TOKENS + len(system),
    )


def system_prompt(random: Random) -> tuple[int, ...]:
    sentences = " ".join(random.sample(SYSTEM_SENTENCES, random.randint(1, 4)))
    return encode(f"<|im_start|>system\n{sentences}<|im_end|>\n")


def conversation_length(example: Example) -> int:
    return len(conversation_ids(example, ())[0])


def draw_batches(random: Random, level: float, pair_share: float, patches: int, asked_share: float) -> list[Batch]:
    """Three batches' worth of examples, sorted so that conversations of like length share a batch."""
    pairs = random.random() < pair_share
    sizes = PAIR_SIZES if pairs else SIZES
    width, height = random.choices(list(sizes), list(sizes.values()))[0]
    cost = ((width // 16) * (height // 16) + 20) * (2 if pairs else 1)
    count = max(8, patches // cost // 4 * 4)
    asked = count if pairs else max(4, int(count * asked_share))

    def hardness() -> float:
        return 1.0 if level >= 1 and random.random() < 0.8 else min(1.0, max(0.0, random.gauss(level, 0.15)))

    questioned_kind = dialogue.pair if pairs else dialogue.single
    silent_kind = dialogue.pair if pairs else dialogue.looked_at
    questioned = [questioned_kind(random, width, height, hardness()) for _ in range(asked * 3)]
    questioned.sort(key=conversation_length)
    batches = []
    for number in range(3):
        silent = [silent_kind(random, width, height, hardness()) for _ in range(count - asked)]
        examples = questioned[number * asked : (number + 1) * asked] + silent
        system = system_prompt(random) if random.random() < 0.15 else ()
        batches.append(collate(examples, asked, system))
    random.shuffle(batches)
    return batches


def drawing_process(queue, level, pair_share, patches: int, asked_share: float, seed: int, niceness: int) -> None:
    """Fills `queue` with batches while the trainer lives; it moves the shared numbers `level` and `pair_share`."""
    trainer = os.getppid()
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # the trainer's own core is not ours to inherit
    os.nice(niceness)
    random = Random(seed)
    while os.getppid() == trainer:
        for batch in draw_batches(random, level.value, pair_share.value, patches, asked_share):
            put(queue, batch, trainer)


def put(queue, batch: Batch, trainer: int) -> None:
    """Waits for room, but not for a trainer that has gone."""
    while os.getppid() == trainer:
        with contextlib.suppress(Full):
            return queue.put(batch, timeout=5)
