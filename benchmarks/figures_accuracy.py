"""How well the bundled network finds the scale of synthetic mosaics, beside the chance rows.

    python benchmarks/figures_accuracy.py
    python benchmarks/figures_accuracy.py --single-class --slides 20

Rules of evidence: true scales spread over 2–8 (the slide is stretched, not the network), the
window shifted so that its centre is at least 0.5 octave from the truth, seeds the network was not
trained on. Writes benchmarks/results/figures_accuracy.csv and .md, or, with slides that show one
class each, figures_single_class.csv and .md.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from spread import interval, near

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.networks import Network, load_network
from wsi_scale.networks.untrained import random_weights
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.responses.record import Responses
from wsi_scale.slide.readers.synthetic import SyntheticSlide

RESULTS = Path(__file__).parent / "results"
TRAINED_AT = 5.0
OCTAVES = 3.5
RANDOM_VERDICT = "random weights' verdict"


def window(truth: float, rng: np.random.Generator) -> tuple[float, float]:
    """A window of 3.5 octaves that holds the truth, its centre 0.5–1 octave away from it."""
    away = rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)
    centre = truth * 2**away
    return centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)


def noise(responses: Responses, rng: np.random.Generator) -> Responses:
    """Responses that know nothing: rows dealt out to random scales."""
    order = rng.permutation(len(responses.scale_index))
    return replace(responses, scale_index=responses.scale_index[order])


def ask(slide: SyntheticSlide, network: Network, settings: Settings):
    (last,) = deque(iter_estimates(slide, network, settings), maxlen=1)
    return last


def fingerprint_of(responses: Responses) -> float | None:
    return fingerprint.prepare(responses, Options())(np.ones(len(responses.sites))).scale


def measure(args: argparse.Namespace) -> list[dict[str, object]]:
    network = load_network("figures", device="cpu")
    truths = np.geomspace(2, 8, args.slides)
    rows = []
    for i, truth in enumerate(truths):
        rng = np.random.default_rng([args.seed, i])
        lo, hi = window(truth, rng)
        slide = SyntheticSlide.figures(
            seed=10_000 + 100 * args.seed + i,
            only=i % 20 if args.single_class else None,
            stretch=truth / TRAINED_AT,
            width=args.side,
            height=args.side,
        )
        settings = Settings(scales=(lo, hi), sites=args.sites, seed=i, dense=True)
        done = ask(slide, network, settings)
        untrained = ask(slide, random_weights(network, i), settings)
        answer = done.estimate
        row = {
            "truth": truth,
            "lo": lo,
            "hi": hi,
            "verdict": answer.verdict,
            "low": answer.interval[0] if answer.interval else None,
            "high": answer.interval[1] if answer.interval else None,
            "answer": answer.scale,
            **{f"{name} (voice)": value for name, value in answer.voices.items()},
            "chance: window centre": math.sqrt(lo * hi),
            "chance: noise responses": fingerprint_of(noise(done.responses, rng)),
            "chance: random weights": fingerprint_of(untrained.responses),
            RANDOM_VERDICT: untrained.estimate.verdict,
        }
        rows.append(row)
        print(f"{truth:.2f} -> {answer.scale} {answer.verdict}", file=sys.stderr, flush=True)
    return rows


def summarise(rows: list[dict[str, object]], column: str) -> str:
    truth = np.array([r["truth"] for r in rows], float)
    given = np.array([np.nan if r[column] is None else r[column] for r in rows], float)
    error = np.abs(np.log2(given / truth))
    known = error[np.isfinite(error)]
    if len(known) == 0:
        return f"| {column} | – | – | – | {len(rows)} of {len(rows)} |"
    (low, high), within = interval(known), near(known)
    return (
        f"| {column} | {np.median(known):.3f} [{low:.3f}, {high:.3f}] | {within[0]:.0%} | "
        f"{within[1]:.0%} | {len(rows) - len(known)} of {len(rows)} |"
    )


def count(rows: list[dict[str, object]], column: str) -> str:
    """``ok × 20, edge × 4``."""
    seen = Counter(str(row[column]) for row in rows)
    return ", ".join(f"{value} × {times}" for value, times in seen.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slides", type=int, default=24)
    parser.add_argument("--sites", type=int, default=24)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--single-class", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(args)
    RESULTS.mkdir(exist_ok=True)
    name = "figures_single_class" if args.single_class else "figures_accuracy"
    flag = " --single-class" if args.single_class else ""
    with (RESULTS / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    columns = ["answer", *(c for c in rows[0] if c.endswith("(voice)") or c.startswith("chance"))]
    held = np.mean([r["low"] is not None and r["low"] <= r["truth"] <= r["high"] for r in rows])
    table = [
        f"`python benchmarks/figures_accuracy.py --slides {args.slides} --sites {args.sites} "
        f"--side {args.side} --seed {args.seed}{flag}`",
        "",
        "| row | median abs. log2 error [90 %] | within 10 % | within 25 % | no number |",
        "| --- | --- | --- | --- | --- |",
        *(summarise(rows, column) for column in columns),
        "",
        f"The 90 % interval held the truth in {held:.0%} of slides. "
        f"Verdicts: {count(rows, 'verdict')}. "
        f"With random weights: {count(rows, RANDOM_VERDICT)}.",
    ]
    (RESULTS / f"{name}.md").write_text("\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
