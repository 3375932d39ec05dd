"""Mistakes that would poison training without a sound: leaked codes, answers that do not match, marks that lie."""

from random import Random

import numpy as np
import pytest

import codes
import dataset
import dialogue
import evaluation_set
import fonts
import questions
import samples
import scene
import spoil
from codes import FIELDS
from dataset import PAIR_SIZES, SIZES
from facts import Facts, Reading
from marks import CHARACTER_CLASS, CHARACTER_CLASSES, FIELD_CLASS, FIELD_CLASSES, PLACE_CLASSES, SPOILED, Mark, slot_map
from scene import Wishes, draw_scene

NAME_OF_CLASS = {number: character for character, number in CHARACTER_CLASS.items()}


def shown_values(drawn: scene.Scene) -> list[str]:
    return [reading.value for reading in drawn.facts.fields.values()]


@pytest.mark.parametrize("held_out", [False, True])
def test_a_picture_shows_codes_of_its_own_side_only(held_out: bool) -> None:
    random = Random(1)
    for _ in range(150):
        for value in shown_values(draw_scene(random, 192, 128, 1.0, held_out)):
            assert codes.is_held_out(value) == held_out


def test_a_near_miss_stays_on_its_side_and_differs() -> None:
    random = Random(2)
    for held_out in (False, True):
        for _ in range(100):
            code = codes.draw_value("model", random, held_out)
            other = codes.near_miss(code, random, held_out)
            assert other != code and codes.is_held_out(other) == held_out


def test_values_named_in_pair_answers_never_leak_into_training() -> None:
    random = Random(3)
    for _ in range(150):
        for turn in dialogue.pair(random, 160, 64, 1.0, held_out=False).turns:
            if turn.field in ("field_of_picture",) and turn.kind == "value":
                assert not codes.is_held_out(turn.key)


def test_the_evaluation_set_shows_held_out_values_only() -> None:
    for kind, field, _, make in evaluation_set.RECIPES:
        _, turn, scoring = make(Random(5), True)
        if kind in ("parameters", "handwriting") or field in ("error_code", "field_of_picture"):
            assert scoring == "contains" and codes.is_held_out(turn.key)


def test_the_samples_show_held_out_values_only() -> None:
    shown = [samples.LABEL_MODEL, samples.LABEL_DATE, samples.LABEL_CAPACITY, samples.PANEL_MODEL]
    shown += [samples.PANEL_ERROR, samples.PAIR_MODEL, samples.SLIP_MODEL]
    assert all(codes.is_held_out(value) for value in shown)


def test_the_marks_spell_the_printed_values_in_order() -> None:
    random = Random(6)
    for _ in range(120):
        drawn = draw_scene(random, 192, 128, 1.0, wishes=Wishes(unreadable_share=0, blurred_share=0))
        for field, reading in drawn.facts.fields.items():
            marks = [mark for mark in drawn.marks if mark.field == FIELD_CLASS[field]]
            spelled = "".join(NAME_OF_CLASS[mark.character] for mark in sorted(marks, key=lambda mark: mark.place))
            assert spelled == reading.value


def test_a_spoiled_value_is_marked_spoiled_and_refused() -> None:
    random = Random(7)
    for _ in range(80):
        drawn = draw_scene(random, 192, 128, 1.0, wishes=Wishes(unreadable_share=1.0, blurred_share=0))
        for field, reading in drawn.facts.fields.items():
            if reading.readable:
                continue  # printed without its key, where a smear could not be told from nothing
            marks = [mark for mark in drawn.marks if mark.field == FIELD_CLASS[field]]
            assert marks and all(mark.character == SPOILED for mark in marks)
            for chinese in (True, False):
                turn = questions.ask_field(field, drawn.facts, chinese, random)
                assert turn.answer == questions.REFUSAL[chinese] and turn.kind == "unreadable"


def test_every_mark_stands_inside_the_picture_at_every_size() -> None:
    random = Random(8)
    for width, height in {**SIZES, **PAIR_SIZES}:
        for _ in range(25):
            drawn = draw_scene(random, width, height, 1.0)
            for mark in drawn.marks:
                assert 0 <= mark.x < width and 0 <= mark.y < height
                assert mark.character < CHARACTER_CLASSES
                assert mark.field < FIELD_CLASSES and mark.place < PLACE_CLASSES


