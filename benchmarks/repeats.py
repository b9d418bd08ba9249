"""What to do with sites that repeat each other, where a slide has room for few: weigh them as one.

    OMP_NUM_THREADS=1 python benchmarks/repeats.py

Drawn figures of known scale on slides of 512 to 1000 px, 46 sites each. The same responses are
judged three times: every site counts; the sites of a place weigh as one, as a run does; only the
first site of each place is used. Writes benchmarks/results/repeats.md.
"""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path

import numpy as np
import torch

from wsi_scale.judgement.estimate import Estimate, estimate
from wsi_scale.judgement.repeats import places_of
from wsi_scale.networks import load_network
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.readers.synthetic import SyntheticSlide

RESULTS = Path(__file__).parent / "results"
TRAINED_AT = 5.0
SIDES, SLIDES, RESAMPLES = (512, 700, 1000), 20, 100
WAYS = ("every site counts", "a place weighs as one", "only the first site of a place")


def judge(side: int, number: int, network) -> tuple[float, int, tuple[Estimate, ...]]:
    """The truth, how many places there were, and the answer each way."""
    truth = float(np.geomspace(1, min(8, side / 192), SLIDES)[number])
    stretch = truth / TRAINED_AT
    slide = SyntheticSlide.figures(
        seed=20_000 + number, stretch=stretch, width=side, height=side
    ).read(0, 0, 0, side, side)
    settings = Settings(scales=(0.5, 16), seed=number, ruler=False, as_is_sites=0)
    (last,) = deque(iter_estimates(slide, network, settings), maxlen=1)
    responses = last.responses
    places = places_of(responses)
    _, first = np.unique(places, return_index=True)
    answers = (
        estimate(responses, seed=number, resamples=RESAMPLES),
        estimate(responses, seed=number, resamples=RESAMPLES, places=places),
        estimate(responses.of_sites(sorted(first)), seed=number, resamples=RESAMPLES),
    )
    return truth, len(first), answers


def holds(truth: float, answer: Estimate) -> bool:
    return answer.interval is not None and answer.interval[0] <= truth <= answer.interval[1]


def rows_of(side: int, found: list[tuple[float, int, tuple[Estimate, ...]]]) -> list[str]:
    """Table rows of one side, a row each way."""
    rows = []
    places = int(np.median([count for _, count, _ in found]))
    for way, name in enumerate(WAYS):
        pairs = [(truth, answers[way]) for truth, _, answers in found]
        errors = [abs(np.log2(answer.scale / truth)) for truth, answer in pairs if answer.scale]
        good = [holds(truth, answer) for truth, answer in pairs if answer.verdict == "ok"]
        held = np.mean([holds(truth, answer) for truth, answer in pairs])
        rows.append(
            f"| {side} | {name} | {46 if way == 0 else places} | {np.median(errors):.3f} | "
            f"{held:.0%} | {sum(good)} of {len(good)} |"
        )
    return rows


def main() -> None:
    torch.set_num_threads(1)
    network = load_network("figures", device="cpu")
    lines = [
        "`python benchmarks/repeats.py`",
        "",
        "| side, px | 46 sites, of which | counted | median error, octaves | interval holds the "
        "truth | `ok`, and the interval holds the truth |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for side in SIDES:
        found = []
        for number in range(SLIDES):
            found.append(judge(side, number, network))
            print(side, number, found[-1][0], found[-1][2][1].scale, file=sys.stderr, flush=True)
        lines += rows_of(side, found)
    lines += ["", f"Medians over {SLIDES} slides of each side, true scales from 1 up."]
    (RESULTS / "repeats.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
