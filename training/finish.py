"""Calibrates a trained network on drawn slides and writes what is shipped: weights, profile, card.

python training/finish.py build/histology/network build/histology/reference --out FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from wsi_scale.calibrate import Reference, calibrate
from wsi_scale.files import write_atomically
from wsi_scale.networks import load_network

SITES, JITTERS = 8, 1

CARD = '''\
name = "histology"
description = "A U-Net for nuclei in H&E at {mpp:g} µm/px, trained mostly on drawn tissue"
source = "wsi_scale.networks.architectures:NucleiUNet"
weights = "weights.safetensors"
sha256 = "{sha256}"
profile = "profile.safetensors"
input_size = 96
channels = 3
scaling = "unit"
activation = "sigmoid"
task = "segment"
classes = ["nucleus"]
training_mpp = {mpp}
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
limits = """
bright-field H&E only; drawn tissue is no histology, and one real slide is few: docs/tissue.md has
what it does on real tissue of other organs"""
'''


def card_text(about: dict, sha256: str) -> str:
    """The card, its profile named."""
    return CARD.format(sha256=sha256, torch=torch.__version__.split("+")[0], **about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path, help="folder of train.py")
    parser.add_argument("reference", type=Path, help="folder of reference.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    about = json.loads((args.trained / "about.json").read_text())
    weights = args.out / "weights.safetensors"
    shutil.copyfile(args.trained / "weights.safetensors", weights)
    card = card_text(about, hashlib.sha256(weights.read_bytes()).hexdigest())
    bare = args.out / "bare.toml"  # the profile that the card names is not there yet
    bare.write_text(card.replace('profile = "profile.safetensors"\n', ""), encoding="utf-8")
    network = load_network(str(bare), device="cpu")
    bare.unlink()
    images = sorted(str(path) for path in args.reference.glob("*.png"))
    reference = Reference(mpp=about["mpp"], sites=SITES, jitters=JITTERS)
    profile = calibrate(
        network,
        images,
        reference,
        lambda what, done, count: print(f"{what}: {done} of {count}", file=sys.stderr, flush=True),
    )
    named = profile.about.model_copy(update={"images": tuple(Path(x).name for x in images)})
    replace(profile, about=named).save(args.out / "profile.safetensors")
    write_atomically(args.out / "card.toml", card.encode())
    off = np.abs(profile.errors)
    print(f"images left out: median {np.median(off):.3f} octave, 90 % {np.quantile(off, 0.9):.3f}")


if __name__ == "__main__":
    main()
