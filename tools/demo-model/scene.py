"""Draws one label, device panel or handwritten slip from random choices, with the facts it shows.

A scene is a column of blocks (a field, a row of lamps, a word that means nothing); each block first says how
high it is, then draws itself. All randomness comes from the generator handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image

import codes
import fonts
import spoil
from facts import Facts, Reading
from fonts import Font
from marks import Mark
from pen import LAMP_COLOURS, Colour, Pen

KEYS = {
    "model": ["型号", "型号:", "Model", "MODEL:", "Model:", "TYPE"],
    "capacity": ["净含量", "容量", "净含量:", "容量:", "NET", "Capacity", "Net:"],
    "date": ["生产日期", "生产日期:", "日期", "MFG", "Date:", "DATE"],
    "error_code": ["错误", "故障码", "错误码:", "ERROR", "ERR", "Error:"],
}
LAMP_NAMES = ["WAN", "LAN", "PWR", "NET", "SYS"]
WORDS = [
    "ROUTER", "SMART HOME", "MADE IN CHINA", "WATER", "QUALITY", "POWER",
    "WIRELESS", "HELLO", "STAR", "NOVA", "PURE LIFE", "MINI",
]  # fmt: skip
DISPLAY_INKS: list[Colour] = [(255, 60, 40), (60, 255, 90), (255, 200, 40), (90, 190, 255), (240, 240, 240)]
HAND_INKS: list[Colour] = [(20, 20, 25), (25, 35, 120), (20, 40, 160), (50, 50, 60), (130, 20, 25)]
SMALLEST_TEXT = 17  # pixels; much below that S and 5, B and 8 are a guess for people too
SMALLEST_KEY = 14


@dataclass
class Wishes:
    """What the scene must show; everything left open is drawn at random."""

    values: dict[str, str] | None = None  # these fields, readable, with these values
    handwritten: bool | None = None
    lamps: bool | None = None
    unreadable_share: float = 0.15  # of fields
    blurred_share: float = 0.04  # of whole pictures
    scale: int = 1  # draws larger than width x height; for sample pictures
    most_fields: int = 4
    chinese_keys: bool | None = None  # every field has its key, in this language
    crowded: bool = False  # as many fields as find room
    empty: bool = False  # nothing that answers a question


@dataclass
class Scene:
    picture: Image.Image
    marks: list[Mark]
    facts: Facts
    largest_text: int

    def reduce(self, scale: int) -> Scene:
        """The picture at its final size, when it was drawn `scale` times as large."""
        if scale > 1:
            size = (self.picture.width // scale, self.picture.height // scale)
            self.picture = self.picture.resize(size, Image.Resampling.BICUBIC)
        return self


@dataclass
class Style:
    background: Colour
    ink: Colour
    handwritten: bool
    margin: int
    smallest: int
    largest: int
    chinese_keys: bool | None = None

    def choose_key(self, random: Random, field: str, readable: bool) -> str:
        """What stands before the value; empty for some, never for one that cannot be read."""
        if self.chinese_keys is not None:
            return random.choice([key for key in KEYS[field] if (ord(key[0]) > 255) == self.chinese_keys])
        keyed = random.random() < (0.5 if field == "error_code" else 0.8) or not readable
        return random.choice(KEYS[field]) if keyed else ""


def brightness(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def choose_style(random: Random, height: int, level: float, handwritten: bool) -> Style:
    smallest = max(SMALLEST_TEXT, int(20 - 3 * level))
    largest = max(smallest + 4, min(34, height // 3 + 4))
    margin = 4 + int(level * 2)
    if handwritten:
        paper = random.randint(225, 255)
        background = (paper, paper - random.randint(0, 8), paper - random.randint(0, 50))
        return Style(background, random.choice(HAND_INKS), True, margin, max(19, smallest), max(24, largest))
    if random.random() < 0.3:
        background = tuple(random.randint(0, 80) for _ in range(3))
        ink = tuple(random.randint(190, 255) for _ in range(3))
    else:
        base = random.randint(170, 255)
        background = tuple(min(255, max(120, base + random.randint(-60, 20))) for _ in range(3))
        ink = tuple(random.randint(0, 70) for _ in range(3))
    return Style(background, ink, False, margin, smallest, largest)


@dataclass
class WordBlock:
    """A word that answers no question."""

    text: str
    font: Font
    height: float

    @staticmethod
    def plan(random: Random, style: Style, width: int, room: float) -> WordBlock | None:
        text, size = random.choice(WORDS), min(20, random.randint(style.smallest, style.largest))
        face = random.choice(fonts.HANDWRITING if style.handwritten else fonts.LATIN)
        while size > 12 and fonts.width(text, Font(face, size)) > width - 2 * style.margin:
            size -= 1
        if size <= 12 or size * 1.3 > room:
            return None
        return WordBlock(text, Font(face, size), size * 1.3)

    def draw(self, pen: Pen, y: float, random: Random, style: Style, facts: Facts) -> None:
        slack = max(0, pen.width - 2 * style.margin - fonts.width(self.text, self.font))
        pen.text(style.margin + random.uniform(0, slack), y, self.text, self.font, style.ink)


@dataclass
class LampBlock:
    """A row of indicator lamps, each with its name beside or below it."""

    radius: int
    font: Font
    below: bool
    height: float

    @staticmethod
    def plan(random: Random, style: Style, width: int, room: float) -> LampBlock | None:
        radius, size, below = random.randint(5, 9), random.randint(12, 16), random.random() < 0.5
        height = 2 * radius + size + 6 if below else max(2 * radius, size) + 5
        if height > room:
            return None
        return LampBlock(radius, Font(random.choice(fonts.LAMP_NAMES), size), below, height)

    def fill(self, random: Random, state: str | None, background: Colour) -> Colour:
        if state:
            return random.choice(LAMP_COLOURS[state])
        if brightness(background) >= 80:
            return (random.randint(35, 75),) * 3
        if brightness(background) > 45:
            return (random.randint(5, 30),) * 3
        return (random.randint(70, 95),) * 3

    def draw(self, pen: Pen, y: float, random: Random, style: Style, facts: Facts) -> None:
        count = random.choice([1, 2, 2, 3]) if pen.width >= 128 else random.choice([1, 2])
        names = random.sample(LAMP_NAMES, count)
        cell = (pen.width - 2 * style.margin) / count
        radius = self.radius
        for number, name in enumerate(names):
            state = random.choice(list(LAMP_COLOURS)) if random.random() < 0.65 else None
            fill = self.fill(random, state, style.background)
            name_width = fonts.width(name, self.font)
            if self.below:
                x, centre = style.margin + cell * (number + 0.5) + random.uniform(-3, 3), y + radius + 1
                name_x, name_y = x - name_width / 2, y + 2 * radius + 2
            else:
                free = cell - name_width - 2 * radius - 6
                if free < 0:
                    continue
                x, centre = style.margin + cell * number + radius + random.uniform(0, free), y + self.height / 2
                name_x, name_y = x + radius + 3, centre - self.font.size * 0.62
            outline = tuple(value // 2 for value in style.background) if random.random() < 0.6 else None
            pen.lamp(x, centre, radius, state, fill, outline)
            if state and random.random() < 0.5:
                shine = tuple(min(255, value + 90) for value in fill)
                pen.ellipse(x - radius * 0.05, centre - radius * 0.05, radius * 0.35, shine)
            pen.lamp_name(name_x, name_y, name, self.font, style.ink, state)
            facts.lamps[name] = state


@dataclass
class FieldBlock:
    """A key ("Model:") and its value, beside or above each other; some values stand on a lit display."""

    field: str
    value: str
    readable: bool
    on_display: bool
    key: str
    value_font: Font
    key_font: Font | None
    stacked: bool
    height: float
    width: float

    @staticmethod
    def plan(
        random: Random, style: Style, field: str, value: str, readable: bool, width: int, height: int, room: float
    ) -> FieldBlock | None:
        on_display = field == "error_code" and not style.handwritten and random.random() < 0.6
        key = style.choose_key(random, field, readable)
        if style.handwritten:
            value_face = random.choice(fonts.HANDWRITING)
            chinese = bool(key) and ord(key[0]) > 255
            able = [face for face in fonts.HANDWRITING_CHINESE if fonts.covers(face, key)] or fonts.CHINESE
            key_face = random.choice(able) if chinese else value_face
        else:
            value_face = random.choice(fonts.DISPLAY if on_display else fonts.LATIN)
            key_face = random.choice(fonts.CHINESE if key and ord(key[0]) > 255 else fonts.LATIN)
        stacked = bool(key) and height >= 96 and random.random() < 0.12
        frame = 10 if on_display else 0
        for size in range(random.randint(style.smallest, style.largest), style.smallest - 1, -1):
            key_size = max(SMALLEST_KEY, int(size * random.choice([1, 1, 0.85])))
            key_width = fonts.width(key, Font(key_face, key_size)) if key else 0
            value_width = fonts.width(value, Font(value_face, size))
            gap = size * 0.4 if key else 0
            wide = max(key_width, value_width) if stacked else key_width + gap + value_width
            high = size * 1.35 + (key_size * 1.25 if stacked else 0) + (6 if on_display else 0)
            if wide + frame <= width - 2 * style.margin and high <= room:
                key_font = Font(key_face, key_size) if key else None
                value_font = Font(value_face, size)
                return FieldBlock(field, value, readable, on_display, key, value_font, key_font, stacked, high, wide)
        size = style.smallest  # no room with the key: the value alone, when it can still be told what it is
        value_width = fonts.width(value, Font(value_face, size))
        high = size * 1.35 + (6 if on_display else 0)
        if not readable or value_width + 10 > width - 2 * style.margin or high > room:
            return None
        return FieldBlock(field, value, True, on_display, "", Font(value_face, size), None, False, high, value_width)

    def draw(self, pen: Pen, y: float, random: Random, style: Style, facts: Facts) -> None:
        shaky = random if style.handwritten else None
        frame = 8 if self.on_display else 0
        x = style.margin + random.uniform(0, max(0, pen.width - 2 * style.margin - self.width - frame))
        ink, background = style.ink, style.background
        value_x, value_y = x, y
        if self.key_font:
            if self.stacked:
                pen.text(x, y, self.key, self.key_font, style.ink, "key", shaky=shaky)
                value_y = y + self.key_font.size * 1.2
            else:
                drop = (self.value_font.size - self.key_font.size) * 0.75
                pen.text(x, y + drop, self.key, self.key_font, style.ink, "key", shaky=shaky)
                value_x = x + fonts.width(self.key, self.key_font) + self.value_font.size * 0.4
        value_width = fonts.width(self.value, self.value_font)
        if self.on_display:
            if random.random() < 0.6:
                background, ink = tuple(random.randint(0, 40) for _ in range(3)), random.choice(DISPLAY_INKS)
            else:
                background = (random.randint(150, 190), random.randint(180, 215), random.randint(140, 170))
                ink = (20, 30, 20)
            value_x, value_y = value_x + 4, value_y + 3
            bottom = value_y + self.value_font.size * 1.28
            pen.rectangle((value_x - 4, value_y - 2, value_x + value_width + 4, bottom), background)
        elif not style.handwritten and random.random() < 0.1 and brightness(style.background) > 140:
            ink = random.choice([(170, 20, 20), (20, 20, 150)])
        pen.text(value_x, value_y, self.value, self.value_font, ink, self.field, not self.readable, shaky=shaky)
        if not self.readable:
            size = self.value_font.size
            box = (value_x, value_y + size * 0.1, value_x + value_width, value_y + size * 1.15)
            spoil.smear(pen, box, random, background)
        facts.fields[self.field] = Reading(self.value, self.readable)


Block = WordBlock | LampBlock | FieldBlock


def choose_kinds(random: Random, level: float, wishes: Wishes, handwritten: bool) -> list[str]:
    """The blocks wanted; those that must be there come first when room is given out."""
    if wishes.empty:
        return ["word"]
    given = list(wishes.values or {})
    count = 1 if random.random() > level else 4 if wishes.crowded else random.choice([1, 2, 2, 3, 3, 4])
    others = [field for field in codes.FIELDS if field not in given]
    random.shuffle(others)
    if random.random() < 0.3:  # nothing about a model code can be guessed, so it is the hardest to read
        others.sort(key=lambda field: field != "model")
    kinds = given + others[: max(0, min(count, wishes.most_fields) - len(given))]
    lamps = wishes.lamps if wishes.lamps is not None else not handwritten and random.random() < 0.5
    if lamps:
        if len(kinds) > max(1, len(given)) or (not given and random.random() < 0.4):
            kinds = kinds[:-1]
        kinds.append("lamps")
    if random.random() < 0.3 * level:
        kinds.append("word")
    return kinds


def plan_blocks(
    random: Random, style: Style, kinds: list[str], width: int, height: int, wishes: Wishes, held_out: bool
) -> list[Block]:
    room = height - 6.0
    blocks: list[Block] = []
    given = wishes.values or {}
    for kind in kinds:
        if kind == "lamps":
            block = LampBlock.plan(random, style, width, room)
        elif kind == "word":
            block = WordBlock.plan(random, style, width, room)
        else:
            value = given.get(kind) or codes.draw_value(kind, random, held_out)
            readable = kind in given or random.random() >= wishes.unreadable_share
            block = FieldBlock.plan(random, style, kind, value, readable, width, height, room)
        if block:
            blocks.append(block)
            room -= block.height
    random.shuffle(blocks)
    return blocks


def draw_ground(pen: Pen, random: Random, style: Style, level: float) -> None:
    """What lies under the text: a sticker's edge, or the lines of a paper slip."""
    if style.handwritten:
        if random.random() < 0.6:
            step, shade = random.randint(18, 34), random.randint(20, 70)
            rule = (style.background[0] - shade, style.background[1] - shade // 2, style.background[2] - shade // 4)
            for y in range(random.randint(6, step), pen.height, step):
                pen.line((0, y, pen.width, y), rule)
    elif random.random() < 0.35 * level:
        around = tuple(random.randint(0, 255) for _ in range(3))
        edge = random.randint(2, 6)
        pen.rectangle((0, 0, pen.width, pen.height), around)
        pen.rectangle((edge, edge, pen.width - edge, pen.height - edge), style.background, random.randint(0, 8))


EVERYTHING = Wishes()


def draw_scene(
    random: Random, width: int, height: int, level: float = 1.0, held_out: bool = False, wishes: Wishes = EVERYTHING
) -> Scene:
    """One picture before exposure. `level` from 0 (one large upright field) to 1 (everything)."""
    handwritten = wishes.handwritten if wishes.handwritten is not None else random.random() < 0.16
    blocks: list[Block] = []
    while not blocks:  # a word alone may find no room either
        style = choose_style(random, height, level, handwritten)
        style.chinese_keys = wishes.chinese_keys
        kinds = choose_kinds(random, level, wishes, handwritten)
        blocks = plan_blocks(random, style, kinds, width, height, wishes, held_out)
    pen = Pen(width, height, style.background, wishes.scale)
    draw_ground(pen, random, style, level)
    facts = Facts()
    slack = max(0.0, height - 4 - sum(block.height for block in blocks))
    y = 2 + random.uniform(0, min(slack, slack / (len(blocks) + 1) * 1.6))
    slack -= y - 2
    for block in blocks:
        block.draw(pen, y, random, style, facts)
        gap = random.uniform(0, max(0.0, slack) / 2)
        y += block.height + gap
        slack -= gap
    picture, marks = pen.picture, pen.marks
    largest = max(block.font.size if not isinstance(block, FieldBlock) else block.value_font.size for block in blocks)
    if random.random() < 0.25 + 0.3 * level:
        if wishes.scale > 1:
            marks = [mark._replace(x=mark.x * wishes.scale, y=mark.y * wishes.scale) for mark in marks]
        picture, marks = spoil.tilt(picture, marks, random, max(0.3, level), pen.picture.getpixel((1, 1)))
        if wishes.scale > 1:
            marks = [mark._replace(x=mark.x / wishes.scale, y=mark.y / wishes.scale) for mark in marks]
    if random.random() < wishes.blurred_share:
        picture, marks = spoil.blur_away(picture, marks, largest * wishes.scale, random)
        facts.spoil_all()
    return Scene(picture, marks, facts, largest)
