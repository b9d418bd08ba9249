"""What a sparing answer costs, and errs, beside a dense one of the same estimator.

    python benchmarks/sparing.py
    WSI_SCALE_TEST_DATA=… python benchmarks/sparing.py      # tissue too

Sparing is the default: 46 sites, a few scales over the window and those around the best. Dense is
what the thesis measures: 50 sites × 95 scales. Both are asked about the same slide in the same
window, whose centre lies 0.5–1 octave from the truth, below and above by turns. Networks trained
at six scales look at three mosaics each, in windows of 5 octaves; on tissue one U-Net looks at
nine images, in windows of 3. Answers are kept in build/sparing, so that a run goes on where it
stopped. Writes benchmarks/results/sparing.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spread import interval
from tissue_colour import PATCH, slides

from wsi_scale.known_scale.thesis.family import load_member
from wsi_scale.networks import Network, load_network
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "sparing.md"
TRAINED_AT = (1.5, 2.5, 4, 5, 6.5, 8)
THESIS_SITES, THESIS_SCALES = 50, 95
ALLOWED = THESIS_SITES * THESIS_SCALES // 10


@dataclass(frozen=True)
class Case:
    """One network, one slide and one window."""

    key: str
    kind: str
    truth: float
    window: tuple[float, float]
    network: Callable[[], Network]
    slide: Callable[[], Slide]
    seed: int
    colour_fit: bool = False

    def settings(self, way: str) -> Settings:
        """How a slide is asked, ``sparing``, ``dense`` or, of the same sites, ``all scales``."""
        shared = {
            "scales": self.window,
            "estimator": "fingerprint",
            "seed": self.seed,
            "colour_fit": self.colour_fit,
            "resamples": 0,
            "as_is_sites": 0,
        }
        if way == "dense":
            octaves = math.log2(self.window[1] / self.window[0])
            per_octave = (THESIS_SCALES - 1) / octaves
            return Settings(dense=True, sites=THESIS_SITES, per_octave=per_octave, **shared)
        return Settings(dense=way == "all scales", **shared)


def window(truth: float, octaves: float, turn: int, seed: int) -> tuple[float, float]:
    """Its centre lies 0.5–1 octave from the truth: below at even turns, above at odd ones."""
    away = np.random.default_rng([seed, turn]).uniform(0.5, 1.0) * (-1 if turn % 2 == 0 else 1)
    half = 2 ** (octaves / 2)
    return truth * 2**away / half, truth * 2**away * half


def figures(seed: int, repeats: int) -> list[Case]:
    """Mosaics of all classes, as large as their window asks for."""
    out = []
    for repeat in range(repeats):
        for i, scale in enumerate(TRAINED_AT):
            turn = i + repeat * (len(TRAINED_AT) + 1)
            asked = window(scale, 5, turn, seed)
            side = max(12_000, round(280 * asked[1]))
            drawn = partial(
                SyntheticSlide.figures, seed=50_000 + 1000 * seed + turn, width=side, height=side
            )
            look = partial(load_member, f"figures-{scale:g}-decayed", None)
            key = f"trained at {scale:g}, slide {repeat + 1}"
            out.append(Case(key, "figures", scale, asked, look, drawn, turn))
    return out


def tissue(data: Path, seed: int, *, colour_fit: bool) -> list[Case]:
    """Images at their own size; a U-Net trained at 0.5 µm/px."""
    sys.path.insert(0, str(data / "networks" / "unet_he_05"))
    weights = data / "networks" / "unet_he_05" / "weights.safetensors"
    spec = f"unet:build?weights={weights}&input_size={PATCH}"
    kind = "tissue, colours fitted" if colour_fit else "tissue"
    return [
        Case(
            f"{path.stem[:12]}{', colours fitted' if colour_fit else ''}",
            kind,
            right,
            window(right, 3, turn, seed),
            partial(load_network, spec, device="cpu"),
            partial(open_slide, path),
            turn,
            colour_fit,
        )
        for turn, (path, right) in enumerate(slides(data))
    ]


def ask(case: Case, way: str) -> dict[str, Any]:
    """Answer, patches and processor seconds of one way to ask."""
    network = case.network()
    with case.slide() as slide:
        begun = time.process_time()
        (last,) = deque(iter_estimates(slide, network, case.settings(way)), maxlen=1)
        spent = time.process_time() - begun
    report = last.report()
    answer = report.voices["fingerprint"]
    plain = (last.responses.variant == 0).sum()
    return {"answer": answer, "patches": int(plain), "seconds": spent}


def row_of(case: Case, kept: Path) -> dict[str, Any]:
    """Both ways to ask one case; measured unless it was."""
    if kept.exists():
        return json.loads(kept.read_text())
    other = "all scales" if case.colour_fit else "dense"
    row = {"key": case.key, "kind": case.kind, "truth": case.truth, "window": case.window}
    row |= {"sparing": ask(case, "sparing"), "dense": ask(case, other)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(row))
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def error(row: dict[str, Any], way: str) -> float:
    return abs(math.log2(row[way]["answer"] / row["truth"]))


def ends(values: np.ndarray, of: Callable[..., Any]) -> str:
    low, high = interval(values, of)
    return f"[{low:+.3f}, {high:+.3f}]"


def summary(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| kind | cases | patches, sparing | dense | median error, sparing | dense | mean of the "
        "paired difference [90 %] | same answer within 0.02 octave | time, sparing ÷ dense |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        few, all_ = (np.array([error(row, way) for row in mine]) for way in ("sparing", "dense"))
        apart = [abs(math.log2(x["sparing"]["answer"] / x["dense"]["answer"])) for x in mine]
        cost = {
            way: [np.array([row[way][what] for row in mine]) for what in ("patches", "seconds")]
            for way in ("sparing", "dense")
        }
        (patches, spent), (patches_dense, spent_dense) = cost["sparing"], cost["dense"]
        lines.append(
            f"| {kind} | {len(mine)} | {np.median(patches):.0f} (most {patches.max()}) | "
            f"{np.median(patches_dense):.0f} | {np.median(few):.3f} | {np.median(all_):.3f} | "
            f"{np.mean(few - all_):+.3f} {ends(few - all_, np.mean)} | "
            f"{np.mean(np.array(apart) <= 0.02):.0%} | {spent.sum() / spent_dense.sum():.2f} |"
        )
    return lines


def report(rows: list[dict[str, Any]], command: str) -> list[str]:
    over = sum(row["sparing"]["patches"] > ALLOWED for row in rows)
    lines = [
        f"`{command}`",
        "",
        *summary(rows),
        "",
        f"Sparing: the defaults, 46 sites. Dense: {THESIS_SITES} sites × {THESIS_SCALES} scales, "
        "evenly spread in log-scale, less what does not fit on the slide; with colours fitted, "
        "the same 46 sites at all 8 scales an octave. Errors and differences in octaves; a "
        "difference above 0 is the sparing answer's loss. Patches are those cut; with colours "
        "fitted each is measured twice. Time is processor time, drawing and reading included. "
        f"More than {ALLOWED} patches, a tenth of {THESIS_SITES} × {THESIS_SCALES}: {over} of "
        f"{len(rows)} cases.",
        "",
        "| case | truth | window | sparing | patches | dense | patches |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        lo, hi = row["window"]
        cells = (
            f"{row[way]['answer']:.3f} | {row[way]['patches']}" for way in ("sparing", "dense")
        )
        lines.append(
            f"| {row['key']} | {row['truth']:g} | {lo:.2f}–{hi:.2f} | {' | '.join(cells)} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="mosaics per network")
    parser.add_argument("--seconds", type=float, default=math.inf, help="then no new case")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases, data = figures(args.seed, args.repeats), os.environ.get("WSI_SCALE_TEST_DATA")
    if data:
        cases += tissue(Path(data), args.seed, colour_fit=False)
        cases += tissue(Path(data), args.seed, colour_fit=True)
    command = f"python benchmarks/sparing.py --seed {args.seed} --repeats {args.repeats}"
    command = f"WSI_SCALE_TEST_DATA=… {command}" if data else command
    folder, begun, rows = ROOT / "build" / "sparing" / f"seed {args.seed}", time.monotonic(), []
    for case in cases:
        kept = folder / f"{case.key}.json"
        if kept.exists() or time.monotonic() - begun < args.seconds:
            rows.append(row_of(case, kept))
            RESULT.write_text("\n".join(report(rows, command)) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
