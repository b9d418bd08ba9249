"""How much a sparing answer loses, on responses that were measured densely before.

    wsi-scale thesis reproduce --out thesis-full
    python benchmarks/sparing_saved.py thesis-full

The reproduction of the thesis keeps what six networks answered at 95 scales, 0.5 to 9.9, on single
images of all 20 classes. Sites are drawn from the images of all classes together, so that the mix
is that of the training data. Asked of the same drawn slide, in a window of 3 octaves whose centre
lies 0.5–1 octave from the truth: 50 sites at all these scales; 24 other sites at all of them; the
same 24, and the 50, at the scales that the pipeline would have measured, 8 an octave or as many as
there are; and, which the pipeline does not do, 16 of the 50 over the window and all 50 near what
those 16 answer.
No network and no patch is needed. Writes benchmarks/results/sparing_saved.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.geometry import ScaleGrid
from wsi_scale.looking import on_larger_grid
from wsi_scale.responses import Responses, merge
from wsi_scale.sparing import first_look, next_look, stride

RESULT = Path(__file__).parent / "results" / "sparing_saved.md"
TRAINED_AT = (1.5, 2.5, 4, 5, 6.5, 8)
PER_OCTAVE, OCTAVES = 8, 3
MANY, FEW, SCOUTS, NEAR = 50, 24, 16, 0.5
WAYS = {
    "many": f"{MANY} sites, all scales",
    "few": f"{FEW} sites, all scales",
    "sparing": f"{FEW} sites, sparing",
    "many sparing": f"{MANY} sites, sparing",
    "scouted": f"{SCOUTS} sites over the window, {MANY} near their answer, sparing",
}


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


def seek(responses: Responses) -> tuple[float | None, list[int]]:
    """The scale, and the positions that were needed, as the pipeline would have gone about it."""
    have = np.array(responses.grid.scales)
    step = stride(PER_OCTAVE)
    wished = ScaleGrid.geometric(have[0], have[-1], PER_OCTAVE, multiple=step)
    nearest = [int(np.argmin(np.abs(np.log(have / scale)))) for scale in wished.scales]
    measured = first_look(len(wished), step)
    while True:
        places = sorted({nearest[i] for i in measured})
        scale, score = answer(responses.at_scales(places))
        at = dict(zip(places, score, strict=True))
        known = np.array([at[nearest[i]] for i in measured])
        more = next_look(wished.scales, measured, known, scale, step)
        if not more:
            return scale, places
        measured = tuple(sorted({*measured, *more}))


def seek_by_scouts(responses: Responses) -> tuple[float | None, int]:
    """The scale, and patches: the first sites say which scales all the others are looked at."""
    found, places = seek(responses.of_sites(range(SCOUTS)))
    sought = responses.at_scales(places)
    near = np.abs(np.log2(np.array(sought.grid.scales) / found)) <= NEAR
    rest = list(range(SCOUTS, MANY))
    others = sought.of_sites(rest).at_scales(np.flatnonzero(near))
    others = on_larger_grid(others, sought.grid)
    both = merge([sought.of_sites(range(SCOUTS)), others])
    return answer(both)[0], len(both.entropy)


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
            asked = whole.between(*window(scale, rng))
            few = asked.of_sites(order[MANY : MANY + FEW])
            many = asked.of_sites(order[:MANY])
            sparing, places = seek(few)
            many_sparing, many_places = seek(many)
            scouted, patches = seek_by_scouts(many)
            rows.append(
                {
                    "truth": scale,
                    "many": answer(many)[0],
                    "few": answer(few)[0],
                    "sparing": sparing,
                    "many sparing": many_sparing,
                    "scouted": scouted,
                    "patches": {
                        "many": MANY * len(asked.grid),
                        "few": FEW * len(asked.grid),
                        "sparing": FEW * len(places),
                        "many sparing": MANY * len(many_places),
                        "scouted": patches,
                    },
                }
            )
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def errors(rows: list[dict[str, Any]], way: str) -> np.ndarray:
    return np.array([abs(math.log2(row[way] / row["truth"])) for row in rows])


def middle(values: np.ndarray, of: Any) -> str:
    """A statistic and its 90 % bootstrap interval over cases."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(of(drawn, axis=1), [0.05, 0.95])
    return f"{of(values):.3f} [{low:.3f}, {high:.3f}]"


def report(rows: list[dict[str, Any]], command: str) -> list[str]:
    lines = [
        f"`{command}`",
        "",
        "| way | median error, octaves [90 %] | mean error [90 %] | patches, median |",
        "| --- | --- | --- | --- |",
    ]
    for way, words in WAYS.items():
        found = errors(rows, way)
        lines.append(
            f"| {words} | {middle(found, np.median)} | {middle(found, np.mean)} | "
            f"{np.median([row['patches'][way] for row in rows]):.0f} |"
        )
    pairs = (("sparing", "few"), ("few", "many"), ("many sparing", "many"), ("scouted", "many"))
    scales, sites, fifty, scouts = (errors(rows, a) - errors(rows, b) for a, b in pairs)
    apart = np.array([abs(math.log2(row["sparing"] / row["few"])) for row in rows])
    lines += [
        "",
        f"{len(rows)} cases. Mean of the paired difference of errors, octaves [90 %]: "
        f"{middle(scales + sites, np.mean)} sparing less dense; of that "
        f"{middle(scales, np.mean)} for fewer scales and {middle(sites, np.mean)} for fewer sites. "
        f"With {MANY} sites, fewer scales cost {middle(fifty, np.mean)}, and scouts besides "
        f"{middle(scouts, np.mean)}. "
        f"Of the same sites, the sparing answer is within 0.02 octave of that of all scales in "
        f"{np.mean(apart <= 0.02):.0%} of cases, at most {apart.max():.3f} octave from it.",
        "",
        f"| trained at | median error: {' | '.join(WAYS.values())} |",
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
