"""Make the pictures in this folder: the forms in which people's files come, each with the pixels
that Pillow sees in it (expected/FILE.png, alpha laid on white).

    python make.py

Needs Pillow (13.0) and numpy. The drawing is fixed, so a rerun changes nothing but what another
Pillow encodes differently. Nothing here is needed to build or test.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
WIDTH, HEIGHT = 61, 43  # odd on purpose: no multiple of a JPEG block


def drawing(mode="RGB"):
    """Smooth colours, a few hard edges, some text."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 255 * x / (WIDTH - 1)
    green = 255 * y / (HEIGHT - 1)
    blue = 127.5 + 127.5 * np.sin(x / 9.0 + y / 13.0)
    picture = Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.rectangle([5, 6, 25, 16], fill=(255, 255, 255), outline=(0, 0, 0))
    pen.text((8, 6), "E102", fill=(200, 0, 0))
    return picture.convert(mode)


def with_alpha():
    picture = drawing("RGBA")
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = np.clip((x - 10) * 8, 0, 255).astype(np.uint8)
    picture.putalpha(Image.fromarray(alpha))
    return picture


def expect(name, picture):
    """What a person sees: alpha on white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture.convert("RGB").save(HERE / f"{name}.png", optimize=True)


def save(picture, file, **options):
    path = HERE / file
    picture.save(path, **options)
    with Image.open(path) as again:
        again.seek(0)
        again.load()
        expect(f"expected/{file}", again)


def main():
    (HERE / "expected").mkdir(exist_ok=True)
    save(drawing(), "progressive.jpg", quality=90, progressive=True, subsampling=0)
    save(drawing(), "subsampled.jpg", quality=90, subsampling=2)
    save(drawing("L"), "gray_jpeg.jpg", quality=90)
    save(drawing("CMYK"), "cmyk.jpg", quality=95, subsampling=0)
    save(with_alpha().convert("LA"), "gray_alpha.png")
    save(with_alpha(), "lossless.webp", lossless=True, exact=True)
    save(drawing(), "lossy.webp", quality=90)
    save(with_alpha(), "lossy_alpha.webp", quality=90)
    save(drawing("RGBA"), "bgra.bmp")
    save(drawing("1"), "bits.bmp")
    save(drawing("P"), "palette_bmp.bmp")

    shown = drawing().quantize(31)
    # One more palette entry that is not shown: transparent.
    pixels = np.array(shown)
    pixels[:, :10] = 31
    see_through = Image.fromarray(pixels, "P")
    see_through.putpalette(shown.getpalette()[: 31 * 3] + [255, 0, 255])
    save(see_through, "palette_transparent.png", transparency=31)
    second = Image.new("P", (WIDTH, HEIGHT), 3)
    second.putpalette(see_through.getpalette())
    save(see_through, "animated.gif", save_all=True, append_images=[second], transparency=31,
         duration=100, disposal=2)
    save(with_alpha(), "animated.webp", save_all=True, lossless=True, exact=True,
         append_images=[Image.new("RGBA", (WIDTH, HEIGHT), "red")], duration=100)


if __name__ == "__main__":
    main()
