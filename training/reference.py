"""Draws slides of known µm per pixel, to measure the histology network's ruler on (finish.py).

    python training/reference.py --out build/histology/reference

Every slide is a tissue, a stain and a scanner of its own; half of them are drawn at 0.25 µm/px,
half at 0.5. None of them was trained on.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from PIL import Image
from scanner import scan, stain
from tissue import draw_field

PITCHES = (0.25, 0.5)
SIDE = 2048


def draw_slide(number: int, seed: int, out: Path) -> None:
    """One slide, unless it is there."""
    path = out / f"drawn-{number:03}.png"
    if path.exists():
        return
    rng, pitch = np.random.default_rng([seed, 4, number]), PITCHES[number % 2]
    image = scan(stain(draw_field(rng, SIDE * pitch, pitch), rng), pitch, rng)
    dots = 25400 / pitch
    Image.fromarray(image).save(path.with_suffix(".new"), "PNG", dpi=(dots, dots))
    path.with_suffix(".new").replace(path)


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(args.workers) as pool:
        list(pool.map(draw_slide, range(args.count), repeat(args.seed), repeat(args.out)))


if __name__ == "__main__":
    main()
