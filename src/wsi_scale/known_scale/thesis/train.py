"""Trains the thesis's network at any scale, as in the thesis or with a decaying learning rate.

Source: the MSU thesis (2022), section 4: 20 patches from each of 200 single-class images, Adam
1e-3, cross-entropy, batches of 32, 7 epochs. One difference: patches are cut through pyramid levels
as in real slides (none, every 2nd, every 4th), so that the network does not learn one kind of blur.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch.nn.functional import cross_entropy

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.known_scale.thesis.images import SIDE, SIZE, Image, list_images
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.known_scale.thesis.write_images import describe_stored
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.processes import Tell
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

MAX_SCALE = 64.0
"""At this scale the figures are smaller than a pixel."""

MAX_JITTER = 8.0
LEARNING_RATE = 1e-3
SCHEDULES = ("decayed", "constant")
LAYOUTS = ("channels-last", "contiguous")
NARROW, WIDE = (4, 8, 16), (8, 16, 32)
MOST_FILTERS = 512

Patches = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""(N, 224, 224, 3) patches and their (N,) classes."""


@dataclass(frozen=True)
class Recipe:
    """Everything on which the weights depend."""

    scale: float
    """Level-0 px per network px."""
    schedule: str = "decayed"
    """Learning rate: ``constant``, as in the thesis; or ``decayed`` to zero along a cosine, so that
    the BatchNorm statistics settle."""
    filters: tuple[int, ...] = NARROW
    seed: int = 0
    epochs: int = 7
    batch: int = 32
    jitter: float = 1.0
    """The scale of every patch is drawn from ``scale`` ÷ this to ``scale`` × this, uniformly in
    log-scale. 1: always ``scale``; 3: the network hardly depends on scale."""
    layout: str = "channels-last"
    """Memory layout. ``channels-last`` is twice as fast as ``contiguous``; last digits differ."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and 0 < self.scale <= MAX_SCALE):
            raise SettingsError(
                f"the training scale must be above 0 and at most {MAX_SCALE:g}, got {self.scale:g}"
            )
        if not (math.isfinite(self.jitter) and 1 <= self.jitter <= MAX_JITTER):
            raise SettingsError(f"jitter must be from 1 to {MAX_JITTER:g}, got {self.jitter:g}")
        for key, known in (("schedule", SCHEDULES), ("layout", LAYOUTS)):
            if getattr(self, key) not in known:
                raise SettingsError(
                    f"unknown {key} {getattr(self, key)!r}; choose from {', '.join(known)}"
                )
        for key, least in (("epochs", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise SettingsError(f"{key} must be at least {least}, got {getattr(self, key)}")

    @property
    def name(self) -> str:
        """``figures-2.5-constant``, ``figures-5-decayed-wide``, …"""
        named: dict[tuple[int, ...], str] = {NARROW: "", WIDE: "-wide"}
        wide = named.get(self.filters, "-" + "-".join(map(str, self.filters)))
        jitter = "" if self.jitter == 1 else f"-jitter-{self.jitter:g}"
        return f"figures-{self.scale:g}-{self.schedule}{wide}{jitter}"


def parse_filters(text: str) -> tuple[int, ...]:
    """Numbers of filters: ``8,16,32`` gives (8, 16, 32). Raises SettingsError for other texts."""
    widths = [width.strip() for width in text.split(",")]
    if not all(width.isdecimal() and int(width) for width in widths):
        raise SettingsError(f"filters must be whole numbers, for example 8,16,32; got {text!r}")
    if len(widths) != len(NARROW) or max(map(int, widths)) > MOST_FILTERS:
        raise SettingsError(
            f"the network has {len(NARROW)} blocks of 1 to {MOST_FILTERS} filters, for example "
            f"8,16,32; got {text!r}"
        )
    return tuple(int(width) for width in widths)


def family_recipes() -> tuple[Recipe, ...]:
    """The recipe of every network in the reproduction."""
    return tuple(
        Recipe(member.scale, member.schedule, WIDE if member.wide else NARROW)
        for member in FAMILY.values()
        if not member.random
    )


@dataclass(frozen=True)
class Trained:
    """A network and its accuracy on unseen images at its own scale."""

    recipe: Recipe
    module: FiguresNet
    accuracy: float
    patches: int
    stored: str = ""
    """Description of the stored images, for the card; empty: images were drawn."""


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Inside, torch gives the same digits for the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(False)


def train_network(recipe: Recipe, tell: Tell, folder: Path | None = None) -> Trained:
    """Cut patches, train, and test on other images. The same recipe gives the same weights on the
    same machine with the same number of torch threads.

    folder: stored images; None: images are drawn.
    """
    patches = cut_patches(list_images("train", recipe.seed), recipe, tell, folder)
    module = fit(recipe, patches, tell)
    test = cut_patches(list_images("test", recipe.seed), recipe, tell, folder)
    stored = "" if folder is None else f"; {describe_stored(folder)}"
    return Trained(recipe, module, accuracy(module, test), len(patches[1]), stored)


def cut_patches(
    images: Sequence[Image], recipe: Recipe, tell: Tell, folder: Path | None = None
) -> Patches:
    """Patches at the recipe's scale from the places that every image names.

    folder: stored images; None: images are drawn, as large as the scale needs.
    Raises SettingsError if a patch does not fit on a stored image.
    """
    widest = recipe.scale * recipe.jitter
    side = SIDE if folder else max(SIDE, round(SIZE * widest * 2))
    if SIZE * widest > side:
        raise SettingsError(
            f"a patch at scale {widest:g} is {SIZE * widest:.0f} px wide but a stored image only "
            f"{side} px; leave out --images"
        )
    margin = SIZE * widest / 2
    drawn = np.random.default_rng([recipe.seed, 12])
    out, labels = [], []
    for done, image in enumerate(images):
        tell("cutting patches", done, len(images))
        with image.open(folder) if folder else image.draw(side) as slide:
            for x, y in margin + (side - margin - margin) * image.places:
                scale = recipe.scale * recipe.jitter ** drawn.uniform(-1, 1)
                grid = ScaleGrid((float(scale),))
                out.append(sample_pyramid(slide, Site(x, y), grid, size=SIZE).patches[0])
                labels.append(image.kind)
    return np.stack(out), np.array(labels)


def fit(recipe: Recipe, data: Patches, tell: Tell) -> FiguresNet:
    """The network trained on patches, in evaluation mode."""
    patches, labels = data
    if recipe.batch > len(labels):
        raise SettingsError(f"a batch of {recipe.batch} is larger than the {len(labels)} patches")
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng([recipe.seed, 6])
    network = FiguresNet(recipe.filters)
    if recipe.layout == "channels-last":
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = recipe.epochs * (len(labels) // recipe.batch)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step, rows in enumerate(_batches(recipe, len(labels), rng)):
        loss = cross_entropy(network(to_tensor(patches[rows])), torch.from_numpy(labels[rows]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if recipe.schedule == "decayed":
            decay.step()
        tell(f"training, loss {float(loss.detach()):.3f}", step + 1, steps)
    return network.eval()


def _batches(recipe: Recipe, count: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows of every batch; an incomplete last batch of an epoch is left out."""
    for _ in range(recipe.epochs):
        order = rng.permutation(count)
        for start in range(0, count - recipe.batch + 1, recipe.batch):
            yield order[start : start + recipe.batch]


