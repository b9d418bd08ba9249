"""Whether BatchNorm statistics that do not belong to the weights hurt, and whether it shows.

    python benchmarks/stale_statistics.py train --work DIR
    python benchmarks/stale_statistics.py measure --work DIR [--nets DIR]
    python benchmarks/stale_statistics.py means --work DIR
    python benchmarks/stale_statistics.py table --work DIR

``train`` trains the thesis's network with a learning rate that never falls, and keeps two earlier
moments of it and averages of its weights (SWA over the epochs from the fourth on; EMA over all
steps), with the statistics they come with (``-mean``: averaged like the weights) and with those
that ``update_bn`` recomputes. ``measure`` shows mixed mosaics to these and to the networks of the
reproduction. ``means`` trains common architectures with widening 1×1 convolutions on small
patches, and looks for stored means that their weights cannot produce. ``table`` writes
benchmarks/results/stale_statistics.md. Every step goes on where it stopped; answers are kept in
DIR.
"""

from __future__ import annotations

import argparse
import copy
import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judgement.estimate import estimate
from wsi_scale.known_scale.thesis.cards import SHIPPED
from wsi_scale.known_scale.thesis.images import SIZE, list_images
from wsi_scale.known_scale.thesis.train import (
    LEARNING_RATE,
    Patches,
    Recipe,
    accuracy,
    cut_patches,
    repeatable,
    to_tensor,
)
from wsi_scale.networks import load_network
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.networks.sources.assemble import import_optional
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.staleness import LAG, lags_of_means
from wsi_scale.responses.measure import measure_responses
from wsi_scale.responses.record import Responses
from wsi_scale.sites.choose import choose_sites
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
from wsi_scale.slide.readers.synthetic import SyntheticSlide

TRAINED_AT = (1.5, 4.0, 8.0)
SWA_FROM = 3  # epochs before the first that is averaged
EMA_DECAYS = (0.99, 0.999)
FREE = 1e-8
"""Nats: the price of a mixture that is hardly one."""

ARCHITECTURES = ("mobilenetv2_035", "resnet10t")
"""Of timm; both hold 1×1 convolutions that widen and feed a BatchNorm."""

RESULTS = Path(__file__).parent / "results"


@repeatable(1)
def train(args: argparse.Namespace) -> None:
    for scale in args.scales:
        folder = args.work / f"seed{args.seed}-{scale:g}"
        if (folder / "done").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        recipe = Recipe(scale, "constant", seed=args.seed)
        data = cut_patches(list_images("train", args.seed), recipe, quiet)
        test = cut_patches(list_images("test", args.seed), recipe, quiet)
        lines = []
        for name, module in averages(recipe, data):
            save_file(
                {k: v.contiguous() for k, v in module.state_dict().items()},
                folder / f"{name}.safetensors",
            )
            lines.append(f"{name} {accuracy(module.eval(), test):.4f}")
            print(scale, lines[-1], file=sys.stderr, flush=True)
        (folder / "done").write_text("\n".join(lines) + "\n")


def quiet(what: str, done: int, total: int) -> None: ...


