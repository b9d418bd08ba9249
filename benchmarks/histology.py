"""The bundled histology network on tissue it never saw: pixel size, audit, Dice.

    WSI_SCALE_TEST_DATA=… python benchmarks/histology.py gather
    WSI_SCALE_TEST_DATA=… python benchmarks/histology.py tables

Seven images of seven organs at 0.25 µm/px with the masks of their nuclei, and one at 0.5, each as
it is and resampled by 0.5, 0.7, 1.4 and 2, its metadata removed: arrays, asked about with no
option; as they are also in windows whose middle is off. CMU-1, which the network was trained on,
is shown apart and counts nowhere. Reports are kept in build/histology_bench, so a run goes on where
it stopped; `tables` judges them and writes benchmarks/results/histology.md and .csv.

The audit compares the answer with metadata as they are and falsified: claimed pixel sizes of 1, 2,
½, 1.4 and 1/1.4 times the true one. Dice: the network's nuclei against the masks, over all scales.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from spread import best_constant, interval, near
from tissue_colour import mask_of, pixels

from wsi_scale.pipeline.settings import make_settings
from wsi_scale.report import Report

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FACTORS = (1.0, 0.5, 0.7, 1.4, 2.0)
CLAIMS = (1.0, 2.0, 0.5, 1.4, 1 / 1.4)
TRAINED_ON = "CMU-1"
SHIFT, SHIFTED = 0.7, {"below": -1, "above": 1}
"""Octaves between the right scale and the middle of windows that are asked besides the default."""

SIDES = 2.0 ** np.arange(-1.5, 1.51, 0.25)
"""Scales at which Dice is measured, times the right one."""


@dataclass(frozen=True)
class Case:
    """One image, resampled."""

    path: Path
    mpp: float
    """Of the image as it is."""
    factor: float
    """By which its sides are multiplied."""

    @property
    def true_mpp(self) -> float:
        return self.mpp / self.factor

    @property
    def name(self) -> str:
        return f"{self.path.stem[:12]} × {self.factor:g}"

    def window(self, network_mpp: float, kind: str) -> tuple[float, float]:
        """The default one; for ``below`` and ``above`` three octaves whose middle lies SHIFT
        octaves on that side of the right scale."""
        if kind not in SHIFTED:
            return make_settings().scales
        centre = network_mpp / self.true_mpp * 2 ** (SHIFTED[kind] * SHIFT)
        return centre / 2**1.5, centre * 2**1.5


def all_cases(data: Path) -> Iterator[Case]:
    """As they are first."""
    images = [(path, 0.25) for path in sorted((data / "nuclei" / "images").iterdir())]
    images.append((data / "images" / "instanseg-HE_example.tif", 0.50008))
    images.append((data / "slides" / "CMU-1-Small-Region.svs", 0.499))
    for factor in FACTORS:
        yield from (Case(path, mpp, factor) for path, mpp in images)


def gather(args: argparse.Namespace) -> None:
    """Ask about every case that was not asked about yet."""
    import torch

    from wsi_scale.networks import load_network
    from wsi_scale.networks.untrained import random_weights
    from wsi_scale.pipeline.iterate import estimate_slide

    torch.set_num_threads(1)
    network = load_network(args.network, device="cpu")
    for case in all_cases(args.data):
        for kind in ("trained", "random", *SHIFTED) if case.factor == 1 else ("trained",):
            kept = args.out / kind / f"{case.name}.json"
            if kept.exists():
                continue
            kept.parent.mkdir(parents=True, exist_ok=True)
            asked = random_weights(network, 0) if kind == "random" else network
            scales = case.window(network.card.training_mpp, kind)
            report = estimate_slide(
                pixels(case.path, case.factor),
                asked,
                make_settings(seed=args.seed, as_is_sites=0, scales=scales),
            )
            kept.write_text(report.to_json())
            print(
                f"{kind} {case.name}: {report.scale} {report.verdict}", file=sys.stderr, flush=True
            )


@dataclass(frozen=True)
class Row:
    """What was said about one case."""

    case: str
    kind: str
    true_mpp: float
    verdict: str
    estimator: str
    said_mpp: float
    """NaN for none."""
    low: float
    high: float
    seconds: float
    patches: int
    centre_mpp: float
    """What the middle of the window would say."""
    fingerprint_mpp: float
    confidence_mpp: float

    @property
    def octaves(self) -> float:
        return math.log2(self.said_mpp / self.true_mpp)

    @property
    def image(self) -> str:
        return self.case.split(" × ")[0]


def rows_of(out: Path, data: Path) -> list[Row]:
    """Every case that was asked about."""
    rows = []
    for case in all_cases(data):
        for kind in ("trained", "random", *SHIFTED):
            kept = out / kind / f"{case.name}.json"
            if not kept.exists():
                continue
            report = Report.from_json(kept.read_text())
            ruler = report.ruler
            said = math.nan if ruler.slide_mpp is None else ruler.slide_mpp
            low, high = ruler.slide_mpp_interval or (math.nan, math.nan)
            about, trained = report.provenance, report.network.training_mpp
            assert trained is not None
            centre = trained / math.sqrt(math.prod(case.window(trained, kind)))
            heard = (report.voices.get(name) for name in ("fingerprint", "confidence"))
            others = [math.nan if x is None else trained / x for x in heard]
            rows.append(
                Row(
                    case.name, kind, case.true_mpp, report.verdict, report.estimator, said, low,
                    high, about.seconds, about.patches, centre, *others,
                )
            )  # fmt: skip
    return rows


def line(name: str, octaves: Sequence[float]) -> str:
    size = np.abs([x for x in octaves if math.isfinite(x)])
    if not len(size):
        return f"| {name} | – | – | – | – | 0 |"
    (low, high), within = interval(size), near(size)
    bias = np.median([x for x in octaves if math.isfinite(x)])
    return (
        f"| {name} | {np.median(size):.2f} [{low:.2f}, {high:.2f}] | {bias:+.2f} | "
        f"{within[0]:.0%} | {within[1]:.0%} | {len(size)} |"
    )


def accuracy(rows: Sequence[Row], random: Sequence[Row], moved: Sequence[Row]) -> list[str]:
    """The table of errors beside chance."""
    fine = [row for row in rows if row.verdict == "ok"]
    constant = best_constant([row.true_mpp for row in rows])
    head = "| row | median abs. log2 error [90 %] | bias | within 10 % | within 25 % | cases |"
    out = [head, "| --- | --- | ---: | ---: | ---: | ---: |"]
    out.append(line("**pixel size, every number given**", [row.octaves for row in rows]))
    out.append(line("pixel size, where the verdict is ok", [row.octaves for row in fine]))
    for name in ("fingerprint", "confidence"):
        others = [math.log2(getattr(row, f"{name}_mpp") / row.true_mpp) for row in rows]
        out.append(line(f"its {name}, not followed", others))
    for factor in FACTORS:
        mine = [row.octaves for row in rows if row.case.endswith(f"× {factor:g}")]
        out.append(line(f"resampled by {factor:g}", mine))
    for kind in SHIFTED:
        mine = [row for row in moved if row.kind == kind]
        out.append(line(f"windows that lie {kind} the right scale", [x.octaves for x in mine]))
    away = [math.log2(row.centre_mpp / row.true_mpp) for row in moved]
    out.append(line("chance: the middle of those windows", away))
    fixed = [math.log2(constant / row.true_mpp) for row in rows]
    out.append(line(f"chance: {constant:.2f} µm/px for all, the best constant", fixed))
    away = [math.log2(row.centre_mpp / row.true_mpp) for row in rows]
    out.append(line("chance: the middle of the default window", away))
    out.append(line("chance: random weights", [row.octaves for row in random]))
    held = [row.low <= row.true_mpp <= row.high for row in rows if math.isfinite(row.low)]
    worst = max((abs(row.octaves) for row in fine), default=math.nan)
    verdicts = Counter(row.verdict for row in rows).most_common()
    out += [
        "",
        f"{len(fine)} of {len(rows)} are ok ({len(fine) / len(rows):.0%}); verdicts: "
        + ", ".join(f"{verdict} × {count}" for verdict, count in verdicts)
        + f". The worst ok answer is off by {worst:.2f} octave ({2**worst:.2f} times). The 90 % "
        f"interval holds the truth in {np.mean(held):.0%} of {len(held)} cases. Random weights: "
        + ", ".join(
            f"{verdict} × {count}" for verdict, count in Counter(x.verdict for x in random).items()
        )
        + ".",
    ]
    return out


def audit(out: Path, data: Path) -> list[str]:
    """What the audit says of true and of falsified metadata."""
    from wsi_scale.pixel_size.audit import StatedMpp, audit_pixels
    from wsi_scale.report import PixelSize

    lines = ["| claimed, times the true µm/px | agree | conflict | undecidable | cases |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for claim in CLAIMS:
        said: Counter[str] = Counter()
        for case in all_cases(data):
            kept = out / "trained" / f"{case.name}.json"
            if kept.exists() and TRAINED_ON not in case.name:
                report = Report.from_json(kept.read_text())
                stated = StatedMpp(claim * case.true_mpp, "falsified", ())
                seen = PixelSize(
                    mpp=report.ruler.slide_mpp,
                    interval=report.ruler.slide_mpp_interval,
                    verdict=report.verdict,
                    reason=report.reason,
                )
                said[audit_pixels(stated, seen).status] += 1
        count = sum(said.values())
        shares = [f"{said[status] / count:.0%}" for status in ("agree", "conflict", "undecidable")]
        lines.append(f"| {claim:.2g} | {' | '.join(shares)} | {count} |")
    return lines


@dataclass(frozen=True)
class Overlap:
    """Dice of one image with its mask, as shares of the best over all scales."""

    case: str
    best: float
    """The Dice itself."""
    answer: float
    """NaN where there was no answer."""
    half: float
    """At half the right scale."""
    double: float


def overlaps(args: argparse.Namespace) -> Iterator[Overlap]:
    """Of every image that has a mask."""
    import torch

    from wsi_scale.networks import load_network

    torch.set_num_threads(1)
    network = load_network(args.network, device="cpu")
    right = network.card.training_mpp
    assert right is not None
    for case in all_cases(args.data):
        kept = args.out / "trained" / f"{case.name}.json"
        image = pixels(case.path, case.factor)
        mask = mask_of(case.path, image.shape)
        if mask is None or not kept.exists():
            continue
        truth = right / case.true_mpp
        dice = [dice_at(network, image, mask, truth * side) for side in SIDES]
        best = float(np.nanmax(dice))
        answer = Report.from_json(kept.read_text()).scale
        said = math.nan if answer is None else dice_at(network, image, mask, answer)
        at = {side: dice[int(np.argmin(np.abs(SIDES - side)))] / best for side in (0.5, 2.0)}
        yield Overlap(case.name, best, min(1.0, said / best), at[0.5], at[2.0])


def dice_at(
    network: object, image: NDArray[np.uint8], mask: NDArray[np.bool_], scale: float
) -> float:
    """Dice of the nuclei that the network sees at a scale, on the image's own pixels."""
    import torch

    side = [max(8, round(x / scale / 8) * 8) for x in image.shape[:2]]
    small = Image.fromarray(image).resize(side[::-1], Image.Resampling.BICUBIC)
    colours = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        logits = network.logits(network.feed(colours))
        wide = torch.nn.functional.interpolate(logits, size=mask.shape, mode="bilinear")
    seen = wide[0, 0].numpy() > 0
    either = seen.sum() + mask.sum()
    return float(2 * (seen & mask).sum() / either) if either else math.nan


