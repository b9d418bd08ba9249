"""A whole estimate beside the thesis's dense scheme: patches, seconds, error.

    OMP_NUM_THREADS=1 python benchmarks/whole_estimate.py

Drawn slides of 12 000 × 12 000 px with levels 1, 4 and 16, stored without loss (deflate), and again
as JPEG (quality 85, colours halved) to see what that does to the answers; the bundled network
`figures`; right scales from 2 to 6, windows of four octaves whose middle lies 0.5–1 octave from the
right scale, below and above by turns. Every slide is asked these ways, one after the other:

sparing     the defaults
dense       50 sites × 95 scales, spread evenly in log-scale, from the native levels
level 0     as dense, but every patch read by itself from level 0 and shrunk by Pillow, as the
            thesis's program did; only at two of the sites, and its seconds times 25, and only of
            the slides without loss

All answers are the fingerprint's, so only the cost differs: the thesis's own criterion is chance
(docs/thesis.md) and has no equal error to compare at. Seconds are processor time, one thread,
reading and network together. Writes benchmarks/results/whole_estimate.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
import torch
from pyramids import SIZE, by_reference
from spread import told

from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.networks import Network, load_network
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.responses.measure import measure_responses
from wsi_scale.responses.record import Responses
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "whole_estimate.md"
TRAINED_AT, SIDE, OCTAVES = 5.0, 12_000, 4
SITES, SCALES, EVERY = 50, 95, 25
TRUTHS = (2.0, 2.5, 3.1, 3.9, 4.8, 6.0)


class Cost(NamedTuple):
    """Of one way to ask one slide."""

    patches: int
    seconds: float
    scale: float

    def error(self, truth: float) -> float:
        return abs(math.log2(self.scale / truth))


STORED: dict[str, dict[str, Any]] = {
    "deflate": {"compression": "deflate", "predictor": True},
    "JPEG": {"compression": "jpeg", "compressionargs": {"level": 85}},
}


def write_slide(path: Path, truth: float, seed: int, stored: str) -> None:
    drawn = SyntheticSlide.figures(
        seed=seed, stretch=truth / TRAINED_AT, width=SIDE, height=SIDE, downsamples=(1, 4, 16)
    )
    part = path.with_suffix(".part")
    with tifffile.TiffWriter(part) as file:
        for number, level in enumerate(drawn.levels):
            file.write(
                drawn.read(number, 0, 0, level.width, level.height),
                tile=(256, 256),
                photometric="rgb",
                metadata=None,
                subfiletype=int(number > 0),
                **STORED[stored],
            )
    part.replace(path)


def window(truth: float, turn: int) -> tuple[float, float]:
    away = np.random.default_rng(turn).uniform(0.5, 1.0) * (-1 if turn % 2 == 0 else 1)
    middle = truth * 2**away
    return middle / 2 ** (OCTAVES / 2), middle * 2 ** (OCTAVES / 2)


def ask(slide: Slide, network: Network, settings: Settings) -> tuple[Cost, tuple[Site, ...]]:
    begun = time.process_time()
    (last,) = deque(iter_estimates(slide, network, settings), maxlen=1)
    seconds = time.process_time() - begun
    answer = last.report().voices["fingerprint"]
    assert answer is not None
    return Cost(int((last.responses.variant == 0).sum()), seconds, answer), last.responses.sites


def ask_level_0(
    slide: Slide, network: Network, grid: ScaleGrid, sites: Sequence[Site], scale: float
) -> Cost:
    """What the thesis's program did, measured at some sites; scale: the answer, that of dense."""
    some = sites[::EVERY]
    begun = time.process_time()
    patches = sum(len(one_site(slide, network, grid, site).scale_index) for site in some)
    times = len(sites) / len(some)
    return Cost(round(patches * times), (time.process_time() - begun) * times, scale)


def one_site(slide: Slide, network: Network, grid: ScaleGrid, site: Site) -> Responses:
    limit = reach(slide.bounds, site, SIZE)
    fit = ScaleGrid(tuple(scale for scale in grid.scales if scale <= limit))
    patches = np.stack(by_reference(slide, fit)(site))
    indices, upsampled = tuple(range(len(fit.scales))), tuple(scale < 1 for scale in fit.scales)
    return measure_responses(network, [Pyramid(site, fit, indices, patches, upsampled)])


def ask_all(
    slide: Slide, network: Network, scales: tuple[float, float], *, level_0: bool
) -> dict[str, Cost]:
    """All ways, one after the other."""
    shared = {"scales": scales, "estimator": "fingerprint", "as_is_sites": 0}
    per_octave = (SCALES - 1) / OCTAVES
    sparing, _ = ask(slide, network, Settings(**shared))
    thorough = Settings(dense=True, sites=SITES, per_octave=per_octave, **shared)
    dense, sites = ask(slide, network, thorough)
    if not level_0:
        return {"sparing": sparing, "dense": dense}
    grid = ScaleGrid.geometric(*scales, per_octave)
    thesis = ask_level_0(slide, network, grid, sites, dense.scale)
    return {"sparing": sparing, "dense": dense, "level 0": thesis}


def table(rows: list[tuple[float, dict[str, Cost]]]) -> list[str]:
    lines = [
        "| way | patches | seconds | × sparing | median error, octaves [90 %] |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for way in rows[0][1]:
        costs = [costs[way] for _, costs in rows]
        errors = np.array([cost.error(truth) for cost, (truth, _) in zip(costs, rows, strict=True)])
        ratios = [
            cost.seconds / x["sparing"].seconds for cost, (_, x) in zip(costs, rows, strict=True)
        ]
        said = told(errors) if way != "level 0" else "as dense"
        lines.append(
            f"| {way} | {np.median([x.patches for x in costs]):.0f} | "
            f"{np.median([x.seconds for x in costs]):.1f} | {np.median(ratios):.1f} | {said} |"
        )
    lines += ["", "| right | window | sparing | dense |", "| ---: | --- | ---: | ---: |"]
    for turn, (truth, costs) in enumerate(rows):
        low, high = window(truth, turn)
        found = " | ".join(f"{costs[way].scale:.3f}" for way in ("sparing", "dense"))
        lines.append(f"| {truth:g} | {low:.2f}–{high:.2f} | {found} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slides", type=Path, default=ROOT / "build" / "whole_estimate")
    args = parser.parse_args()
    args.slides.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    network = load_network("figures", device="cpu")
    lines = ["`OMP_NUM_THREADS=1 python benchmarks/whole_estimate.py`"]
    for stored in STORED:
        rows: list[tuple[float, dict[str, Cost]]] = []
        for turn, truth in enumerate(TRUTHS):
            path = args.slides / f"{stored}-{truth:g}.tif"
            if not path.exists():
                write_slide(path, truth, 70_000 + turn, stored)
            with open_slide(path) as slide:
                asked = window(truth, turn)
                costs = ask_all(slide, network, asked, level_0=stored == "deflate")
            rows.append((truth, costs))
            print(f"{stored}, right scale {truth:g}: {costs}", file=sys.stderr, flush=True)
        lines += ["", f"{stored}:", "", *table(rows)]
    RESULT.write_text("\n".join(lines) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
