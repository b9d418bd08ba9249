"""Whether steady outputs are right ones: bands of scale from outputs, beside people's masks.

    python -m benchmarks.witnesses.steady DATA --folder build/witnesses \\
        --out benchmarks/results/steady.md

Every segmenter of the roster is asked about every image with people's masks that it was not
taught, at four scales an octave from 0.5 on. A rule makes a band from the network's outputs alone:
how much it finds, or how far the masks of two scales overlap in the field that both show. What is
told is the worst Dice against the people's mask within the band, as a share of the best at any
scale.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from benchmarks.witnesses.ask import ROSTER, SIZE, _resampled_mask, _same_field, network_of
from benchmarks.witnesses.places import FACTORS, resampled
from benchmarks.witnesses.roster import Witness
from benchmarks.witnesses.tissue import TissueImage, images_of
from numpy.typing import NDArray

import wsi_scale
from wsi_scale.known_scale.evaluate.mask import join
from wsi_scale.known_scale.evaluate.measure_slides import overlap
from wsi_scale.networks import Network

SITES, PER_OCTAVE, FINEST = 16, 4, 0.5
LEAST_FIELD = 8
"""px of the coarser of two scales: a smaller field that both show is not compared."""
Array = NDArray[np.float64]
Band = tuple[int, int]


@dataclass(frozen=True)
class Outputs:
    """What a segmenter finds in one image over S scales."""

    scales: Array
    own: int
    """Position of the scale that it was taught."""
    dice: Array
    """(S,) against people's mask."""
    share: Array
    """(S,) of the pixels that it finds."""
    alike: Array
    """(S, S) Dice between the masks of two scales."""


@torch.no_grad()
def outputs_of(network: Network, image: TissueImage, factor: float, mpp: float) -> Outputs:
    pixels = resampled(image.pixels, factor)
    mask, short = _resampled_mask(image, pixels.shape), min(pixels.shape[:2])
    count = round(math.log2(0.95 * short / SIZE / FINEST) * PER_OCTAVE) + 1
    scales = FINEST * 2 ** (np.arange(count) / PER_OCTAVE)
    grid, pairs = wsi_scale.ScaleGrid(tuple(scales)), np.zeros((count, count, 2))
    found, seen, parts = np.zeros(count), np.zeros(count), []
    with wsi_scale.open_slide(pixels) as slide:
        sites = wsi_scale.choose_sites(
            slide, SITES, seed=0, window_px=0.95 * short, min_window_px=2 * SIZE
        )
        for site in sites:
            stack = wsi_scale.sample_pyramid(slide, site, grid, size=SIZE)
            parts.append(overlap(network, mask, stack))
            logits = network.logits(network.prepare(stack.patches))
            for k, i in enumerate(stack.indices):
                found[i] += float((logits[k] > 0).sum())
                seen[i] += logits[k].numel()
            for (a, i), (b, j) in combinations(enumerate(stack.indices), 2):
                ratio = scales[i] / scales[j]
                if SIZE * ratio >= LEAST_FIELD:
                    fine, coarse = _same_field(logits[a], logits[b], ratio)
                    area = scales[j] ** 2
                    pairs[i, j] += float((fine & coarse).sum()) * area, 0
                    pairs[i, j, 1] += float(fine.sum() + coarse.sum()) * area
    alike = 2 * pairs[..., 0] / np.maximum(pairs[..., 1], 1e-9)
    used = int(np.flatnonzero(seen).max()) + 1
    alike = (alike + alike.T + np.eye(count))[:used, :used]
    dice = np.nan_to_num(join(parts).dice(scales))[:used]
    own = int(np.argmin(abs(np.log2(scales[:used] * image.mpp / factor / mpp))))
    return Outputs(scales[:used], own, dice, (found / np.maximum(seen, 1))[:used], alike)


def around(good: NDArray[np.bool_], home: int) -> Band:
    """The scales about ``home`` that are good without a gap."""
    bad = np.flatnonzero(~good)
    return int(bad[bad < home].max(initial=-1)) + 1, int(bad[bad > home].min(initial=len(good))) - 1


