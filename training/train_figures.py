"""Train the bundled ``figures`` network: the thesis's recipe with a decayed learning rate.

    python training/train_figures.py --out build/figures

Writes weights.safetensors and card.toml. About seven minutes on one core. The bundled weights were
made with one thread and seed 0.
Source: the MSU thesis (2022), section 4: 20 patches from each of 200 single-class images, Adam
1e-3, cross-entropy, batches of 32, 7 epochs. Different here: the learning rate falls to zero along
a cosine, so that the BatchNorm statistics settle; patches are cut through the pyramid levels that
real slides have (none, every 2nd, every 4th), so that no one kind of blur is learnt.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.pyramid import sample_pyramid
from wsi_scale.readers.synthetic import FIGURE_CLASSES, SyntheticSlide

SIZE = 224
LEVELS = ((1.0,), (1.0, 2.0, 4.0, 8.0), (1.0, 4.0, 16.0))


def cut_patches(
    scale: float, images: int, patches: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Patches (N, 224, 224, 3) at one scale from ``images`` images per class, and their classes."""
    rng = np.random.default_rng([seed, 5])
    grid = ScaleGrid((scale,))
    side = max(5000, round(SIZE * scale * 2))
    out, labels = [], []
    for kind in range(len(FIGURE_CLASSES)):
        for _ in range(images):
            slide = SyntheticSlide.figures(
                seed=int(rng.integers(2**31)),
                only=kind,
                width=side,
                height=side,
                downsamples=LEVELS[rng.integers(len(LEVELS))],
            )
            margin = SIZE * scale / 2
            for x, y in rng.uniform(margin, side - margin, (patches, 2)):
                out.append(sample_pyramid(slide, Site(x, y), grid, size=SIZE).patches[0])
                labels.append(kind)
    return np.stack(out), np.array(labels)


def to_tensor(patches: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 255


def train(patches: NDArray[np.uint8], labels: NDArray[np.int64], args: argparse.Namespace):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 6])
    network = FiguresNet()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    steps = args.epochs * (len(labels) // args.batch)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for epoch in range(args.epochs):
        order = rng.permutation(len(labels))
        losses = []
        for start in range(0, len(order) - args.batch + 1, args.batch):
            rows = order[start : start + args.batch]
            loss = cross_entropy(network(to_tensor(patches[rows])), torch.from_numpy(labels[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            decay.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1}/{args.epochs}: loss {np.mean(losses):.3f}", flush=True)
    return network.eval()


@torch.no_grad()
def accuracy(network: torch.nn.Module, patches, labels) -> float:
    right = 0
    for start in range(0, len(labels), 64):
        guess = network(to_tensor(patches[start : start + 64])).argmax(1).numpy()
        right += int((guess == labels[start : start + 64]).sum())
    return right / len(labels)


CARD = """\
name = "figures"
description = "The thesis's 5 192-parameter network for its 20 classes of coloured figures"
source = "wsi_scale.networks.architectures:FiguresNet"
weights = "weights.safetensors"
sha256 = "{sha256}"
input_size = 224
channels = 3
scaling = "unit"
activation = "softmax"
task = "classify"
classes = {classes}
training_scale = {scale}
license = "Apache-2.0"

[training]
script = "training/train_figures.py"
data = "{count} patches of synthetic single-class figure slides, drawn at scale {scale}"
recipe = "Adam 1e-3, cosine to zero, cross-entropy, batches of {batch}, {epochs} epochs"
seed = {seed}
torch = "{torch}"
test_accuracy = {accuracy}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    started = time.monotonic()
    patches, labels = cut_patches(args.scale, 10, 20, args.seed)
    print(f"{len(labels)} patches after {time.monotonic() - started:.0f} s", flush=True)
    network = train(patches, labels, args)
    test = accuracy(network, *cut_patches(args.scale, 5, 4, args.seed + 1_000_000))
    args.out.mkdir(parents=True, exist_ok=True)
    weights = args.out / "weights.safetensors"
    save_file(network.state_dict(), weights)
    card = CARD.format(
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        classes="[" + ", ".join(f'"{name}"' for name in FIGURE_CLASSES) + "]",
        scale=args.scale,
        count=len(labels),
        batch=args.batch,
        epochs=args.epochs,
        seed=args.seed,
        torch=torch.__version__.split("+")[0],
        accuracy=round(test, 4),
    )
    (args.out / "card.toml").write_text(card)
    print(f"accuracy at scale {args.scale:g}: {test:.3f}; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