def test_a_mark_follows_its_ink_through_the_tilt() -> None:
    random = Random(9)
    for _ in range(20):
        picture = scene.Image.new("RGB", (192, 128), (255, 255, 255))
        x, y = random.randint(40, 150), random.randint(30, 100)
        for dx in range(-2, 3):
            for dy in range(-2, 3):
                picture.putpixel((x + dx, y + dy), (0, 0, 0))
        tilted, marks = spoil.tilt(picture, [Mark(x + 0.5, y + 0.5, 1, 1, 0)], random, 1.0, (255, 255, 255))
        darkness = 255.0 - np.asarray(tilted.convert("L"), dtype=float)
        rows, columns = np.indices(darkness.shape)
        assert abs((columns * darkness).sum() / darkness.sum() + 0.5 - marks[0].x) < 0.7
        assert abs((rows * darkness).sum() / darkness.sum() + 0.5 - marks[0].y) < 0.7


def test_a_picture_drawn_large_and_reduced_keeps_its_marks_on_the_ink() -> None:
    random = Random(10)
    for _ in range(30):
        wishes = Wishes(scale=2, unreadable_share=0, blurred_share=0, handwritten=False, lamps=False)
        drawn = draw_scene(random, 160, 96, 1.0, wishes=wishes).reduce(2)
        assert drawn.picture.size == (160, 96)
        grey = np.asarray(drawn.picture.convert("L"), dtype=float)
        for mark in drawn.marks:
            if NAME_OF_CLASS[mark.character] in ".:-/ ":
                continue
            left, top = max(0, int(mark.x) - 7), max(0, int(mark.y) - 9)
            around = grey[top : top + 18, left : left + 14]
            assert around.max() - around.min() > 25


def test_two_characters_in_one_slot_are_not_trained() -> None:
    slots = slot_map([Mark(3, 3, 1, 1, 0), Mark(4, 3, 2, 1, 1), Mark(12, 3, 5, 1, 2)], 32, 32)
    assert slots[0, 0].tolist() == [255, 255, 255] and slots[0, 1].tolist() == [5, 1, 2]


def test_the_fault_answer_joins_model_code_and_warning_lamps() -> None:
    facts = Facts(
        {"model": Reading("AX73"), "error_code": Reading("E102")}, {"WAN": "red", "LAN": "green", "PWR": None}
    )
    assert questions.ask_fault(facts, False, Random(0)).answer == "AX73 shows E102, the WAN light is red."
    assert questions.ask_fault(facts, True, Random(0)).answer == "AX73显示E102,WAN灯是红色。"


def test_a_blurred_picture_is_refused_even_for_what_is_not_in_it() -> None:
    facts = Facts({"model": Reading("AX73")}, {"WAN": "red"})
    facts.spoil_all()
    for field in FIELDS:
        assert questions.ask_field(field, facts, False, Random(0)).kind == "unreadable"
    assert questions.ask_lamp("WAN", facts, False, Random(0)).kind == "unreadable"


def test_the_same_model_question_tells_equal_from_different() -> None:
    ax, bx = Facts({"model": Reading("AX73")}), Facts({"model": Reading("BX73")})
    assert (
        questions.ask_same_model((ax, ax), False, Random(0)).answer
        == "The first is AX73, the second is AX73: yes, the same."
    )
    told = questions.ask_same_model((ax, bx), False, Random(0)).answer
    assert told == "The first is AX73, the second is BX73: no, different."
    bx.spoil_all()
    assert questions.ask_same_model((ax, bx), True, Random(0)).answer == "看不清。"


def test_every_typeface_has_the_glyphs_of_every_value() -> None:
    needed = codes.LETTERS + codes.DIGITS + ".:-/LmlGBTkg"
    for face in {*fonts.LATIN, *fonts.DISPLAY, *fonts.HANDWRITING}:
        assert fonts.covers(face, needed), face.path


def test_the_scored_tokens_of_a_batch_are_the_answers() -> None:
    random = Random(11)
    for make in (dialogue.single, dialogue.pair):
        examples = [make(random, 160, 96, 1.0) for _ in range(6)]
        batch = dataset.collate(examples, 4, dataset.system_prompt(random))
        answers = [turn.answer for example in examples[:4] for turn in example.turns]
        decode = dataset.tokenizer().decode
        spelled = [
            decode(batch.targets[span.start : span.start + span.length].tolist(), skip_special_tokens=True)
            for span in batch.spans
        ]
        assert spelled == answers