def steadiest(seen: Outputs) -> int:
    """The scale whose masks are most like those within an octave of it."""
    near = [row[max(0, i - PER_OCTAVE) : i + PER_OCTAVE + 1] for i, row in enumerate(seen.alike)]
    return int(np.argmax([part.sum() for part in near]))  # an end of the window has fewer


def widest(seen: Outputs, least: float) -> Band:
    """The longest run of scales of which every two are alike."""
    count = len(seen.scales)
    runs = (
        (low, high)
        for low in range(count)
        for high in range(low, count)
        if (seen.alike[low : high + 1, low : high + 1] >= least).all()
    )
    return max(runs, key=lambda run: run[1] - run[0])


def octaves(band: Band) -> float:
    return (band[1] - band[0]) / PER_OCTAVE


def rules() -> Iterator[tuple[str, Callable[[Outputs], Band | None]]]:
    """What each makes of the outputs; None where it says nothing."""
    for most in (0.05, 0.1):
        yield (
            f"finds within {most:.0%} of what it finds at its own scale",
            lambda seen, most=most: around(
                abs(seen.share / seen.share[seen.own] - 1) <= most, seen.own
            ),
        )
    for least in (0.95, 0.9):
        yield (
            f"masks overlap those at its own scale, Dice {least} and more",
            lambda seen, least=least: around(seen.alike[seen.own] >= least, seen.own),
        )
        yield (
            f"masks overlap those at the steadiest scale, Dice {least} and more",
            lambda seen, least=least: around(seen.alike[steadiest(seen)] >= least, steadiest(seen)),
        )
    for least in (0.9, 0.85):
        yield (
            f"any two masks overlap, Dice {least} and more, over two octaves or more: `flat`",
            lambda seen, least=least: band if octaves(band := widest(seen, least)) >= 2 else None,
        )


def table(by_witness: dict[str, list[Outputs]]) -> list[str]:
    lines = [
        "| band | cases with a band | octaves, median | worst Dice in it, share of the best | "
        "keeps 95 % | keeps 90 % |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    every = [seen for group in by_witness.values() for seen in group]
    for words, rule in rules():
        bands = [(seen, band) for seen in every if (band := rule(seen)) is not None]
        kept = np.array([seen.dice[a : b + 1].min() / seen.dice.max() for seen, (a, b) in bands])
        wide = np.median([octaves(band) for _, band in bands]) if bands else math.nan
        told = f"{np.median(kept):.0%} | {np.mean(kept >= 0.95):.0%} | {np.mean(kept >= 0.9):.0%}"
        cells = f"{wide:.2f} | {told}" if bands else "– | – | – | –"
        lines.append(f"| {words} | {len(bands)} of {len(every)} | {cells} |")
    lines += ["", "Octaves within 5 % of the best Dice, by witness, image by image:", ""]
    for name, group in by_witness.items():
        good = [np.flatnonzero(seen.dice >= 0.95 * seen.dice.max()) for seen in group]
        lines.append(f"- {name}: " + ", ".join(f"{octaves((x[0], x[-1])):.2f}" for x in good))
    return lines


def asked_of(witness: Witness, network: Network, masked: list[TissueImage]) -> list[Outputs]:
    return [
        outputs_of(network, image, FACTORS[turn % 3], witness.mpp)
        for turn, image in enumerate(masked)
        if image.source not in witness.sources
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="of the weights")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    masked = [image for image in images_of(args.data) if image.mask is not None]
    by_witness = {}
    for witness in ROSTER:
        there = witness.builder == "given" or (args.folder / f"{witness.name}.json").exists()
        if there and witness.task in ("masks", "nuclei"):
            network = network_of(witness, args.folder, args.data)
            by_witness[witness.name] = asked_of(witness, network, masked)
            print(witness.name, flush=True)
    page = [
        "`python -m benchmarks.witnesses.steady DATA --folder build/witnesses --out "
        "benchmarks/results/steady.md` (benchmarks/witnesses/README.md)",
        "",
        *table(by_witness),
    ]
    args.out.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