def to_tensor(patches: NDArray[np.uint8]) -> torch.Tensor:
    """Patches (N, H, W, 3) uint8 as (N, 3, H, W) float32 in 0–1."""
    return torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def accuracy(network: torch.nn.Module, data: Patches) -> float:
    """Share of correctly classified patches."""
    patches, labels = data
    right = 0
    for start in range(0, len(labels), 64):
        guess = network(to_tensor(patches[start : start + 64])).argmax(1).numpy()
        right += int((guess == labels[start : start + 64]).sum())
    return right / len(labels)


def save_network(trained: Trained, folder: Path) -> None:
    """Write weights.safetensors and card.toml into folder, the card last."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({k: v.contiguous() for k, v in trained.module.state_dict().items()})
    write_atomically(folder / "weights.safetensors", weights)
    write_atomically(folder / "card.toml", card_text(trained, hashlib.sha256(weights).hexdigest()))


def card_text(trained: Trained, sha256: str) -> str:
    """The card of a trained network, as TOML."""
    recipe = trained.recipe
    narrow = recipe.filters == NARROW
    query = "" if narrow else f"?filters=[{','.join(map(str, recipe.filters))}]"
    decay = ", cosine to zero" if recipe.schedule == "decayed" else ", never lowered"
    jittered = f", jittered by up to {recipe.jitter:g} times either way" * (recipe.jitter != 1)
    numbers = sum(x.numel() for n, x in trained.module.state_dict().items() if "batches" not in n)
    return _CARD.format(
        name=recipe.name,
        numbers=f"{numbers:,}".replace(",", " "),
        query=query,
        sha256=sha256,
        classes="[" + ", ".join(f'"{name}"' for name in FIGURE_CLASSES) + "]",
        recipe=recipe,
        command=command(recipe, torch.get_num_threads(), stored=bool(trained.stored)),
        count=trained.patches,
        where=f"scale {recipe.scale}{jittered}{trained.stored}",
        decay=decay,
        stale="" if recipe.schedule == "decayed" else 'statistics = "stale"\n',
        torch=torch.__version__.split("+")[0],
        threads=torch.get_num_threads(),
        accuracy=round(trained.accuracy, 4),
    )


def command(recipe: Recipe, threads: int = 1, *, stored: bool = False) -> str:
    """The command line for this recipe; DIR stands for the folder of stored images."""
    usual = Recipe(recipe.scale)
    out = f"wsi-scale thesis train --scale {recipe.scale:g}"
    for key in ("schedule", "seed", "epochs", "batch", "jitter", "layout"):
        if (value := getattr(recipe, key)) != getattr(usual, key):
            out += f" --{key} {value}"
    if recipe.filters != usual.filters:
        out += " --filters " + ",".join(map(str, recipe.filters))
    if threads != 1:
        out += f" --threads {threads}"
    return f"{out} --images DIR" if stored else out


_CARD = """\
name = "{name}"
description = "The thesis's network, {numbers} numbers, for its 20 classes of coloured figures"
source = "wsi_scale.networks.architectures:FiguresNet{query}"
weights = "weights.safetensors"
sha256 = "{sha256}"
input_size = 224
channels = 3
scaling = "unit"
activation = "softmax"
task = "classify"
classes = {classes}
training_scale = {recipe.scale}
{stale}license = "Apache-2.0"

[training]
command = "{command}"
data = "{count} patches of synthetic single-class figure slides, drawn at {where}"
recipe = "Adam 1e-3{decay}, cross-entropy, batches of {recipe.batch}, {recipe.epochs} epochs"
seed = {recipe.seed}
torch = "{torch}"
threads = {threads}
test_accuracy = {accuracy}
"""
