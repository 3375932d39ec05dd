"""Puts pictures and questions together: one picture with a few turns, or two pictures to compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import numpy as np

import codes
import questions
import spoil
from codes import FIELDS
from facts import Facts
from marks import slot_map
from questions import Turn
from scene import LAMP_NAMES, Scene, Wishes, draw_scene


@dataclass
class Example:
    """Finished pixels (uint8 [height, width, 3] each), the slot map of each, and the conversation about them."""

    pictures: list[np.ndarray]
    slots: list[np.ndarray]
    turns: list[Turn]


def finish(scenes: list[Scene], turns: list[Turn], random: Random, level: float) -> Example:
    height, width = scenes[0].picture.height, scenes[0].picture.width
    pictures = [spoil.expose(scene.picture, random, level) for scene in scenes]
    return Example(pictures, [slot_map(scene.marks, width, height) for scene in scenes], turns)


def looked_at(random: Random, width: int, height: int, level: float) -> Example:
    """A picture nobody asks about, as full as it gets: it teaches through its marks alone."""
    wishes = Wishes(scale=drawing_scale(random), unreadable_share=0.05, blurred_share=0.01, crowded=True)
    scene = draw_scene(random, width, height, level, wishes=wishes).reduce(wishes.scale)
    return finish([scene], [], random, level)


def drawing_scale(random: Random) -> int:
    """A fifth of the pictures is drawn large and reduced, as a photograph of a label is."""
    return 2 if random.random() < 0.2 else 1


def converse(facts: Facts, random: Random, most_turns: int) -> list[Turn]:
    """Up to `most_turns` questions about one picture; the language may change between turns."""
    asked: list = [("field", field) for field in facts.fields] + [("lamp", name) for name in facts.lamps]
    random.shuffle(asked)
    asked = asked[:most_turns]
    extra = random.random()
    if extra < 0.20:
        missing = [("field", field) for field in FIELDS if field not in facts.fields]
        unlit = [name for name in LAMP_NAMES if name not in facts.lamps]
        missing.append(("lamp", random.choice(unlit)))
        asked.append(random.choice(missing))
    elif extra < 0.24:
        asked.append(("never", None))
    elif extra < 0.28 and asked:
        asked.append(("describe", None))
    elif extra < 0.52 and (facts.lamps or "error_code" in facts.fields):
        asked.append(("fault", None))
    asked = asked[-most_turns:] or [("field", random.choice(FIELDS))]
    random.shuffle(asked)
    chinese = random.random() < 0.5
    turns = []
    for kind, name in asked:
        if random.random() < 0.25:
            chinese = not chinese
        if kind == "field":
            turns.append(questions.ask_field(name, facts, chinese, random))
        elif kind == "lamp":
            turns.append(questions.ask_lamp(name, facts, chinese, random))
        elif kind == "never":
            turns.append(questions.ask_never_shown(chinese, random))
        elif kind == "fault":
            turns.append(questions.ask_fault(facts, chinese, random))
        else:
            turns.append(questions.describe(facts, chinese, random))
    return turns


def single(
    random: Random, width: int, height: int, level: float, held_out: bool = False, most_turns: int | None = None
) -> Example:
    wishes = Wishes(scale=drawing_scale(random), empty=random.random() < 0.02)
    scene = draw_scene(random, width, height, level, held_out, wishes).reduce(wishes.scale)
    turns = converse(scene.facts, random, most_turns or random.choice([1, 2, 2, 3]))
    return finish([scene], turns, random, level)


PAIR_WISHES = Wishes(unreadable_share=0.04, blurred_share=0.0, most_fields=2)


def draw_showing(
    values: dict[str, str], random: Random, width: int, height: int, level: float, held_out: bool
) -> Scene:
    """A picture that certainly shows `values`; drawn again when they found no room."""
    wishes = replace(PAIR_WISHES, values=values, scale=drawing_scale(random))
    while True:
        scene = draw_scene(random, width, height, level, held_out, wishes).reduce(wishes.scale)
        if all(field in scene.facts.fields for field in values):
            return scene


def sharper_pair(random: Random, width: int, height: int, level: float, held_out: bool) -> Example:
    """One of two pictures is blurred until nothing on it can be read."""
    sharp = random.randint(0, 1)
    field = random.choice(FIELDS)
    scenes = []
    for number in range(2):
        values = {field: codes.draw_value(field, random, held_out)}
        scene = draw_showing(values, random, width, height, level, held_out)
        if number != sharp:
            scene.picture, scene.marks = spoil.blur_away(scene.picture, scene.marks, scene.largest_text, random)
            scene.facts.spoil_all()
        scenes.append(scene)
    chinese = random.random() < 0.5
    turns = [questions.ask_sharper(sharp, chinese, random)]
    asked = random.randint(0, 1)
    turns.append(questions.ask_field_of(asked, field, scenes[asked].facts, chinese, random))
    random.shuffle(turns)
    return finish(scenes, turns, random, level * 0.5)


def value_pair(random: Random, width: int, height: int, level: float, held_out: bool) -> Example:
    """Two readable pictures: what stands on one of them, and which of them shows a value."""
    field = random.choice(FIELDS)
    values = [codes.draw_value(field, random, held_out) for _ in range(2)]
    scenes = [draw_showing({field: value}, random, width, height, level, held_out) for value in values]
    chinese = random.random() < 0.5
    asked = random.choice([[0], [1], [0, 1], [0, 1], [0, 1], [0, 1]])
    turns = [questions.ask_field_of(number, field, scenes[number].facts, chinese, random) for number in asked]
    if values[0] != values[1]:
        picture = random.randint(0, 1)
        turns.append(questions.ask_which(picture, field, (values[0], values[1]), chinese, random))
    random.shuffle(turns)
    return finish(scenes, turns, random, level * 0.5)


def model_pair(random: Random, width: int, height: int, level: float, held_out: bool) -> Example:
    """Two model codes that are the same, differ in one character, or have nothing in common."""
    first = codes.draw_value("model", random, held_out)
    likeness = random.random()
    if likeness < 0.45:
        second = first
    elif likeness < 0.75:
        second = codes.near_miss(first, random, held_out)
    else:
        second = codes.draw_value("model", random, held_out)
    scenes = [draw_showing({"model": value}, random, width, height, level, held_out) for value in (first, second)]
    if random.random() < 0.1:
        spoiled = random.choice(scenes)
        spoiled.picture, spoiled.marks = spoil.blur_away(spoiled.picture, spoiled.marks, spoiled.largest_text, random)
        spoiled.facts.spoil_all()
    pair = (scenes[0].facts, scenes[1].facts)
    return finish(scenes, [questions.ask_same_model(pair, random.random() < 0.5, random)], random, level * 0.5)


def pair(random: Random, width: int, height: int, level: float, held_out: bool = False) -> Example:
    make = random.choices([sharper_pair, value_pair, model_pair], [0.1, 0.6, 0.3])[0]
    return make(random, width, height, level, held_out)
