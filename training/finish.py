"""Measures a trained network's ruler and writes what is shipped: weights and card.

    python training/finish.py build/histology/network build/histology/reference \
        --slide sample_data/CMU-1-Small-Region.svs --out FOLDER

How sure the ruler is, is measured on drawn slides (reference.py): how far nine of ten answers lie
from the truth. Where its zero lies, on real slides of known µm/px: drawn nuclei are not quite as
large as real ones, so the network recognises most of a real slide at other µm/px than it was
trained at, and these are what the card says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch

from wsi_scale import Settings, estimate_slide, open_slide
from wsi_scale.networks import load_network
from wsi_scale.networks.network import Network
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.slide.resolution import mean_mpp

CARD = '''\
name = "histology"
description = "A U-Net for nuclei in H&E at {real_mpp:g} µm/px, trained mostly on drawn tissue"
source = "wsi_scale.networks.architectures:NucleiUNet"
weights = "weights.safetensors"
sha256 = "{sha256}"
stride = 8
channels = 3
scaling = "unit"
activation = "sigmoid"
task = "segment"
classes = ["nucleus"]
stain = "H&E"
# where it recognises most of real slides; drawn ones it was shown at {mpp:g}
training_mpp = {real_mpp}
# nine of ten drawn slides that were not trained on lie within so many octaves
selective = {error}
license = "Apache-2.0"

[training]
command = "{command}"
data = """
240 drawn fields (training/tissue.py), and patches of CMU-1-Small-Region (Aperio, CC0) labelled by
colour deconvolution"""
recipe = """
AdamW 2e-3, one cycle, cross-entropy and Dice, {steps} batches of 24 patches of 96 px; 45 % of them
at other scales, labelled empty from 1.1 octaves on"""
seed = {seed}
torch = "{torch}"
dice_on_drawn_fields = {dice}
ruler = "{drawn} drawn slides, bias {bias:+.2f} octave; zero set on {real}"
limits = """
bright-field H&E only; drawn tissue is no histology, and one real slide is few: docs/tissue.md has
what it does on real tissue of other organs"""
'''


def ask(network: Network, path: Path, *, dense: bool) -> float | None:
    """The scale at which the network recognises most of a slide."""
    settings = Settings(estimator="recognition", resamples=0, as_is_sites=0, dense=dense)
    return estimate_slide(path, network, settings).scale


def right_scale(path: Path, mpp: float) -> float:
    """At which a slide has ``mpp``."""
    with open_slide(path) as slide:
        assert slide.mpp is not None, f"{path} does not say how large its pixels are"
        return mpp / mean_mpp(slide.mpp)


def octaves(network: Network, paths: list[Path], mpp: float, *, dense: bool = False) -> np.ndarray:
    """How far every answer lies from the scale at which the slide has ``mpp``.

    dense: at all scales of the window; else as `estimate` asks.
    """
    out = []
    for path in paths:
        said = ask(network, path, dense=dense)
        print(f"{path.name}: {said}", file=sys.stderr, flush=True)
        if said is not None:
            out.append(np.log2(said / right_scale(path, mpp)))
    return np.array(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path, help="folder of train.py")
    parser.add_argument("reference", type=Path, help="folder of reference.py")
    parser.add_argument("--slide", type=Path, action="append", required=True, help="real ones")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    about = json.loads((args.trained / "about.json").read_text())
    weights, card = args.out / "weights.safetensors", args.out / "card.toml"
    shutil.copyfile(args.trained / "weights.safetensors", weights)
    about |= {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    about |= {
        "torch": torch.__version__.split("+")[0],
        "real": ", ".join(x.stem for x in args.slide),
    }
    measured = {"real_mpp": about["mpp"], "error": 0.5, "bias": 0.0, "drawn": 0}  # not yet
    write_atomically(card, CARD.format(**about, **measured).encode())
    network = load_network(str(card), device="cpu")
    off = octaves(network, sorted(args.reference.glob("*.png")), about["mpp"])
    zero = float(np.median(octaves(network, args.slide, about["mpp"], dense=True)))
    measured = {
        "real_mpp": round(about["mpp"] * 2**zero, 3),
        "error": round(float(np.quantile(np.abs(off - np.median(off)), 0.9)), 3),
        "bias": float(np.median(off)),
        "drawn": len(off),
    }
    write_atomically(card, CARD.format(**about, **measured).encode())
    print(measured, f"zero {zero:+.2f}")


if __name__ == "__main__":
    main()
