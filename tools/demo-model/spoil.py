"""What happens to a picture on its way to us: smears, blur, a tilted camera, glare, noise, compression."""

from __future__ import annotations

import functools
import io
import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from marks import SPOILED, Mark
from pen import Colour, Pen


def smear(pen: Pen, box: tuple[float, float, float, float], random: Random, background: Colour) -> None:
    """Makes the text inside `box` unreadable: blurred, over-exposed or rubbed off."""
    scale = pen.scale
    left, top, right, bottom = (int(v * scale) for v in box)
    left, top = max(0, left - 2 * scale), max(0, top - scale)
    right, bottom = min(pen.picture.width, right + 2 * scale), min(pen.picture.height, bottom + scale)
    if right <= left or bottom <= top:
        return
    height = bottom - top
    kind = random.random()
    if kind < 0.5:
        region = pen.picture.crop((left, top, right, bottom))
        region = region.filter(ImageFilter.GaussianBlur(height * random.uniform(0.24, 0.4)))
        pen.picture.paste(region, (left, top))
    elif kind < 0.8:
        border = 4 * scale
        mask = Image.new("L", (right - left + 2 * border, height + 2 * border), 0)
        light = (border // 2, border // 2, right - left + border * 3 // 2, height + border * 3 // 2)
        ImageDraw.Draw(mask).rounded_rectangle(light, height // 2, fill=random.randint(246, 255))
        mask = mask.filter(ImageFilter.GaussianBlur(1.5 * scale))
        pen.picture.paste((255, 255, random.randint(225, 255)), (left - border, top - border), mask)
    else:
        strokes = 14
        for number in range(strokes):
            shade = random.randint(-25, 25)
            fill = tuple(min(255, max(0, value + shade)) for value in background)
            middle, slope = top + (number + 0.5) / strokes * height, random.uniform(-0.15, 0.15) * height
            ends = (left - 2, middle - slope, right + 2, middle + slope)
            pen.draw.line(ends, fill=fill, width=max(3 * scale, height // 4))


def blur_away(
    picture: Image.Image, marks: list[Mark], largest_text: int, random: Random
) -> tuple[Image.Image, list[Mark]]:
    """Blurs the whole picture so far that its largest text cannot be read."""
    radius = max(3.0, largest_text * random.uniform(0.20, 0.30))
    blurred = picture.filter(ImageFilter.GaussianBlur(radius))
    return blurred, [mark._replace(character=SPOILED) for mark in marks]


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 3x3 projective map that carries four `source` points to four `target` points."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)


def carry(marks: list[Mark], matrix: np.ndarray) -> list[Mark]:
    """The marks after the picture was moved by `matrix`."""
    points = np.array([(mark.x, mark.y, 1.0) for mark in marks]) @ matrix.T
    points = points[:, :2] / points[:, 2:]
    return [mark._replace(x=float(x), y=float(y)) for mark, (x, y) in zip(marks, points, strict=True)]


def inside(marks: list[Mark], width: int, height: int, border: float = 6.0) -> bool:
    """Whether every mark keeps `border` pixels to the edge, so that no character is cut."""
    return all(border <= m.x <= width - border and border <= m.y <= height - border for m in marks)


def tilt(
    picture: Image.Image, marks: list[Mark], random: Random, strength: float, fill: Colour
) -> tuple[Image.Image, list[Mark]]:
    """Turns, shifts and foreshortens the picture, as a hand-held camera does; gentler when text would be cut."""
    if not marks:
        return picture, marks
    width, height = picture.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    centre = np.array([width / 2, height / 2])
    for attempt in range(4):
        force = strength * (1, 0.6, 0.35, 0.15)[attempt]
        angle = math.radians(random.uniform(-4, 4) * force)
        scale = random.uniform(1 - 0.08 * force, 1.02)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) * scale
        target = (corners - centre) @ turn.T + centre + np.array([random.uniform(-3, 3), random.uniform(-2, 2)]) * force
        if random.random() < 0.5:
            reach = 0.04 * force * np.array([width, height])
            target = target + np.array([[random.uniform(-1, 1), random.uniform(-1, 1)] for _ in range(4)]) * reach
        matrix = homography(corners, target)
        moved = carry(marks, matrix)
        if inside(moved, width, height):
            back = np.linalg.inv(matrix)
            back = (back / back[2, 2]).ravel()[:8]
            turned = picture.transform(
                (width, height), Image.Transform.PERSPECTIVE, tuple(back), Image.Resampling.BICUBIC, fillcolor=fill
            )
            return turned, moved
    return picture, marks


@functools.lru_cache(maxsize=1)
def noise_field() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (640, 640, 3)).astype(np.float32)


def expose(picture: Image.Image, random: Random, strength: float) -> np.ndarray:
    """The finished pixels, uint8 [height, width, 3]: blur, light, glare that leaves text readable, noise, JPEG."""
    if random.random() < 0.4:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 0.4 + 0.3 * strength)))
    pixels = np.asarray(picture, dtype=np.float32)
    height, width, _ = pixels.shape
    pixels = pixels * random.uniform(0.8, 1.1) + random.uniform(-15, 15)
    if random.random() < 0.3:
        ramp = np.linspace(random.uniform(0.75, 1), random.uniform(0.8, 1.1), width, dtype=np.float32)
        pixels = pixels * ramp[None, :, None]
    if random.random() < 0.12 * strength:
        across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
        down = np.linspace(0, 1, height, dtype=np.float32)[:, None] * random.uniform(-0.5, 0.5)
        streak = np.exp(-(((across + down - random.random()) / random.uniform(0.06, 0.2)) ** 2))
        pixels = pixels + (255 - pixels) * (streak * random.uniform(0.15, 0.4))[:, :, None]
    if random.random() < 0.6:
        top, left = random.randint(0, 639 - height), random.randint(0, 639 - width)
        grain = noise_field()[top : top + height, left : left + width]
        pixels = pixels + grain * random.uniform(1, 3 + 5 * strength)
    finished = np.clip(pixels, 0, 255).astype(np.uint8)
    if random.random() < 0.15:
        stream = io.BytesIO()
        Image.fromarray(finished).save(stream, "JPEG", quality=random.randint(55, 92))
        finished = np.asarray(Image.open(stream))
    return finished
