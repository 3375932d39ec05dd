"""What can stand on a label: model codes, capacities, dates, error codes; and the rule that keeps some unseen."""

from __future__ import annotations

import zlib
from random import Random

FIELDS = ("model", "capacity", "date", "error_code")

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # no I, O, Q: people cannot tell them from 1 and 0 either
DIGITS = "0123456789"
CONFUSABLE_LETTERS = "SDZBG"
CONFUSABLE_DIGITS = "50286"
HELD_OUT_ONE_IN = 12


def is_held_out(code: str) -> bool:
    """One code in twelve never appears in training; evaluation draws only those."""
    return zlib.crc32(code.encode()) % HELD_OUT_ONE_IN == 0


def model_code(random: Random) -> str:
    confusing = random.random() < 0.35

    def letter() -> str:
        return random.choice(CONFUSABLE_LETTERS if confusing and random.random() < 0.7 else LETTERS)

    def digit() -> str:
        return random.choice(CONFUSABLE_DIGITS if confusing and random.random() < 0.7 else DIGITS)

    def letters(low: int, high: int) -> str:
        return "".join(letter() for _ in range(random.randint(low, high)))

    def digits(low: int, high: int) -> str:
        return "".join(digit() for _ in range(random.randint(low, high)))

    shape = random.random()
    if shape < 0.50:
        code = letters(1, 3) + digits(2, 4)
    elif shape < 0.70:
        code = letters(1, 3) + digits(1, 3) + letter()
    elif shape < 0.80:
        code = letters(1, 3) + "-" + digits(2, 4)
    else:
        code = letter() + "".join(random.choice((letter, digit))() for _ in range(random.randint(3, 5)))
    code = code[:7] if "-" in code else code[:6]
    while len(code) < 4:
        code += digit()
    if code[0] in "EF" and code[1:].isdigit():  # would look like an error code
        code = random.choice("ABCD") + code[1:]
    return code


def capacity(random: Random) -> str:
    shape = random.random()
    if shape < 0.30:
        return f"{random.randint(1, 19)}.{random.randint(0, 9)}L"
    if shape < 0.55:
        return f"{random.choice([random.randint(1, 99) * 10, random.randint(100, 999)])}ml"
    if shape < 0.75:
        return f"{random.choice([4, 8, 16, 32, 64, 128, 256, 512, random.randint(2, 999)])}GB"
    if shape < 0.82:
        return f"{random.randint(1, 20)}TB"
    if shape < 0.92:
        return f"{random.randint(10, 999)}g"
    if random.random() < 0.5:
        return f"{random.randint(1, 50)}kg"
    return f"{random.randint(1, 9)}.{random.randint(0, 9)}kg"


def date(random: Random) -> str:
    separator = random.choice("...-/")
    value = f"{random.randint(2015, 2032)}{separator}{random.randint(1, 12):02d}"
    if random.random() < 0.25:
        value += f"{separator}{random.randint(1, 28):02d}"
    return value


def error_code(random: Random) -> str:
    shape = random.random()
    count = 3 if shape < 0.6 else 2
    return ("E" if shape < 0.85 else "F") + "".join(random.choice(DIGITS) for _ in range(count))


MAKERS = {"model": model_code, "capacity": capacity, "date": date, "error_code": error_code}


def draw_value(field: str, random: Random, held_out: bool) -> str:
    """A value for `field` from the training side or the held-out side."""
    while True:
        value = MAKERS[field](random)
        if is_held_out(value) == held_out:
            return value


def near_miss(code: str, random: Random, held_out: bool) -> str:
    """A code of the same shape that differs from `code` in one character (two when one finds no free code)."""
    for attempt in range(200):
        characters = list(code)
        for _ in range(1 + attempt // 100):
            place = random.randrange(len(characters))
            old = characters[place]
            if old.isdigit():
                characters[place] = random.choice(DIGITS)
            elif old.isalpha():
                characters[place] = random.choice(LETTERS)
        changed = "".join(characters)
        if changed != code and is_held_out(changed) == held_out:
            return changed
    return draw_value("model", random, held_out)
