"""The fingerprint on tissue, plain and freed of stain, where the right scale is known.

    WSI_SCALE_TEST_DATA=… python benchmarks/tissue_colour.py

A U-Net trained at 0.5 µm/px; seven images at 0.25 µm/px and two slides at 0.5, each as it is and
resampled by 0.6 and 1.6. Windows of 3 octaves whose centre lies half an octave or more below the
right scale, or above it, by turns; an odd seed takes the other side. Responses are kept in
build/tissue_colour, so that a run goes on where it stopped. Writes
benchmarks/results/tissue_colour.md, with another seed tissue_colour_seed1.md and so on.

The images have masks of their nuclei: the Dice at each answer, as a share of the best Dice in the
window, stands beside the error.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from spread import best_constant, interval, near

from wsi_scale.estimators import Options, confidence, fingerprint
from wsi_scale.estimators.curves import peak
from wsi_scale.judgement.estimate import estimate
from wsi_scale.known_scale.evaluate.accuracy_kept import kept_share
from wsi_scale.known_scale.evaluate.mask import join
from wsi_scale.known_scale.evaluate.measure_slides import overlap
from wsi_scale.networks import Network, load_network
from wsi_scale.networks.untrained import random_weights
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.visit_sites import measure_site, read_ahead
from wsi_scale.plumbing.arrays import Mask
from wsi_scale.responses.colour_fit import add_freed, fit_colours, recolour
from wsi_scale.responses.record import Responses, merge
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.slide.readers import open_slide

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "tissue_colour"
RESULTS = Path(__file__).parent / "results"
FACTORS = (1.0, 0.6, 1.6)
OCTAVES, PER_OCTAVE, PATCH = 3.0, 6, 112
DEFAULT = "**colour-freed** (what --free-colour asks)"
SUMMED = "colour-freed, layers summed, not their logarithms"
MEDIAN = "colour-freed, median of the encoder's layers"
ASKED = {
    "plain": Options(colour_freed=False),
    "plain, no mixture": Options(colour_freed=False, match_mixture=False),
    "plain, encoder": Options(colour_freed=False, encoder_only=True),
    DEFAULT: Options(),
    "colour-freed, all layers": Options(encoder_only=False),
}


@dataclass(frozen=True)
class Case:
    """One image, resampled, asked about in one window."""

    path: Path
    right: float
    """Right scale of the image as it is."""
    factor: float
    turn: int
    seed: int
    random: bool = False
    """Whether the network has lost its weights."""

    @property
    def truth(self) -> float:
        return self.right * self.factor

    @property
    def key(self) -> str:
        name = f"{self.path.stem[:12]} × {self.factor:g}"
        return f"{name}, random weights" if self.random else name

    def kept(self, sites: int) -> Path:
        """Where its responses are kept."""
        return KEPT / f"seed {self.seed}, {sites} sites" / f"{self.key}.npz"


def slides(data: Path) -> list[tuple[Path, float]]:
    """(file, right scale of the network on it)."""
    nuclei = [(path, 2.0) for path in sorted((data / "nuclei" / "images").iterdir())]
    others = ("images/instanseg-HE_example.tif", "slides/CMU-1-Small-Region.svs")
    return nuclei + [(data / name, 1.0) for name in others]


def pixels(path: Path, factor: float) -> np.ndarray:
    """The whole image, its sides times the factor."""
    with open_slide(path) as slide:
        level = slide.levels[0]
        whole = slide.read(0, 0, 0, level.width, level.height)
    size = round(level.width * factor), round(level.height * factor)
    image = Image.fromarray(whole)
    return np.asarray(image if factor == 1 else image.resize(size, Image.Resampling.BICUBIC))


def window(truth: float, below: bool, rng: np.random.Generator) -> tuple[float, float]:
    """Its centre lies 0.5–1 octave below the truth, or 0.5–0.75 above: more leaves the image."""
    away = -rng.uniform(0.5, 1.0) if below else rng.uniform(0.5, 0.75)
    centre = truth * 2**away
    return centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)


def mask_of(path: Path, shape: tuple[int, ...]) -> Mask | None:
    """The nuclei of an image, resampled like it; None where nobody drew them."""
    drawn = path.parents[1] / "masks" / path.with_suffix(".jpg").name
    if not drawn.exists():
        return None
    grey = Image.open(drawn).convert("L").resize(shape[1::-1], Image.Resampling.NEAREST)
    return np.asarray(grey) > 127


def look(
    image: np.ndarray, mask: Mask | None, network: Network, settings: Settings
) -> tuple[Responses, dict]:
    """Plain and colour-freed responses, the seconds each step took, and the Dice by scale."""
    with open_slide(image) as slide:
        asking = iter_estimates(slide, network, settings)
        run = next(asking).run
        asking.close()
        stacks = [x for x in read_ahead(run, run.sites) if isinstance(x, Pyramid)]
    times = [time.process_time()]
    plain = [measure_site(run, stack) for stack in stacks]
    times.append(time.process_time())
    colours = fit_colours(network, stacks)
    times.append(time.process_time())
    freed = [measure_site(run, recolour(stack, colours)) for stack in stacks]
    times.append(time.process_time())
    joined = merge([add_freed(a, b) for a, b in zip(plain, freed, strict=True)])
    noted = dict(zip(("plain s", "fit s", "freed s"), np.diff(times), strict=True))
    noted["patches"] = sum(len(x.entropy) for x in plain)
    if mask is not None:
        counted = join([overlap(network, mask, stack) for stack in stacks])
        noted["dice"] = list(counted.dice(np.array(run.grid.scales)))
    return joined, noted


def answer(responses: Responses, options: Options) -> float | None:
    return fingerprint.prepare(responses, options)(np.ones(len(responses.sites))).scale


def look_at(case: Case, network: Network, sites: int) -> Path:
    """Measure one case, unless it was; where its responses are kept."""
    kept = case.kept(sites)
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([case.seed, case.turn])
    lo, hi = window(case.truth, (case.turn + case.seed) % 2 == 0, rng)
    settings = Settings(
        scales=(lo, hi), sites=sites, per_octave=PER_OCTAVE, seed=case.seed, dense=True
    )
    asked = random_weights(network, case.turn) if case.random else network
    image = pixels(case.path, case.factor)
    both, noted = look(image, mask_of(case.path, image.shape), asked, settings)
    kept.with_suffix(".json").write_text(json.dumps(noted))
    both.save(kept)
    return kept


def judge(case: Case, kept: Path) -> dict[str, Any]:
    """What every estimator answers to one case."""
    both = Responses.load(kept)
    scales = both.grid.scales
    judged = estimate(both, estimator="fingerprint", seed=case.seed)
    order = np.random.default_rng([case.seed, case.turn]).permutation(len(both.scale_index))
    dealt = replace(both, scale_index=both.scale_index[order])
    freed = fingerprint.prepare(both, Options())(np.ones(len(both.sites)))
    assert freed.left is not None
    return {
        "key": case.key,
        "truth": case.truth,
        "window": (scales[0], scales[-1]),
        "scales": np.array(scales),
        "verdict": judged.verdict,
        "interval": judged.interval,
        **json.loads(kept.with_suffix(".json").read_text()),
        **{name: answer(both, options) for name, options in ASKED.items()},
        SUMMED: peak(np.array(scales), -freed.left),
        MEDIAN: float(np.median(list(freed.layer_scales.values()))),
        "confidence": confidence.prepare(both, Options())(np.ones(len(both.sites))).scale,
        "chance: window centre": math.sqrt(scales[0] * scales[-1]),
        "chance: noise responses": answer(dealt, Options()),
    }


def gather(cases: list[Case], network: Network, sites: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of the cases; no new one is measured once the time is spent."""
    rows, begun = [], time.monotonic()
    for case in cases:
        if case.kept(sites).exists() or time.monotonic() - begun < seconds:
            rows.append(judge(case, look_at(case, network, sites)))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def errors(rows: list[dict[str, Any]], column: str) -> np.ndarray:
    """log2(answer / truth), octaves; an estimator that gave no answer is left out."""
    pairs = [(row[column], row["truth"]) for row in rows if row[column] is not None]
    return np.array([math.log2(given / truth) for given, truth in pairs])


