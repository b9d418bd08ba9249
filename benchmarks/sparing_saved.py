"""How much a sparing answer loses, on responses that were measured densely before.

    wsi-scale thesis reproduce --out thesis-full
    python benchmarks/sparing_saved.py thesis-full

The reproduction of the thesis keeps what six networks answered at 95 scales, 0.5 to 9.9, on single
images of all 20 classes. Sites are drawn from the images of all classes together, so that the mix
is that of the training data. Asked of the same drawn slide, in a window of 3 octaves whose centre
lies 0.5–1 octave from the truth, and in the whole of what was measured by turns: 50 sites at all
these scales; the first 46, and 24, of them at all; the 50, 46 and 24 at the scales that the
pipeline would have measured.
No network and no patch is needed. Writes benchmarks/results/sparing_saved.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from spread import told

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.geometry import ScaleGrid
from wsi_scale.pipeline.coarse_to_fine import MOST_ROUNDS, first_scales, next_scales, strides
from wsi_scale.responses.record import Responses, merge

RESULT = Path(__file__).parent / "results" / "sparing_saved.md"
TRAINED_AT = (1.5, 2.5, 4, 5, 6.5, 8)
PER_OCTAVE, OCTAVES = 8, 3
MANY, DEFAULT, FEW = 50, 46, 24
WAYS = {f"{count} sites, all scales": (count, False) for count in (MANY, DEFAULT, FEW)} | {
    f"{count} sites, sparing": (count, True) for count in (MANY, DEFAULT, FEW)
}
DENSE, SPARING = f"{MANY} sites, all scales", f"{DEFAULT} sites, sparing"


def window(truth: float, rng: np.random.Generator) -> tuple[float, float]:
    """Its centre lies 0.5–1 octave from the truth, and it lies within what was measured."""
    while True:
        centre = truth * 2 ** (rng.choice([-1, 1]) * rng.uniform(0.5, 1.0))
        lo, hi = centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)
        if max(lo, 0.5) < truth < min(hi, 9.9):
            return max(lo, 0.5), min(hi, 9.9)


def answer(responses: Responses) -> tuple[float | None, np.ndarray]:
    """The fingerprint's scale and its curve."""
    scorer = fingerprint.prepare(responses, Options())
    said = scorer(np.ones(len(responses.sites)))
    return said.scale, said.score


def seek(responses: Responses) -> tuple[float | None, int]:
    """The scale, and how many were needed, as the pipeline would have gone about it."""
    have = np.array(responses.grid.scales)
    steps = strides(PER_OCTAVE)
    wished = ScaleGrid.geometric(have[0], have[-1], PER_OCTAVE, multiple=steps[0])
    nearest = [int(np.argmin(np.abs(np.log(have / scale)))) for scale in wished.scales]
    measured = first_scales(len(wished), steps[0])
    for _ in range(MOST_ROUNDS + 1):
        places = sorted({nearest[i] for i in measured})
        scale, score = answer(responses.at_scales(places))
        at = dict(zip(places, score, strict=True))
        known = np.array([at[nearest[i]] for i in measured])
        more = next_scales(wished.scales, measured, known, steps)
        if not more:
            break
        measured = tuple(sorted({*measured, *more}))
    return scale, len(places)


def rows_of(folder: Path, scale: float, slides: int, draws: int, seed: int) -> list[dict[str, Any]]:
    """All cases of one network."""
    rows = []
    kept = folder / "responses" / f"figures-{scale:g}-decayed"
    for slide in range(slides):
        files = sorted(kept.glob(f"test-*-{slide:02d}.npz"))
        whole = merge([Responses.load(path) for path in files])
        for draw in range(draws):
            rng = np.random.default_rng([seed, round(10 * scale), slide, draw])
            order = rng.permutation(len(whole.sites))
            asked = whole.between(*window(scale, rng)) if draw % 2 else whole
            row: dict[str, Any] = {"truth": scale, "patches": {}}
            for way, (count, sparing) in WAYS.items():
                sites = asked.of_sites(order[:count])
                row[way], scales = seek(sites) if sparing else (answer(sites)[0], len(asked.grid))
                row["patches"][way] = count * scales
            rows.append(row)
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def errors(rows: list[dict[str, Any]], way: str) -> np.ndarray:
    return np.array([abs(math.log2(row[way] / row["truth"])) for row in rows])


def report(rows: list[dict[str, Any]], command: str) -> list[str]:
    lines = [
        f"`{command}`",
        "",
        "| way | median error, octaves [90 %] | mean error [90 %] | patches, median |",
        "| --- | --- | --- | --- |",
    ]
    for way in WAYS:
        found = errors(rows, way)
        lines.append(
            f"| {way} | {told(found, np.median)} | {told(found, np.mean)} | "
            f"{np.median([row['patches'][way] for row in rows]):.0f} |"
        )
    loss = errors(rows, SPARING) - errors(rows, DENSE)
    most = max(row["patches"][SPARING] for row in rows)
    lines += [
        "",
        f"{len(rows)} cases. The default ({SPARING}, at most {most} patches) less the dense answer "
        f"({DENSE}), mean of the paired difference of errors, octaves [90 %]: "
        f"{told(loss, np.mean)}.",
        "",
        f"| trained at | median error: {' | '.join(WAYS)} |",
        f"| --- |{' --- |' * len(WAYS)}",
    ]
    for truth in TRAINED_AT:
        mine = [row for row in rows if row["truth"] == truth]
        if mine:
            cells = " | ".join(f"{np.median(errors(mine, way)):.3f}" for way in WAYS)
            lines.append(f"| {truth:g} | {cells} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slides", type=int, default=3)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    shown = f"--slides {args.slides} --draws {args.draws} --seed {args.seed}"
    for scale in TRAINED_AT:
        rows += rows_of(args.folder, scale, args.slides, args.draws, args.seed)
        lines = report(rows, f"python benchmarks/sparing_saved.py thesis-full {shown}")
        RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
