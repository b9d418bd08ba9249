"""Shows the ruler pictures that are no H&E tissue; none may be called ``ok``, nor accuse a file.

Metadata are compared with an answer that is ``ok``, or has enough nuclei for a sure interval.

    python -m training.ruler.traps IMAGES DATA --out results/traps.md

IMAGES: the folder of the training's images, for the blood smears of a source that was not taught.
DATA: a folder with fluorescence and other slides (``slides/``, ``images/``). The rest comes with
scikit-image or is drawn here, in other ways than the drawings that the training uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from training.ruler.folds import read_rows

from wsi_scale import ruler
from wsi_scale.errors import WsiScaleError
from wsi_scale.pixel_size.audit import in_doubt_but_measured

Pixels = NDArray[np.uint8]

SMEARS = ("bccd_blood",)
INK = {"blue": (30, 50, 160), "black": (25, 25, 30), "green": (20, 120, 70), "red": (190, 30, 50)}
PURPLE, PINK, GLASS = np.array([90, 60, 135]), np.array([230, 170, 205]), np.array([243, 241, 244])


def photographs() -> Iterator[tuple[str, Pixels]]:
    """Those of scikit-image, as they are and printed in the colours of H&E."""
    for path in sorted((Path(skimage.__file__).parent / "data").iterdir()):
        if path.suffix not in (".png", ".jpg") or path.stem == "ihc":
            continue
        picture = np.asarray(Image.open(path).convert("RGBA").convert("RGB"))
        if min(picture.shape[:2]) >= 128:
            yield f"photograph: {path.stem}", picture
            yield f"photograph in purple and pink: {path.stem}", printed(picture)


def printed(picture: Pixels) -> Pixels:
    """Dark in purple, light in pink, the lightest as glass."""
    light = picture.mean(2, keepdims=True) / 255
    colour = np.where(
        light < 0.75,
        PURPLE + (PINK - PURPLE) * light / 0.75,
        PINK + (GLASS - PINK) * (light - 0.75) / 0.25,
    )
    return colour.astype(np.uint8)


def slides(data: Path) -> Iterator[tuple[str, Any]]:
    """Fluorescence, a test file, and drawn figures in many colours."""
    yield "fluorescence: test3-DAPI.ndpi", str(data / "slides" / "test3-DAPI.ndpi")
    yield "boxes.tiff", str(data / "slides" / "boxes.tiff")
    yield "immunohistochemistry (DAB)", str(data / "images" / "skimage-ihc.png")
    for seed in range(10, 18):
        yield f"figures {seed}", f"synthetic:figures?seed={seed}&width=1500&height=1200"


def smears(images: Path) -> Iterator[tuple[str, Pixels]]:
    for row in read_rows(images, SMEARS):
        yield f"blood smear: {row.path.name}", row.pixels()


def drawings() -> Iterator[tuple[str, Pixels]]:
    """Pen on glass, text, checks, a map, foam and noise."""
    rng = np.random.default_rng(5)
    for name, colour in INK.items():
        image = Image.new("RGB", (900, 700), tuple(int(c) for c in GLASS))
        pen = ImageDraw.Draw(image)
        for _ in range(14):
            points = [tuple(point) for point in rng.uniform(0, 800, (4, 2))]
            pen.line(points, fill=colour, width=int(rng.integers(8, 40)), joint="curve")
        yield f"pen: {name}", np.asarray(image)
    for number in range(4):
        image = Image.new("RGB", (900, 700), tuple(int(c) for c in (GLASS, PINK)[number % 2]))
        pen = ImageDraw.Draw(image)
        for line in range(40):
            words = "The quick brown fox jumps over the lazy dog. " * 3
            size = 10 + 4 * number
            pen.text((5, line * size * 1.3), words, fill=tuple(map(int, PURPLE)), font_size=size)
        yield f"text {number}", np.asarray(image)
    y, x = np.mgrid[:700, :900]
    for side in (5, 12, 40):
        checks = ((y // side + x // side) % 2)[..., None]
        yield f"checks of {side} px", (PURPLE * checks + PINK * (1 - checks)).astype(np.uint8)
    for sigma in (1, 3, 8, 20):
        waves = ndimage.gaussian_filter(rng.normal(size=(700, 900)), sigma)[..., None]
        share = np.clip(0.5 + 0.4 * waves / waves.std(), 0, 1)
        yield f"noise of {sigma} px", (PURPLE * share + PINK * (1 - share)).astype(np.uint8)
    for count in (60, 600, 6000):
        seeds = np.ones((700, 900))
        seeds[rng.integers(0, 700, count), rng.integers(0, 900, count)] = 0
        away = ndimage.distance_transform_edt(seeds)
        share = np.clip(away / (2 * np.median(away)), 0, 1)[..., None]
        yield f"foam of {count}", (PINK * (1 - share) + PURPLE * share).astype(np.uint8)
    yield "glass", np.full((600, 800, 3), 243, np.uint8)
    yield "black", np.zeros((600, 800, 3), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    told, wrong, accuse = [], [], []
    for part in (photographs(), slides(args.data), smears(args.images), drawings()):
        for name, picture in part:
            try:
                size = ruler(picture).size
                verdict, mpp = size.verdict, "–" if size.mpp is None else f"{size.mpp:.3g}"
                decides = verdict == "ok" or in_doubt_but_measured(size)
            except WsiScaleError as error:
                verdict, mpp, decides = f"refused: {error}", "–", False
            told.append(f"| {name} | {verdict} | {mpp} | {'yes' if decides else 'no'} |")
            print(told[-1], file=sys.stderr, flush=True)
            if verdict == "ok":
                wrong.append(name)
            if decides:
                accuse.append(name)
    sentence = f"Of {len(told)} pictures {len(wrong)} are `ok`" + "".join(f"; {x}" for x in wrong)
    sentence += f"; {len(accuse)} could accuse a file of a wrong µm/px"
    sentence += "".join(f"; {x}" for x in accuse)
    head = [f"{sentence}.", "", "| picture | verdict | µm/px | compared |"]
    head.append("| --- | --- | ---: | --- |")
    command = f"`python -m training.ruler.traps {' '.join(sys.argv[1:])}`"
    args.out.write_text("\n".join([*head, *told, "", command]) + "\n")


if __name__ == "__main__":
    main()
