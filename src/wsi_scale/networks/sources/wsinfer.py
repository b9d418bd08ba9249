"""Models of the WSInfer zoo: a folder of ``config.json`` and ``torchscript_model.pt``."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.bounded import (
    entries,
    file_inside,
    number,
    numbers,
    positive,
    read_json,
    whole,
)
from wsi_scale.networks.described.description import Description, load_described_network
from wsi_scale.networks.described.input_steps import InputSteps
from wsi_scale.networks.described.readme import license_of
from wsi_scale.networks.sources import torchscript
from wsi_scale.networks.spec import parse_spec

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "wsinfer"
GRAMMAR = "FOLDER of the WSInfer zoo (config.json + torchscript_model.pt), or its JSON file"
ORDER = 32

_OWN = frozenset({"patch_size_pixels", "spacing_um_px"})
"""Keys that no other format has."""
_WEIGHTS = "torchscript_model.pt"


def accepts(spec: str) -> bool:
    """True for a folder or JSON file that states ``patch_size_pixels`` or ``spacing_um_px``."""
    path = _config_of(spec.partition("?")[0])
    with suppress(NetworkError):
        return path is not None and bool(_OWN & set(read_json(path)))
    return False


def _config_of(target: str) -> Path | None:
    path = Path(target)
    if target and os.path.isdir(path):
        path = path / "config.json"
    return path if path.suffix.lower() == ".json" and os.path.isfile(path) else None


def load(spec: str, card: Card | None = None) -> Network:
    """The TorchScript file beside the JSON, fed as the JSON says; ``weights=`` names another."""
    asked = parse_spec(spec)
    asked.refuse_arguments("a model of the WSInfer zoo")
    path = _config_of(asked.target)
    if path is None:
        raise NetworkError(f"{spec}: there is no config.json")
    named = asked.overrides.get("weights")
    weights = Path(named) if named else file_inside(path.parent, _WEIGHTS, path)
    description = describe(path)
    return load_described_network(
        asked, card, description, lambda settled: torchscript.load(str(weights), settled)
    )


def describe(path: Path) -> Description:
    """What a JSON of the WSInfer zoo says.

    A patch of ``patch_size_pixels`` at ``spacing_um_px`` that is resized to fewer px shows the
    network coarser pixels: 350 px at 0.25 µm/px, resized to 224 px, are 0.391 µm/px.
    """
    said = read_json(path)
    size = whole(said.get("patch_size_pixels"), f"{path}: patch_size_pixels")
    spacing = positive(said.get("spacing_um_px"), f"{path}: spacing_um_px")
    steps, side = _transform(said, path, size)
    read_as = []
    if side != size:
        read_as.append(
            f"patches of {size} px at {spacing:g} µm/px are resized to {side} px, "
            f"so the network sees {spacing * size / side:.4g} µm/px"
        )
    named = {"name": said["name"]} if isinstance(said.get("name"), str) else {}
    return Description(
        "a JSON of the WSInfer zoo",
        path,
        {
            "name": path.parent.resolve().name,
            "task": "classify",
            "input_size": side,
            "training_mpp": spacing * size / side,
            **steps.card_keys(),
            **license_of(path.parent),
            **named,
        },
        _classes(said, path),
        tuple(read_as),
    )


def _transform(said: dict[str, Any], path: Path, size: int) -> tuple[InputSteps, int]:
    """The steps of ``transform``, and the side in px that the network is shown."""
    steps, side = InputSteps(f"{path}: transform"), size
    for step in entries(said.get("transform"), f"{path}: transform"):
        name, arguments = step.get("name"), step.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise NetworkError(f"{path}: arguments of {name!r} are not keys and values")
        if name == "Resize":
            side = _square(arguments.get("size"), path)
        elif name == "ToTensor":
            steps.linear(1 / 255, 0)
        elif name == "Normalize":
            what = f"{path}: Normalize"
            mean, std = (numbers(arguments.get(key), f"{what}.{key}") for key in ("mean", "std"))
            steps.centre(mean, std)
        else:
            raise NetworkError(
                f"{path}: the step {name!r} of transform is not understood, only Resize, ToTensor "
                "and Normalize are; describe the network in a card.toml"
            )
    return steps, side


def _square(value: Any, path: Path) -> int:
    sides = {int(number(one, f"{path}: Resize")) for one in numbers(value, f"{path}: Resize.size")}
    if len(sides) != 1:
        raise NetworkError(f"{path}: Resize to {value} px is not square; patches must be")
    return whole(sides.pop(), f"{path}: Resize.size")


def _classes(said: dict[str, Any], path: Path) -> tuple[str, ...] | None:
    names = said.get("class_names")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NetworkError(f"{path}: class_names is not a list of names")
    count = said.get("num_classes", len(names))
    if count != len(names):
        raise NetworkError(f"{path}: num_classes = {count!r} but class_names has {len(names)}")
    return tuple(names)


def example(folder: Path) -> str:
    """One convolution that answers two logits per pixel, as a model of the zoo."""
    Path(torchscript.example(folder)).rename(folder / _WEIGHTS)
    said = {
        "spec_version": "1.0",
        "architecture": "convolution",
        "num_classes": 2,
        "class_names": ["Other", "Tumor"],
        "patch_size_pixels": 350,
        "spacing_um_px": 0.25,
        "transform": [{"name": "Resize", "arguments": {"size": 224}}, {"name": "ToTensor"}],
    }
    (folder / "config.json").write_text(json.dumps(said))
    return str(folder)
