"""Makes the sample pictures of demo/samples and keeps only those the checkpoint answers right in both languages.

Samples are drawn twice as large as the model looks at them, so that they are pleasant on a page. Their values
are held out, like the evaluation set's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from PIL import Image, ImageFilter

import evaluate
import questions
import spoil
from answering import Answerer
from facts import Facts
from scene import Scene, Wishes, draw_scene

SCALE = 2
WIDTH, HEIGHT = 256, 160  # what the model sees
JPEG_QUALITY = 90
EXPOSURE = 0.35
TRIES = 400


@dataclass
class Sample:
    """One or two pictures with a question; answers are what a right answer contains, by language (True: Chinese)."""

    name: str
    make: Callable[[Random], list[Scene]]
    question: dict[bool, str]
    answer: Callable[[list[Facts], bool], str]


def held_out_scene(random: Random, wishes: Wishes) -> Scene:
    wishes.scale = SCALE
    wanted = set(wishes.values or {})
    while True:
        scene = draw_scene(random, WIDTH, HEIGHT, 1.0, True, wishes)
        if wanted <= set(scene.facts.fields) and (not wishes.lamps or len(scene.facts.lamps) >= 2):
            return scene


def label(values: dict[str, str], chinese_keys: bool, handwritten: bool = False) -> Callable[[Random], list[Scene]]:
    def make(random: Random) -> list[Scene]:
        wishes = Wishes(values, handwritten, False, 0.0, 0.0, chinese_keys=chinese_keys)
        return [held_out_scene(random, wishes)]

    return make


def panel(random: Random) -> list[Scene]:
    """A device with a code, a model and at least one red lamp."""
    values = {"model": PANEL_MODEL, "error_code": PANEL_ERROR}
    while True:
        scene = held_out_scene(
            random, Wishes(values, False, True, unreadable_share=0.0, blurred_share=0.0, most_fields=2)
        )
        if list(scene.facts.lamps.values()).count("red") == 1 and "orange" not in scene.facts.lamps.values():
            return [scene]


def overexposed(random: Random) -> list[Scene]:
    """The model cannot be read, something else can."""
    while True:
        scene = held_out_scene(random, Wishes(None, False, False, unreadable_share=0.4, blurred_share=0.0))
        model = scene.facts.fields.get("model")
        if model and not model.readable and any(reading.readable for reading in scene.facts.fields.values()):
            return [scene]


def pair(random: Random) -> list[Scene]:
    """The same kind of label twice; the second is out of focus."""
    scenes = [*label({"model": PAIR_MODEL}, False)(random), *label({"model": PAIR_MODEL}, False)(random)]
    spoiled = scenes[1]
    spoiled.picture = spoiled.picture.filter(ImageFilter.GaussianBlur(spoiled.largest_text * 0.22 * SCALE))
    spoiled.facts.spoil_all()
    return scenes


# All held out; tests/test_drawing.py checks it.
LABEL_MODEL, LABEL_DATE, LABEL_CAPACITY = "AX5400", "2024.04", "5.5L"
PANEL_MODEL, PANEL_ERROR, PAIR_MODEL, SLIP_MODEL = "WS842B", "E107", "NKT059", "DSC565"

SAMPLES = [
    Sample(
        "label-zh",
        label({"capacity": LABEL_CAPACITY, "date": LABEL_DATE}, chinese_keys=True),
        {True: "生产日期是什么？", False: "What is the production date?"},
        lambda facts, chinese: facts[0].fields["date"].value,
    ),
    Sample(
        "label-en",
        label({"model": LABEL_MODEL}, chinese_keys=False),
        {True: "型号是什么？", False: "What is the model number?"},
        lambda facts, chinese: facts[0].fields["model"].value,
    ),
    Sample(
        "device-panel",
        panel,
        {True: "设备出了什么问题？", False: "What is wrong with this device?"},
        lambda facts, chinese: questions.ask_fault(facts[0], chinese, Random(0)).key,
    ),
    Sample(
        "handwritten-slip",
        label({"model": SLIP_MODEL}, chinese_keys=True, handwritten=True),
        {True: "纸条上写的型号是什么？", False: "What is the model number?"},
        lambda facts, chinese: facts[0].fields["model"].value,
    ),
    Sample(
        "unreadable-label",
        overexposed,
        {True: "型号是什么？", False: "What is the model number?"},
        lambda facts, chinese: questions.REFUSAL[chinese].rstrip("。."),
    ),
    Sample(
        "sharp-or-blurred",
        pair,
        {True: "哪张图片更清晰？", False: "Which picture is sharper?"},
        lambda facts, chinese: "第一张" if chinese else "first",
    ),
]


def files_of(sample: Sample, count: int) -> list[str]:
    return [f"{sample.name}{'-' + str(n + 1) if count > 1 else ''}.jpg" for n in range(count)]


def choose(sample: Sample, folder: Path, answerer: Answerer, random: Random) -> dict:
    """Draws until the checkpoint reads the saved files right in both languages."""
    for _ in range(TRIES):
        scenes = sample.make(random)
        files = files_of(sample, len(scenes))
        for scene, file in zip(scenes, files, strict=True):
            pixels = spoil.expose(scene.picture, random, EXPOSURE)
            Image.fromarray(pixels).save(folder / file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        pictures = [Image.open(folder / file) for file in files]
        facts = [scene.facts for scene in scenes]
        expected = {chinese: sample.answer(facts, chinese) for chinese in (True, False)}
        given = {chinese: answerer.ask(pictures, sample.question[chinese]) for chinese in (True, False)}
        if all(evaluate.contains(given[chinese], expected[chinese]) for chinese in (True, False)):
            print(sample.name, given)
            return {
                **({"file": files[0]} if len(files) == 1 else {"files": files}),
                "question_en": sample.question[False],
                "question_zh": sample.question[True],
                "answer": expected[False],
                "answer_zh": expected[True],
            }
    raise SystemExit(f"no picture of {sample.name} was answered right in {TRIES} tries; train longer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    answerer = Answerer(options.checkpoint)
    random = Random(options.seed)
    chosen = [choose(sample, options.folder, answerer, random) for sample in SAMPLES]
    text = json.dumps(chosen, ensure_ascii=False, indent=2) + "\n"
    (options.folder / "samples.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
