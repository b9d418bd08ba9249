"""Drawn fields kept on disk, so that a training draws each of them once.

A field is a file of four planes, (4, h, w) uint8: haematoxylin, eosin and blood as optical density
times DENSITY, and the share of nuclei times 255. Its name begins with its pitch in nm per px.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from tissue import Field, draw_field

PITCHES = (0.25, 0.5)
"""µm per px; by turns."""

SIDE = 1024
DENSITY = 80.0

LEAST_UM = 48.0
"""Smaller squares are cut from the finest fields only: the others have too few pixels there."""


def draw_bank(folder: Path, count: int, seed: int, workers: int) -> None:
    """Draw the fields that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(_draw, range(count), repeat(seed), repeat(folder)), 1):
            if done % 20 == 0:
                print(f"{done} of {count} fields", file=sys.stderr, flush=True)


def _draw(number: int, seed: int, folder: Path) -> None:
    pitch = PITCHES[number % len(PITCHES)]
    path = folder / f"{1000 * pitch:03.0f}nm-{number:04}.npy"
    if path.exists():
        return
    field = draw_field(np.random.default_rng([seed, 5, number]), SIDE * pitch, pitch)
    densities = np.stack([field.haematoxylin, field.eosin, field.blood]) * DENSITY
    planes = np.concatenate([densities, 255 * field.nuclei[None]])
    new = path.with_suffix(".new.npy")
    np.save(new, np.clip(planes.round(), 0, 255).astype(np.uint8))
    new.replace(path)


class Bank:
    """Fields of a folder, read where they are looked at."""

    def __init__(self, folder: Path) -> None:
        self.pitches, self.fields = [], []
        for path in sorted(folder.glob("*nm-????.npy")):
            self.pitches.append(int(path.name[:3]) / 1000)
            self.fields.append(np.load(path, mmap_mode="r"))

    def crop(self, rng: np.random.Generator, side_um: float) -> Field:
        """A square somewhere in a field that is large and fine enough for it."""
        fit = [n for n, pitch in enumerate(self.pitches) if side_um <= pitch * SIDE - 1]
        if side_um < LEAST_UM:
            fit = [n for n in fit if self.pitches[n] == min(self.pitches)]
        number = fit[int(rng.integers(len(fit)))]
        pitch, field = self.pitches[number], self.fields[number]
        wide = round(side_um / pitch)
        y, x = rng.integers(SIDE - wide + 1, size=2)
        part = np.asarray(field[:, y : y + wide, x : x + wide], np.float32)
        turns = int(rng.integers(4))
        planes = [np.rot90(plane, turns) for plane in part]
        if rng.random() < 0.5:
            planes = [plane[::-1] for plane in planes]
        return Field(*(plane / DENSITY for plane in planes[:3]), planes[3] / 255, pitch)
