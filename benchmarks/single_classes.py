"""What was tried to read the scale of a slide of one class from nothing but the checkpoint.

    wsi-scale thesis reproduce --preset full --out thesis-full
    python benchmarks/single_classes.py saved thesis-full
    python benchmarks/single_classes.py painted

``saved`` asks the thesis's networks of six training scales (both schedules) about 24 pyramids of
each class, in windows whose middle is not the answer, and about 24 pyramids of the five classes of
one shape together: as if a slide of one class had been painted in exactly the colours the network
was trained on, which nobody knows: a bound on what painting could give. ``painted`` does paint: a
slide of one class in 26 flat colours, with those colours kept that one of several rules picks.

Curves, each the higher the better, over the scales of a window:

    match        BatchNorm statistics, as the plain fingerprint
    sure         minus the entropy of the prediction
    margin       best mean logit minus the second best
    like head    largest cosine between the pooled feature, less that of a blank patch, and the
                 rows of the last layer, centred (where training ends classes lie along them)
    sums         of these, each brought to mean 0 and deviation 1; of match the logarithm

Writes benchmarks/results/single_classes_saved.md and single_classes_painted.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from wsi_scale.estimators import fingerprint
from wsi_scale.estimators.curves import peak
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.thesis.family import load_member
from wsi_scale.known_scale.thesis.names import FAMILY, SCALES
from wsi_scale.known_scale.thesis.plan import PRESETS, Plan, load_class
from wsi_scale.known_scale.thesis.thesis_windows import is_centred, windows_of
from wsi_scale.networks import Network
from wsi_scale.responses.measure import measure_responses
from wsi_scale.responses.record import Responses
from wsi_scale.sites.choose import choose_sites
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
from wsi_scale.slide.readers.synthetic import SyntheticSlide

Array = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results"
CLASSES, SHAPES = 20, 4
SITES = 24
SUMS = ("match + sure", "match + margin", "match + like head", "match + sure + like head")
TINTS = [x for x in itertools.product((0, 128, 255), repeat=3) if x != (255, 255, 255)]
TAUGHT = [TINTS.index(x) for x in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))]
TAUGHT.append(TINTS.index((128, 0, 128)))


class Witness:
    """What one group of patches tells at every scale."""

    def __init__(self, responses: Responses, network: Network) -> None:
        stack = fingerprint.stack_layers(responses, fingerprint.settled_layers(responses))
        self.weight = stack.weight
        self.first, self.second = np.nanmean(stack.first, 0), np.nanmean(stack.second, 0)
        logits = responses.on_grid(responses.outputs)
        share = np.exp(logits - logits.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        self.sure = np.nanmean((share * np.log(share + 1e-12)).sum(-1), 0)
        ordered = np.sort(np.nanmean(logits, 0), -1)
        self.margin = ordered[:, -1] - ordered[:, -2]
        (pooled,) = responses.of_kind("pooled")
        rows, blank = head(network)
        feature = np.nanmean(responses.on_grid(pooled.mean), 0) - blank
        feature /= np.linalg.norm(feature, axis=-1, keepdims=True)
        self.like_head = (feature @ rows.T).max(-1)


_heads: dict[int, tuple[Array, Array]] = {}


def head(network: Network) -> tuple[Array, Array]:
    """Centred rows of the last layer, each of length 1, and the pooled feature of a white patch."""
    if id(network) not in _heads:
        seen: dict[str, Array] = {}
        last = network.module.classifier
        hook = last.register_forward_hook(
            lambda _, given, __: seen.update(blank=given[0].double().numpy())
        )
        white = np.full((1, 224, 224, 3), 255, np.uint8)
        with torch.no_grad():
            network.logits(network.prepare(white))
        hook.remove()
        rows = last.weight.detach().double().numpy()
        rows = rows - rows.mean(0)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        _heads[id(network)] = rows, seen["blank"][0]
    return _heads[id(network)]


def left(first: Array, second: Array, weight: Array) -> Array:
    """(S,) nats between pooled moments (S, C) and the stored ones."""
    log = np.log(np.maximum(second - first**2, 1e-5))
    return np.asarray((first**2 / 2 + log**2 / 4) @ weight)


def curves(group: Sequence[Witness], share: Array) -> dict[str, Array]:
    """(S,) every curve of a group of witnesses; share: (K,) or (K, S), summing to 1 over K."""
    share = np.broadcast_to(share.reshape(len(group), -1), (len(group), len(group[0].sure)))
    mean = {
        name: (share * np.array([getattr(x, name) for x in group])).sum(0)
        for name in ("sure", "margin", "like_head")
    }
    first = (share[..., None] * np.array([x.first for x in group])).sum(0)
    second = (share[..., None] * np.array([x.second for x in group])).sum(0)
    match = -np.log(left(first, second, group[0].weight))
    return {"match": match, "like head": mean.pop("like_head"), **mean}


def answers(found: dict[str, Array], scales: Array, inside: NDArray[np.bool_]) -> dict[str, float]:
    """log2 of the best scale in the window by every curve, and by sums of them."""
    inside = inside & np.isfinite(found["match"])
    cut = {name: curve[inside] for name, curve in found.items()}
    even = {name: (x - x.mean()) / max(float(x.std()), 1e-12) for name, x in cut.items()}
    for name in SUMS:
        cut[name] = np.sum([even[part] for part in name.split(" + ")], axis=0)
    tops = {name: peak(scales[inside], curve) for name, curve in cut.items()}
    return {name: math.log2(x) for name, x in tops.items() if x is not None}


Errors = dict[tuple[str, str], dict[float, list[float]]]


def saved(folder: Path) -> Errors:
    """From the responses of a reproduction."""
    plan = Plan(folder, PRESETS["full"])
    out: Errors = defaultdict(lambda: defaultdict(list))
    for name, member in FAMILY.items():
        if member.random or member.wide:
            continue
        network = load_member(name, None)
        kinds = []
        for kind in range(CLASSES):
            whole = load_class(plan, name, "test", kind)
            kinds.append(Witness(whole.of_sites(range(SITES)), network))
        scales = np.array(whole.grid.scales)
        groups: list[tuple[str, list[Witness]]] = [("one class", [x]) for x in kinds]
        groups += [("one shape in the colours of the training", kinds[x::SHAPES]) for x in range(4)]
        for what, group in groups:
            found = curves(group, np.full(len(group), 1 / len(group)))
            for window in windows_of(whole.grid, member.scale):
                if is_centred(window, member.scale):
                    continue
                inside = (scales >= window[0] - 1e-9) & (scales <= window[1] + 1e-9)
                for curve, said in answers(found, scales, inside).items():
                    out[what, curve][member.scale].append(said - math.log2(member.scale))
        print(name, file=sys.stderr, flush=True)
    return out


def painted(kinds: Sequence[int]) -> Errors:
    """Slides of one class, painted."""
    out: Errors = defaultdict(lambda: defaultdict(list))
    for kind, scale in itertools.product(kinds, SCALES):
        network = load_member(f"figures-{scale:g}-decayed", None)
        stacks = list(cut(kind, scale))
        scales = np.array(stacks[0].grid.scales)
        plain = Witness(measure_responses(network, stacks), network)
        tints = [
            Witness(measure_responses(network, [paint(x, tint) for x in stacks]), network)
            for tint in TINTS
        ]
        rows = {"as it is": curves([plain], np.ones(1))}
        rows |= {rule: curves(tints, share) for rule, share in rules(tints)}
        for rule, found in rows.items():
            for curve, said in answers(found, scales, np.ones(len(scales), bool)).items():
                out[rule, curve][scale].append(said - math.log2(scale))
        print(kind, scale, file=sys.stderr, flush=True)
    return out


def cut(kind: int, scale: float) -> Iterator[Pyramid]:
    """Six pyramids of a slide of one class; the right scale is off the centre of three octaves."""
    rng = np.random.default_rng([kind, round(scale * 10)])
    centre = scale * 2 ** (rng.choice([-1, 1]) * rng.uniform(0.4, 0.75))
    grid = ScaleGrid.geometric(centre / 2**1.5, centre * 2**1.5, 4)
    side = int(grid.scales[-1] * 224 * 2.2)
    slide = SyntheticSlide.figures(
        seed=7000 + 31 * kind + round(scale * 10), only=kind, width=side, height=side
    )
    for site in choose_sites(slide, 6, seed=kind, window_px=grid.scales[-1] * 224):
        yield sample_pyramid(slide, site, grid, size=224)


def paint(pyramid: Pyramid, tint: tuple[int, int, int]) -> Pyramid:
    """White stays white; the densest pixels take the tint."""
    dense = (255 - pyramid.patches.astype(np.float32)).max(-1, keepdims=True) / 255
    flat = 255 - dense * (255 - np.array(tint, np.float32))
    return replace(pyramid, patches=flat.round().astype(np.uint8))


def rules(tints: Sequence[Witness]) -> Iterator[tuple[str, Array]]:
    """How much each tint counts, by name of the rule."""
    count = len(tints)
    taught = np.zeros(count)
    taught[TAUGHT] = 1 / len(TAUGHT)
    yield "colours of the training (nobody knows them)", taught
    yield "all 26 colours", np.full(count, 1 / count)
    for name, word in (("like_head", "likest the head"), ("sure", "surest")):
        best = np.array([np.nanmax(getattr(x, name)) for x in tints])
        share = np.zeros(count)
        share[np.argsort(-best)[:8]] = 1 / 8
        yield f"the 8 colours that are {word}", share
    yield "mix that matches the first two layers best, at every scale", mixes(tints)


def mixes(tints: Sequence[Witness]) -> Array:
    """(K, S) weights of the tints, none below 0, that bring the shallow moments nearest."""
    weight = tints[0].weight
    shallow = np.flatnonzero(np.cumsum(weight) <= 2 / 6 + 1e-9)
    root = np.sqrt(weight[shallow])
    out = np.zeros((len(tints), len(tints[0].sure)))
    for s in range(out.shape[1]):
        first = np.array([root * x.first[s, shallow] for x in tints])
        second = np.array([root * (x.second[s, shallow] - 1) / 2 for x in tints])
        ridge, ones = 1e-2 * np.eye(len(tints)), 10 * np.ones((1, len(tints)))
        left_side = np.vstack([np.concatenate([first, second], 1).T, ones, ridge])
        right = np.zeros(len(left_side))
        right[2 * len(shallow)] = 10
        share, _ = nnls(left_side, right)
        out[:, s] = share / share.sum()
    return out


def report(found: Errors, command: str) -> str:
    limit = math.log2(1.25)
    lines = [f"`python benchmarks/single_classes.py {command}`", ""]
    lines.append("Share of answers within 25 %, by training scale; 75 % is asked for at each:")
    lines += ["", f"| shown | curve | median error | {' | '.join(map(str, SCALES))} | all |"]
    lines.append("| --- | --- | ---: |" + " ---: |" * (len(SCALES) + 1))
    for (what, curve), by_scale in found.items():
        every = np.concatenate(list(by_scale.values()))
        shares = [np.mean(np.abs(by_scale[scale]) <= limit) for scale in SCALES]
        cells = " | ".join(f"{share:.0%}" for share in [*shares, np.mean(np.abs(every) <= limit)])
        lines.append(f"| {what} | {curve} | {np.median(np.abs(every)):.2f} | {cells} |")
    lines += ["", f"{len(every)} answers in the last row."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("saved", "painted"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--kinds", type=int, nargs="+", default=[0, 3, 6, 9, 13, 18])
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.step == "saved":
        found, command = saved(args.folder), "saved thesis-full"
    else:
        found, command = painted(args.kinds), f"painted --kinds {' '.join(map(str, args.kinds))}"
    text = report(found, command)
    (RESULTS / f"single_classes_{args.step}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
