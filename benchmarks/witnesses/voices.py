"""What each voice's answer is worth in Dice: the network alone, metadata, the ruler, and ``auto``.

    python -m benchmarks.witnesses.voices DATA --folder build/witnesses \\
        --out benchmarks/results/voices.md

Every segmenter of the roster is asked about every image with people's masks that it was not taught,
each from another laboratory, resampled by one of three factors (or by all), so that true scales
vary. The answers are those of ``estimate_slide`` as a user gets them: the network alone (its µm/px
unknown, no ruler), and with its µm/px in the card and the slide's right, absent, or, for images as
they are, wrong by two. Their Dice is read from a curve measured at eight scales an octave over four
octaves, which are not centred on the true scale. Rows are kept beside the weights; a run goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from benchmarks.witnesses.ask import ROSTER, SIZE, _resampled_mask, network_of
from benchmarks.witnesses.places import FACTORS, resampled
from benchmarks.witnesses.roster import Witness
from benchmarks.witnesses.tissue import TissueImage, images_of

import wsi_scale
from wsi_scale.errors import WsiScaleError
from wsi_scale.known_scale.evaluate.mask import join
from wsi_scale.known_scale.evaluate.measure_slides import overlap
from wsi_scale.networks import Network
from wsi_scale.networks.untrained import random_weights

SITES, PER_OCTAVE, OCTAVES = 16, 8, 4.0
WRONG = {"twice": 2.0, "half": 0.5}
"""By which a false statement of the µm/px is too large."""
Row = dict[str, Any]


def ask(witness: Witness, network: Network, image: TissueImage, factor: float, turn: int) -> Row:
    """One image at one size: the answers of all voices, and the Dice over scale."""
    pixels = resampled(image.pixels, factor)
    mpp = image.mpp / factor
    truth = witness.mpp / mpp
    away = (0.5, -0.6, 0.8, -0.9)[turn % 4]
    top = 0.6 * min(pixels.shape[:2]) / SIZE
    lo = max(0.5, truth * 2 ** (away - OCTAVES / 2))
    hi = min(top, truth * 2 ** (away + OCTAVES / 2))
    row: Row = {"witness": witness.name, "image": image.path.stem, "factor": factor}
    row |= {"truth": truth, "window": [lo, hi], "octaves": witness.octaves}
    knows = _with_card(network, witness.mpp)
    stated = {"right": mpp, "absent": None}
    if factor == 1:
        stated |= {name: mpp * by for name, by in WRONG.items()}
    with tempfile.TemporaryDirectory() as folder:
        slide = Path(folder) / "slide.ome.tif"
        _write(slide, pixels, None)
        row["alone"] = _answer(slide, _with_card(network, None), (lo, hi), ruler=False)
        untaught = random_weights(_with_card(network, None), witness.seed)
        row["random"] = _answer(slide, untaught, (lo, hi), ruler=False)
        for name, value in stated.items():
            _write(slide, pixels, value)
            row[f"auto, µm/px {name}"] = _answer(slide, knows, (0.5, top))
    row["dice"] = _dice(network, image, pixels, (lo, hi))
    return row


def _with_card(network: Network, mpp: float | None) -> Network:
    return replace(network, card=network.card.model_copy(update={"training_mpp": mpp}))


def _write(path: Path, pixels: np.ndarray, mpp: float | None) -> None:
    sizes = {} if mpp is None else {"PhysicalSizeX": mpp, "PhysicalSizeY": mpp}
    tifffile.imwrite(path, pixels, photometric="rgb", metadata={"axes": "YXS"} | sizes)


def _answer(slide: Path, network: Network, window: tuple[float, float], ruler: bool = True) -> Row:
    settings = wsi_scale.Settings(scales=window, sites=SITES, ruler=ruler, as_is_sites=0)
    try:
        said = wsi_scale.estimate_slide(str(slide), network, settings)
    except WsiScaleError as error:
        return {"scale": None, "verdict": str(error), "by": None}
    return {"scale": said.scale, "verdict": said.verdict, "by": said.estimator}


def _dice(
    network: Network, image: TissueImage, pixels: np.ndarray, window: tuple[float, float]
) -> dict[str, list[float]]:
    octaves = math.log2(window[1] / window[0])
    scales = tuple(np.geomspace(*window, round(octaves * PER_OCTAVE) + 1))
    grid, mask = wsi_scale.ScaleGrid(scales), _resampled_mask(image, pixels.shape)
    with wsi_scale.open_slide(pixels) as slide:
        wide, narrow = window[1] * SIZE, 2 * window[0] * SIZE
        sites = wsi_scale.choose_sites(
            slide, SITES, seed=0, window_px=wide, min_window_px=min(wide, narrow)
        )
        cut = [wsi_scale.sample_pyramid(slide, site, grid, size=SIZE) for site in sites]
    counted = join([overlap(network, mask, stack) for stack in cut if len(stack.indices)])
    return {"scales": list(scales), "dice": list(map(float, counted.dice(np.array(scales))))}


def kept(row: Row, scale: float | None) -> float | None:
    """Dice at a scale as a share of the best; None without a scale. Beyond the window: its end."""
    if scale is None:
        return None
    at = np.interp(math.log2(scale), np.log2(row["dice"]["scales"]), row["dice"]["dice"])
    return float(at / max(row["dice"]["dice"]))


def band(row: Row, share: float = 0.95) -> tuple[float, float]:
    """Octaves from the true scale to the ends of the scales that keep this share of the best."""
    curve = np.array(row["dice"]["dice"])
    inside = np.log2(np.array(row["dice"]["scales"])[curve >= share * curve.max()] / row["truth"])
    return float(inside.min()), float(inside.max())


VOICES = (
    "its own µm/px", "window centre", "random", "alone", "auto, µm/px right", "auto, µm/px absent",
    "auto, µm/px twice", "auto, µm/px half", "µm/px twice, believed", "µm/px half, believed",
)  # fmt: skip


def scale_of(row: Row, voice: str) -> float | None:
    """The scale that a voice says."""
    if voice == "its own µm/px":
        return row["truth"]
    if voice == "window centre":
        return math.sqrt(math.prod(row["window"]))
    if voice.endswith("believed"):
        return row["truth"] / WRONG[voice.split()[1].rstrip(",")]
    return row.get(voice, {}).get("scale")


def table(rows: list[Row], by: str) -> list[str]:
    """Median and worst share of the best Dice, one line a group and voice."""
    lines = [f"| {by} | voice | median | worst | answers | `ok` | worst of the `ok` |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name in [*sorted({row[by] for row in rows}), "all"]:
        of = [row for row in rows if name in (row[by], "all")]
        for voice in VOICES:
            shares = [kept(row, scale_of(row, voice)) for row in of]
            said = [x for x in shares if x is not None]
            sure = [
                share
                for row, share in zip(of, shares, strict=True)
                if share is not None and row.get(voice, {}).get("verdict") == "ok"
            ]
            asked = sum(voice in row or voice not in rows[0] for row in of)
            told = [f"{np.median(said):.1%}", f"{min(said):.1%}"] if said else ["–", "–"]
            told += [f"{len(said)} of {asked}", str(len(sure)) if voice in rows[0] else "–"]
            told.append(f"{min(sure):.1%}" if sure else "–")
            lines.append(f"| {name} | {voice} | {' | '.join(told)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", help="of witnesses; none: all that are trained")
    parser.add_argument("--folder", type=Path, required=True, help="of the weights and the rows")
    parser.add_argument("--every-size", action="store_true", help="three for each image, not one")
    parser.add_argument("--out", type=Path, help="the table; none: only ask")
    args = parser.parse_args()
    torch.set_num_threads(1)
    store = args.folder / "voices.jsonl"
    rows = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    done = {(row["witness"], row["image"], row["factor"]) for row in rows}
    masked = [image for image in images_of(args.data) if image.mask is not None]
    for witness in ROSTER:
        there = witness.builder == "given" or (args.folder / f"{witness.name}.json").exists()
        segments = witness.task in ("masks", "nuclei")
        if not (there and segments) or (args.names and witness.name not in args.names):
            continue
        network = network_of(witness, args.folder, args.data)
        for turn, image in enumerate(x for x in masked if x.source not in witness.sources):
            for factor in FACTORS if args.every_size else (FACTORS[turn % 3],):
                if (witness.name, image.path.stem, factor) in done:
                    continue
                rows.append(ask(witness, network, image, factor, turn))
                with store.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
                print(witness.name, image.path.stem, factor, flush=True)
    if args.out:
        lines = [
            f"`python -m benchmarks.witnesses.voices DATA --folder {args.folder} "
            f"--out {args.out}` (benchmarks/witnesses/README.md)",
            "",
            "Dice against people's masks at each voice's answer, as a share of the best at any "
            "scale. *alone*: the network without its µm/px and without the ruler; *random*: its "
            "copy with random weights; *believed*: the wrong µm/px taken at its word.",
        ]
        for by in ("image", "witness"):
            lines += ["", f"## By {by}", "", *table(rows, by)]
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