def regret(rows: list[dict[str, Any]], column: str) -> list[float]:
    """Dice at the answer as a share of the best in the window, where there is a mask."""
    drawn = [row for row in rows if "dice" in row]
    shares = [kept_share(x["scales"], np.array(x["dice"], float), x[column]) for x in drawn]
    return [share for share in shares if share is not None]


def summarise(name: str, error: np.ndarray, kept: list[float]) -> str:
    size = np.abs(error)
    (low, high), within = interval(size), near(size)
    return (
        f"| {name} | {np.median(size):.2f} [{low:.2f}, {high:.2f}] | {size.mean():.2f} | "
        f"{np.median(error):+.2f} | {within[0]:.0%} | {within[1]:.0%} | "
        + (f"{np.median(kept):.0%}, {min(kept):.0%} |" if kept else "– |")
    )


def report(rows: list[dict[str, Any]], random: list[dict[str, Any]], command: str) -> list[str]:
    head = "| row | median error, octaves [90 %] | mean | bias | within 10 % | within 25 % |"
    head += " Dice kept: median, worst |"
    lines = [f"`{command}`", "", head, "| --- | --- | --- | --- | --- | --- | --- |"]
    for name in (*ASKED, SUMMED, MEDIAN, "confidence"):
        lines.append(summarise(name, errors(rows, name), regret(rows, name)))
    constant = best_constant([row["truth"] for row in rows])
    fixed = [row | {"constant": constant} for row in rows]
    name = f"chance: {constant:.2f} for all, the best constant"
    lines.append(summarise(name, errors(fixed, "constant"), regret(fixed, "constant")))
    for name in ("chance: window centre", "chance: noise responses"):
        lines.append(summarise(name, errors(rows, name), regret(rows, name)))
    if random:
        lines.append(summarise("chance: random weights", errors(random, DEFAULT), []))
    cost = {k: sum(row[k] for row in rows) for k in ("plain s", "fit s", "freed s")}
    patches = sum(row["patches"] for row in rows)
    whole = sum(cost.values())
    verdicts = Counter(row["verdict"] for row in rows).most_common()
    given = [(row["truth"], row["interval"]) for row in rows if row["interval"]]
    held = [low <= truth <= high for truth, (low, high) in given]
    wide = np.median([math.log2(high / low) for _, (low, high) in given])
    missed = [abs(math.log2(row[DEFAULT] / row["truth"])) for row in rows if row["verdict"] == "ok"]
    lines += [
        "",
        f"{len(rows)} cases, patches of {PATCH} px. Verdicts of the default: "
        + ", ".join(f"{verdict} × {count}" for verdict, count in verdicts)
        + f"; where it is ok the worst answer is {max(missed, default=math.nan):.2f} octave off. "
        f"The 90 % interval held the truth in {np.mean(held):.0%} of {len(held)} cases; its median "
        f"width is {wide:.2f} octave.",
        "",
        f"Cost: {patches / cost['plain s']:.0f} patches a processor second plain, "
        f"{patches / whole:.0f} with the colour fit, {whole / cost['plain s']:.1f} times as long: "
        f"the fit {cost['fit s'] / cost['plain s']:.1f}, the second measurement "
        f"{cost['freed s'] / cost['plain s']:.1f} of a plain one.",
        "",
        "| case | right scale | window | plain | colour-freed [90 %] | error | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [_line(row) for row in rows]


def _line(row: dict[str, Any]) -> str:
    (lo, hi), (low, high) = row["window"], row["interval"] or (math.nan, math.nan)
    return (
        f"| {row['key']} | {row['truth']:.2f} | {lo:.2f}–{hi:.2f} | {row['plain']:.2f} | "
        f"{row[DEFAULT]:.2f} [{low:.2f}, {high:.2f}] | "
        f"{math.log2(row[DEFAULT] / row['truth']):+.2f} | {row['verdict']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=math.inf, help="then no new case")
    parser.add_argument("--sites", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = Path(os.environ["WSI_SCALE_TEST_DATA"])
    sys.path.insert(0, str(data / "networks" / "unet_he_05"))
    weights = data / "networks" / "unet_he_05" / "weights.safetensors"
    network = load_network(f"unet:build?weights={weights}&input_size={PATCH}", device="cpu")
    known = slides(data)
    cases = [
        Case(path, right, factor, turn=i + j * len(known), seed=args.seed)
        for j, factor in enumerate(FACTORS)
        for i, (path, right) in enumerate(known)
    ]
    rows = gather(cases, network, args.sites, args.seconds)
    untaught = [replace(case, random=True) for case in cases[: len(known)]]
    command = "WSI_SCALE_TEST_DATA=… python benchmarks/tissue_colour.py "
    command += f"--seed {args.seed} --sites {args.sites}"
    result = RESULTS / f"tissue_colour{f'_seed{args.seed}' if args.seed else ''}.md"
    result.write_text("\n".join(report(rows, [], command)) + "\n")
    random = gather(untaught, network, args.sites, args.seconds)
    result.write_text("\n".join(report(rows, random, command)) + "\n")


if __name__ == "__main__":
    main()