def regret(found: Sequence[Overlap]) -> list[str]:
    """The table of Dice."""
    out = ["| images | best Dice | at the answer | at half the scale | at double | cases |"]
    out.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for factor in (*FACTORS, None):
        mine = [x for x in found if factor is None or x.case.endswith(f"× {factor:g}")]
        if not mine:
            continue
        name = "**all**" if factor is None else f"resampled by {factor:g}"
        shares = [
            np.nanmedian([getattr(x, key) for x in mine]) for key in ("answer", "half", "double")
        ]
        best = np.median([x.best for x in mine])
        out.append(
            f"| {name} | {best:.2f} | "
            + " | ".join(f"{x:.0%}" for x in shares)
            + f" | {len(mine)} |"
        )
    return out


def tables(args: argparse.Namespace) -> None:
    """Judge what was gathered."""
    everything = rows_of(args.out, args.data)
    tried = [x for x in everything if x.kind == "trained" and TRAINED_ON not in x.case]
    random = [x for x in everything if x.kind == "random" and TRAINED_ON not in x.case]
    moved = [x for x in everything if x.kind in SHIFTED and TRAINED_ON not in x.case]
    own = [x for x in everything if x.kind == "trained" and TRAINED_ON in x.case]
    lines = [
        f"`WSI_SCALE_TEST_DATA=… python benchmarks/histology.py tables --network {args.network}`",
        "",
    ]
    lines += accuracy(tried, random, moved)
    lines += [
        "",
        "The audit of the pixels against what is claimed:",
        "",
        *audit(args.out, args.data),
    ]
    found = list(overlaps(args))
    lines += ["", "Dice with the masks, share of the best scale's, medians:", "", *regret(found)]
    lines += ["", "| case | true µm/px | said [90 %] | octaves | verdict | by |"]
    lines.append("| --- | ---: | --- | ---: | --- | --- |")
    for row in tried + own:
        said = f"{row.said_mpp:.3f} [{row.low:.3f}, {row.high:.3f}] | {row.octaves:+.2f}"
        if math.isnan(row.said_mpp):
            said = "– | –"
        star = " \\*" if row in own else ""
        lines.append(
            f"| {row.case}{star} | {row.true_mpp:.3f} | {said} | {row.verdict} | {row.estimator} |"
        )
    lines += ["", "\\* trained on, counts nowhere."]
    text = "\n".join(lines) + "\n"
    (RESULTS / "histology.md").write_text(text, encoding="utf-8")
    with (RESULTS / "histology.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in tried + own + random + moved)
    print(text)


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("gather", "tables"))
    parser.add_argument("--network", default="histology")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "histology_bench")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.data = Path(os.environ["WSI_SCALE_TEST_DATA"])
    {"gather": gather, "tables": tables}[args.step](args)


if __name__ == "__main__":
    main()
