"""The typefaces labels are set in, and how wide their characters run.

All of them are Debian packages (see README.md); nothing is downloaded.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from PIL import ImageFont

TRUETYPE = "/usr/share/fonts/truetype"
OPENTYPE = "/usr/share/fonts/opentype"
SIMPLIFIED_CHINESE = 2  # the face's index inside the Noto collections


class Typeface(NamedTuple):
    path: str
    index: int = 0


class Font(NamedTuple):
    """A typeface at a size in pixels."""

    face: Typeface
    size: int


LATIN = [
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSans.ttf"),
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSans-Bold.ttf"),
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSansMono-Bold.ttf"),
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSansCondensed-Bold.ttf"),
    Typeface(f"{TRUETYPE}/liberation/LiberationSans-Regular.ttf"),
    Typeface(f"{TRUETYPE}/liberation/LiberationSans-Bold.ttf"),
    Typeface(f"{TRUETYPE}/liberation/LiberationMono-Bold.ttf"),
    Typeface(f"{OPENTYPE}/noto/NotoSansCJK-Bold.ttc", SIMPLIFIED_CHINESE),
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSansMono.ttf"),
    Typeface(f"{OPENTYPE}/noto/NotoSansCJK-Regular.ttc", SIMPLIFIED_CHINESE),
    Typeface(f"{TRUETYPE}/liberation/LiberationSerif-Bold.ttf"),
]
DISPLAY = [
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSansMono-Bold.ttf"),
    Typeface(f"{TRUETYPE}/liberation/LiberationMono-Bold.ttf"),
    Typeface(f"{TRUETYPE}/dejavu/DejaVuSans-Bold.ttf"),
]
CHINESE = [
    Typeface(f"{OPENTYPE}/noto/NotoSansCJK-Bold.ttc", SIMPLIFIED_CHINESE),
    Typeface(f"{OPENTYPE}/noto/NotoSansCJK-Regular.ttc", SIMPLIFIED_CHINESE),
]
LAMP_NAMES = [LATIN[1], LATIN[5], LATIN[7]]
HANDWRITING_CHINESE = [
    Typeface(f"{TRUETYPE}/yusei-magic/YuseiMagic-Regular.ttf"),
    Typeface(f"{TRUETYPE}/seto/setofont.ttf"),
    Typeface(f"{TRUETYPE}/klee/KleeOne-SemiBold.ttf"),
]
HANDWRITING = [
    *HANDWRITING_CHINESE,
    Typeface(f"{TRUETYPE}/rufscript/Rufscript010.ttf"),
    Typeface(f"{OPENTYPE}/comic-neue/ComicNeue-BoldItalic.otf"),
]


@functools.cache
def load(font: Font) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font.face.path, font.size, index=font.face.index, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def advance(font: Font, character: str) -> float:
    """How far the pen moves after `character`, in pixels."""
    return load(font).getlength(character)


def width(text: str, font: Font) -> float:
    return sum(advance(font, character) for character in text)


@functools.cache
def covers(face: Typeface, text: str) -> bool:
    """Whether the typeface has a glyph for every character of `text`; some draw nothing where one is missing."""
    font = load(Font(face, 24))
    missing = bytes(font.getmask("\U0010fffd"))
    drawn = [bytes(font.getmask(character)) for character in text if character != " "]
    return all(any(glyph) and glyph != missing for glyph in drawn)
