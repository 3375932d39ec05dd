"""The dense labels that teach the vision tower to read: which character stands where, and what it belongs to.

They exist only in training and are dropped at export. Class numbers are fixed: a saved training state depends on them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ" + "IOQ" + "0123456789" + "abcdefghijklmnopqrstuvwxyz" + ".:-/"
CHINESE = "型号净含量生产日期容错误码灯网络电源状态故障规格"
CHARACTER_CLASS = {character: number + 1 for number, character in enumerate(dict.fromkeys(LETTERS + CHINESE))}
NOTHING = 0
SPOILED = len(CHARACTER_CLASS) + 1
CHARACTER_CLASSES = len(CHARACTER_CLASS) + 2
CONFLICT = 255  # two characters share a slot: not trained

FIELD_CLASS = {"model": 1, "capacity": 2, "date": 3, "error_code": 4, "lamp": 5, "key": 6}
FIELD_CLASSES = 7
PLACE_CLASSES = 12

# A lamp is marked with a letter that no label uses, and the letters of its name carry the lamp's state
# in the place class: so the tower itself must tie name and lamp together.
LAMP_CLASS = {None: "w", "green": "j", "red": "q", "blue": "x", "orange": "z"}
FIRST_LAMP_PLACE = 7
LAMP_PLACE = {state: FIRST_LAMP_PLACE + number for number, state in enumerate(LAMP_CLASS)}

SLOT_WIDTH, SLOT_HEIGHT = 8, 16  # pixels; two slots per patch, eight per merged token


class Mark(NamedTuple):
    """One character (or lamp) with its centre in pixels of the finished picture."""

    x: float
    y: float
    character: int
    field: int
    place: int


def slot_map(marks: list[Mark], width: int, height: int) -> np.ndarray:
    """[height/16, width/8, 3] of character, field and place classes; zero where nothing stands."""
    rows, columns = height // SLOT_HEIGHT, width // SLOT_WIDTH
    slots = np.zeros((rows, columns, 3), np.uint8)
    for mark in marks:
        row, column = int(mark.y // SLOT_HEIGHT), int(mark.x // SLOT_WIDTH)
        if not (0 <= row < rows and 0 <= column < columns):
            continue
        held = slots[row, column, 0]
        if held == NOTHING:
            slots[row, column] = (mark.character, mark.field, mark.place)
        elif held != mark.character:
            slots[row, column] = CONFLICT
    return slots