def averages(recipe: Recipe, data: Patches) -> Iterator[tuple[str, torch.nn.Module]]:
    """Train once; yield every moment and average that is kept, by name."""
    patches, labels = data
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng([recipe.seed, 6])
    network = FiguresNet(recipe.filters).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    swa = {"swa": AveragedModel(network), "swa-mean": AveragedModel(network, use_buffers=True)}
    ema = {}
    for decay in EMA_DECAYS:
        mean = get_ema_multi_avg_fn(decay)
        ema[f"ema{decay:g}"] = AveragedModel(network, multi_avg_fn=mean)
        ema[f"ema{decay:g}-mean"] = AveragedModel(network, multi_avg_fn=mean, use_buffers=True)
    for epoch in range(recipe.epochs):
        for batch in batches(labels, recipe.batch, rng):
            loss = cross_entropy(network(to_tensor(patches[batch])), torch.tensor(labels[batch]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            for average in ema.values():
                average.update_parameters(network)
        print(recipe.scale, epoch, float(loss.detach()), file=sys.stderr, flush=True)
        if epoch >= SWA_FROM:
            for average in swa.values():
                average.update_parameters(network)
        if recipe.epochs - 3 <= epoch < recipe.epochs - 1:  # the last one is shipped
            yield f"constant-epoch{epoch + 1}", copy.deepcopy(network)
    fresh = [to_tensor(patches[batch]) for batch in batches(labels, recipe.batch, rng)]
    yield "constant-update_bn", recomputed(network, fresh)
    for name, average in (swa | ema).items():
        yield name, copy.deepcopy(average.module)
        if not name.endswith("-mean"):
            yield f"{name}-update_bn", recomputed(average.module, fresh)


def batches(labels: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """One epoch; what is left over is left out."""
    order = rng.permutation(len(labels))
    for start in range(0, len(labels) - size + 1, size):
        yield order[start : start + size]


def recomputed(network: torch.nn.Module, loader: list[torch.Tensor]) -> torch.nn.Module:
    out = copy.deepcopy(network)
    update_bn(loader, out)
    return out


SPEC = "wsi_scale.networks.architectures:FiguresNet?input_size=224&weights="


def list_networks(args: argparse.Namespace, scale: float) -> dict[str, Path]:
    """Weight files of one training scale by kind and seed; those that are there."""
    out = {}
    for schedule in ("decayed", "constant"):
        name = f"figures-{scale:g}-{schedule}/weights.safetensors"
        out[f"{schedule}-s0"] = SHIPPED / name
        if args.nets:
            for folder in sorted(args.nets.glob("seed[1-9]")):
                out[f"{schedule}-s{folder.name[4:]}"] = folder / name
    for folder in sorted(args.work.glob(f"seed*-{scale:g}")):
        if (folder / "done").exists():
            seed = folder.name.partition("-")[0].removeprefix("seed")
            out |= {f"{x.stem}-t{seed}": x for x in sorted(folder.glob("*.safetensors"))}
    return {name: path for name, path in out.items() if path.exists()}


def cut(args: argparse.Namespace, scale: float, number: int) -> list[Pyramid]:
    """A mosaic's pyramids in a window of 3 octaves, its centre 0.5–1 octave from the truth."""
    rng = np.random.default_rng([int(scale * 10), number])
    centre = scale * 2 ** (rng.choice([-1, 1]) * rng.uniform(0.5, 1.0))
    grid = ScaleGrid.geometric(centre / 2**1.5, centre * 2**1.5, 8)
    seed = 50_000 + 100 * number + int(scale * 10)
    slide = SyntheticSlide.figures(seed=seed, width=20_000, height=20_000)
    widest = min(18_000, SIZE * grid.scales[-1])
    least = 2 * grid.scales[0] * SIZE
    sites = choose_sites(slide, 24, seed=number, window_px=widest, min_window_px=least)
    return [sample_pyramid(slide, site, grid, size=SIZE) for site in sites]


def measure(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    for number in range(args.slides):
        for scale in args.scales:
            folder = args.work / "responses" / f"{scale:g}"
            asked = {
                folder / name / f"{number}.npz": path
                for name, path in list_networks(args, scale).items()
                if not (folder / name / f"{number}.npz").exists()
            }
            pyramids = cut(args, scale, number) if asked else []
            for out, path in asked.items():
                network = load_network(f"{SPEC}{path}", device="cpu")
                network.module.to(memory_format=torch.channels_last)
                out.parent.mkdir(parents=True, exist_ok=True)
                measure_responses(network, pyramids, gradient=False).save(out)
                print(out, file=sys.stderr, flush=True)


def explore(responses: Responses) -> dict[str, object]:
    """The fingerprint's answer, and what remains there in nats per channel.

    total: of all layers, with the price of the mixture; free: median over layers with hardly any
    price; bias: median over layers of |mean log variance ratio|, before the mixture.
    """
    scorer = fingerprint.prepare(responses, Options())
    answer = scorer(np.ones(len(responses.sites)))
    stack = fingerprint.stack_layers(responses, fingerprint.settled_layers(responses))
    at = interpolated(stack, np.array(responses.grid.scales), answer.scale)
    count = len(at.first)
    off, change = fingerprint.discrepancy_by_site(
        at, np.ones(count, bool), 0, np.full(count, 1 / count)
    )
    total, _ = fingerprint.remix(off, change, fingerprint.MIXTURE_NOISE)
    free, _ = fingerprint.remix(off, change, FREE)
    parts = list(at.layers.values())
    logs = off[len(at.weight) :] * 2 / np.sqrt(at.weight)
    by_layer = [fingerprint._share(at, free, part) for part in parts]
    return {
        "answer": answer.scale,
        "total": float(total @ total),
        "free": float(np.median(by_layer)),
        "growth": float(
            np.log2(np.mean(by_layer[len(parts) // 2 :]) / np.mean(by_layer[: len(parts) // 2]))
        ),
        "bias": float(np.median([abs(logs[part].mean()) for part in parts])),
    }


def interpolated(stack: fingerprint.Stack, scales: np.ndarray, scale: float) -> fingerprint.Stack:
    """Moments between two scales of the grid, of the sites that have both."""
    place = np.interp(np.log(scale), np.log(scales), np.arange(len(scales)))
    low = min(int(place), len(scales) - 2)
    share = place - low
    first, second = (
        (1 - share) * x[:, low] + share * x[:, low + 1] for x in (stack.first, stack.second)
    )
    here = np.isfinite(first[:, 0])
    return replace(stack, first=first[here][:, None], second=second[here][:, None])


KINDS = {
    "decayed": ("decayed",),
    "undecayed": ("constant-s", "constant-epoch"),
    "undecayed, update_bn": ("constant-update_bn",),
    "SWA, update_bn": ("swa-update_bn",),
    "SWA": ("swa-t",),
    "SWA, statistics averaged too": ("swa-mean",),
    "EMA 0.99, update_bn": ("ema0.99-update_bn",),
    "EMA 0.99": ("ema0.99-t",),
    "EMA 0.99, statistics averaged too": ("ema0.99-mean",),
    "EMA 0.999, update_bn": ("ema0.999-update_bn",),
    "EMA 0.999": ("ema0.999-t",),
    "EMA 0.999, statistics averaged too": ("ema0.999-mean",),
}
SETTLED = ("decayed", "undecayed, update_bn", "SWA, update_bn", "EMA 0.99, update_bn")
SIGNS = ("total", "free", "growth", "bias")


def kind_of(name: str) -> str:
    return next(k for k, starts in KINDS.items() if name.startswith(starts))


def auc(low: list[float], high: list[float]) -> float:
    """Probability that one of ``high`` is above one of ``low``."""
    above = np.subtract.outer(high, low)
    return float(np.mean((above > 0) + (above == 0) / 2))


def small_patches(args: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """2 400 patches of 64 px at scale 4, and their classes."""
    file = args.work / "p64.npz"
    if not file.exists():
        grid = ScaleGrid((4.0,))
        cuts, labels = [], []
        for image in (image for image in list_images("train", 0) if image.number < 6):
            with image.draw(5000) as slide:
                for x, y in 200 + 4600 * image.places:
                    cuts.append(sample_pyramid(slide, Site(x, y), grid, size=64).patches[0])
                    labels.append(image.kind)
        np.savez_compressed(file, x=np.stack(cuts), y=np.array(labels))
    with np.load(file) as stored:
        return to_tensor(stored["x"]), torch.from_numpy(stored["y"]).long()


def means(args: argparse.Namespace) -> None:
    """Train timm's networks and write what their stored means leave unexplained."""
    torch.set_num_threads(1)
    patches, labels = small_patches(args)
    timm = import_optional("timm", parse_spec("timm:resnet18"))
    for seed in range(2):
        for arch in ARCHITECTURES:
            for schedule in ("decayed", "constant"):
                file = args.work / f"means-{arch}-{seed}-{schedule}.csv"
                if file.exists():
                    continue
                torch.manual_seed(seed)
                module = timm.create_model(arch, num_classes=20)
                rows = [
                    (arch, seed, name, float(np.median(lags_of_means(kept.eval(), patches[:1]))))
                    for name, kept in small_training(module, patches, labels, schedule, seed)
                ]
                file.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
                print(file.read_text(), file=sys.stderr, flush=True)


def small_training(
    module: torch.nn.Module, patches: torch.Tensor, labels: torch.Tensor, schedule: str, seed: int
) -> Iterator[tuple[str, torch.nn.Module]]:
    """Four epochs of Adam; the network and, where its rate never fell, its averages."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    epochs, size = 4, 32
    steps = epochs * (len(labels) // size)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    mean = get_ema_multi_avg_fn(0.99)
    swa = {"swa": AveragedModel(module), "swa-mean": AveragedModel(module, use_buffers=True)}
    ema = {
        "ema0.99": AveragedModel(module, multi_avg_fn=mean),
        "ema0.99-mean": AveragedModel(module, multi_avg_fn=mean, use_buffers=True),
    }
    for epoch in range(epochs):
        for batch in batches(labels, size, rng):
            loss = cross_entropy(module(patches[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule == "decayed":
                decay.step()
                continue
            for average in ema.values():
                average.update_parameters(module)
        for average in swa.values() if epoch >= epochs // 2 else ():
            average.update_parameters(module)
    yield schedule, copy.deepcopy(module)
    if schedule == "constant":
        fresh = [patches[batch] for batch in batches(labels, size, rng)]
        yield "constant-update_bn", recomputed(module, fresh)
        for name, average in (swa | ema).items():
            yield name, copy.deepcopy(average.module)
            if not name.endswith("-mean"):
                yield f"{name}-update_bn", recomputed(average.module, fresh)


def means_table(args: argparse.Namespace) -> list[str]:
    found = defaultdict(dict)
    for file in sorted(args.work.glob("means-*.csv")):
        for arch, seed, name, lag in csv.reader(file.open()):
            found[name][arch, seed] = float(lag)
    columns = sorted({key for lags in found.values() for key in lags})
    return [
        "Share of the stored means that the weights of widening 1×1 convolutions cannot produce,",
        f"median over the network's convolutions; warned of from {LAG:g}:",
        "",
        "| kind | " + " | ".join(f"{arch}, seed {seed}" for arch, seed in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
        *(
            f"| {name} | "
            + " | ".join(f"{lags[key]:.1e}" if key in lags else "–" for key in columns)
            + " |"
            for name, lags in found.items()
        ),
    ]


def table(args: argparse.Namespace) -> None:
    rows = []
    for file in sorted((args.work / "responses").glob("*/*/*.npz")):
        scale, name = float(file.parts[-3]), file.parts[-2]
        row = {"scale": scale, "network": name, "kind": kind_of(name), "slide": file.stem}
        try:
            responses = Responses.load(file)
            row |= explore(responses)
            row["verdict"] = estimate(responses, resamples=40).verdict
            row["error"] = abs(float(np.log2(row["answer"] / scale)))
        except fingerprint.Unavailable as error:
            row["refused"] = str(error)
        rows.append(row)
    RESULTS.mkdir(exist_ok=True)
    keys = ("scale", "network", "kind", "slide", "answer", "error", "verdict", *SIGNS, "refused")
    with (RESULTS / "stale_statistics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, keys)
        writer.writeheader()
        writer.writerows(rows)
    text = [
        *heading(args),
        *by_kind(rows),
        "",
        *at_each_scale(rows),
        "",
        *separation(rows),
        "",
        *means_table(args),
    ]
    (RESULTS / "stale_statistics.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


_LEGEND = (
    "`constant` is a learning rate that never fell. total: nats per channel that remain at the "
    "answer; free: the median over layers with hardly any price on the mixture; growth: of free "
    "from the first to the second half of the layers; bias: of the log variances of a layer. "
    "seen: share above what 95 % of settled answers stay below."
)


def heading(args: argparse.Namespace) -> list[str]:
    command = "python benchmarks/stale_statistics.py {} --work DIR"
    steps = ", ".join(f"`{command.format(step)}`" for step in ("train", "measure", "means"))
    return [f"{steps}, `{command.format('table')}`; seed {args.seed} of training", "", _LEGEND, ""]


def by_kind(rows: list[dict]) -> list[str]:
    out = [
        "| kind | networks | answers | scales | median error, octaves | largest | `ok` | total "
        "| free |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        mine = [r for r in rows if r["kind"] == kind]
        known = [r for r in mine if "error" in r]
        if not mine:
            continue
        count = len({(r["scale"], r["network"]) for r in mine})
        scales = ", ".join(f"{x:g}" for x in sorted({r["scale"] for r in mine}))
        cells = [kind, count, f"{len(known)} of {len(mine)}", scales, *["–"] * 5]
        if known:
            errors = [r["error"] for r in known]
            cells[4:6] = f"{np.median(errors):.3f}", f"{max(errors):.3f}"
            cells[6] = f"{np.mean([r['verdict'] == 'ok' for r in known]):.0%}"
            cells[7:] = (f"{np.median([r[sign] for r in known]):.5f}" for sign in ("total", "free"))
        out.append("| " + " | ".join(map(str, cells)) + " |")
    return out


def at_each_scale(rows: list[dict]) -> list[str]:
    """Median error where a kind was trained at several scales."""
    known = [r for r in rows if "error" in r]
    scales = sorted({r["scale"] for r in known})
    out = [
        "| median error of networks trained at | " + " | ".join(f"{x:g}" for x in scales) + " |",
        "| --- |" + " ---: |" * len(scales),
    ]
    for kind in KINDS:
        cells = []
        for scale in scales:
            errors = [r["error"] for r in known if (r["kind"], r["scale"]) == (kind, scale)]
            cells.append(f"{np.median(errors):.3f} ({len(errors)})" if errors else "–")
        out.append(f"| {kind} | " + " | ".join(cells) + " |")
    return out


def separation(rows: list[dict]) -> list[str]:
    """Of each sign: AUC against all settled answers, and the share seen where one in twenty of
    those would be called stale."""
    known = [r for r in rows if "error" in r]
    settled = {sign: [r[sign] for r in known if r["kind"] in SETTLED] for sign in SIGNS}
    out = [
        "| against settled | " + " | ".join(f"{x}: AUC, seen" for x in SIGNS) + " |",
        "| --- |" + " ---: |" * len(SIGNS),
    ]
    for kind in KINDS:
        mine = [r for r in known if r["kind"] == kind]
        if kind in SETTLED or not mine:
            continue
        cells = []
        for sign in SIGNS:
            values = [r[sign] for r in mine]
            limit = np.quantile(settled[sign], 0.95)
            seen = np.mean(np.array(values) > limit)
            cells.append(f"{auc(settled[sign], values):.2f}, {seen:.0%}")
        out.append(f"| {kind} | " + " | ".join(cells) + " |")
    return [*out, "", f"Settled: {', '.join(SETTLED)}; {len(settled['total'])} answers."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = {"train": train, "measure": measure, "means": means, "table": table}
    parser.add_argument("step", choices=steps)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--nets", type=Path, help="folder of seed1, seed2, … of the reproduction")
    parser.add_argument("--slides", type=int, default=4)
    parser.add_argument("--scales", type=float, nargs="+", default=TRAINED_AT)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    steps[args.step](args)


if __name__ == "__main__":
    main()
