"""Draws text and lamps on a picture and notes, for every character, where it came to stand."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

import fonts
from fonts import Font
from marks import CHARACTER_CLASS, FIELD_CLASS, LAMP_CLASS, LAMP_PLACE, PLACE_CLASSES, SPOILED, Mark

Colour = tuple[int, int, int]

LAMP_COLOURS: dict[str, list[Colour]] = {
    "green": [(40, 220, 70), (20, 255, 90), (90, 230, 60), (20, 170, 60)],
    "red": [(240, 40, 30), (255, 60, 60), (220, 20, 40)],
    "blue": [(40, 110, 255), (60, 150, 255), (20, 80, 240)],
    "orange": [(255, 150, 20), (250, 170, 30)],
}


class Pen:
    """A picture being drawn. Coordinates and marks are in final pixels; `scale` draws it larger than that."""

    def __init__(self, width: int, height: int, background: Colour, scale: int = 1) -> None:
        self.width, self.height, self.scale = width, height, scale
        self.picture = Image.new("RGB", (width * scale, height * scale), background)
        self.draw = ImageDraw.Draw(self.picture)
        self.marks: list[Mark] = []

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * self.scale, top * self.scale, right * self.scale, bottom * self.scale

    def rectangle(self, box: tuple[float, float, float, float], fill: Colour, radius: int = 0) -> None:
        self.draw.rounded_rectangle(self.box(*box), radius * self.scale, fill=fill)

    def ellipse(self, x: float, y: float, radius: float, fill: Colour, outline: Colour | None = None) -> None:
        self.draw.ellipse(self.box(x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline)

    def line(self, box: tuple[float, float, float, float], fill: Colour, width: int = 1) -> None:
        self.draw.line(self.box(*box), fill=fill, width=width * self.scale)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        font: Font,
        fill: Colour,
        field: str | None = None,
        spoiled: bool = False,
        places: list[int] | None = None,
        shaky: Random | None = None,
    ) -> None:
        """Writes `text` with its top left at (x, y); `shaky` lifts and drops single characters as a hand does."""
        large = Font(font.face, font.size * self.scale)
        whole = shaky is None
        if whole:
            self.draw.text((x * self.scale, y * self.scale), text, font=fonts.load(large), fill=fill)
        middle = y + font.size * 0.62
        field_class = FIELD_CLASS[field] if field else 0
        counted = field is not None and field != "key"
        place = 0
        for character in text:
            step = fonts.advance(large, character) / self.scale
            lift = 0.0
            if not whole:
                lift = shaky.uniform(-0.07, 0.07) * font.size
                corner = (x * self.scale, (y + lift) * self.scale)
                self.draw.text(corner, character, font=fonts.load(large), fill=fill)
            if character != " ":
                number = SPOILED if spoiled else CHARACTER_CLASS.get(character, 0)
                where = places[place] if places else min(place, PLACE_CLASSES - 1) if counted else 0
                self.marks.append(Mark(x + step / 2, middle + lift, number, field_class, where))
                place += 1
            x += step

    def lamp(self, x: float, y: float, radius: float, state: str | None, fill: Colour, outline: Colour | None) -> None:
        self.ellipse(x, y, radius, fill, outline)
        self.marks.append(Mark(x, y, CHARACTER_CLASS[LAMP_CLASS[state]], FIELD_CLASS["lamp"], 0))

    def lamp_name(self, x: float, y: float, name: str, font: Font, fill: Colour, state: str | None) -> None:
        places = [LAMP_PLACE[state]] * len(name)
        self.text(x, y, name, font, fill, "lamp", places=places)
