"""MONAI bundles: a folder or zip of ``configs/metadata.json`` and ``models/model.ts``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.bounded import number, read_json
from wsi_scale.networks.described.description import Description, load_described_network
from wsi_scale.networks.described.input_steps import InputSteps
from wsi_scale.networks.described.kept_library import build_from_library
from wsi_scale.networks.described.monai_config import (
    activation_of,
    input_keys,
    mpp_of,
    plain,
    sizes_of,
)
from wsi_scale.networks.described.unpacked import root_with, unpack
from wsi_scale.networks.sources import torchscript
from wsi_scale.networks.spec import Spec, parse_spec
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "monai"
GRAMMAR = "FOLDER or ZIP of a MONAI bundle (configs/metadata.json + models/model.ts)"
ORDER = 31

_METADATA = "configs/metadata.json"
_INFERENCE = ("configs/inference.json", "configs/evaluate.json", "configs/train.json")
_SCRIPTS, _STATES = ("models/model.ts",), ("models/model.pt", "models/model.safetensors")
_NETS = "monai.networks.nets"


def accepts(spec: str) -> bool:
    """True for a folder or zip with ``configs/metadata.json``."""
    target = spec.partition("?")[0]
    path = Path(target)
    if target.lower().endswith(".zip") and os.path.isfile(path):
        return root_with(path, _METADATA.__eq__) is not None
    return bool(target) and os.path.isfile(path / _METADATA)


def load(spec: str, card: Card | None = None) -> Network:
    """The bundle's TorchScript, else its state dict in MONAI's own network, if that is plain."""
    asked = parse_spec(spec)
    asked.refuse_arguments("a MONAI bundle")
    folder = Path(asked.target)
    if os.path.isfile(folder):
        folder = unpack(folder, root_with(folder, _METADATA.__eq__) or "")
    config_path = next((folder / x for x in _INFERENCE if os.path.isfile(folder / x)), None)
    config = {} if config_path is None else read_json(config_path)
    description = describe(folder, config, config_path)
    named = asked.overrides.get("weights")
    script = Path(named) if named else _first(folder, _SCRIPTS)
    state = None if named else _first(folder, _STATES)
    if script is None and state is not None and torchscript_inside(state):
        script = state  # some bundles save TorchScript under the other name
    if script is not None:
        return load_described_network(
            asked, card, description, lambda settled: torchscript.load(str(script), settled)
        )
    if state is None:
        wanted = listed([*_SCRIPTS, *_STATES])
        raise NetworkError(f"{folder} has none of {wanted}; download the whole bundle")
    return load_described_network(
        asked,
        card,
        description,
        lambda settled: _of_library(asked, config, config_path or folder, state, settled),
    )


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def torchscript_inside(path: Path) -> bool:
    """Whether a zip of torch's holds a program and not only weights."""
    return root_with(path, lambda name: name == "constants.pkl") is not None


def _of_library(
    asked: Spec, config: Mapping[str, Any], path: Path, state: Path, card: Card
) -> Network:
    """MONAI's own class with plain arguments, and the bundle's weights."""
    said = config.get("network_def", config.get("network"))
    made = plain(config, said, f"{path}: network_def")
    target = made.get("_target_") if isinstance(made, dict) else None
    if not isinstance(target, str):
        raise NetworkError(
            f"{path} defines no network; export it to TorchScript as models/model.ts"
        )
    package, _, called = target.rpartition(".")
    name = f"{package or _NETS}:{called}"
    arguments = {k: v for k, v in made.items() if not k.startswith("_")}
    return build_from_library(
        asked, name, arguments, card.model_copy(update={"weights": str(state)})
    )


def describe(folder: Path, config: Mapping[str, Any], config_path: Path | None) -> Description:
    """What a bundle's metadata and the transforms of its inference say."""
    path = folder / _METADATA
    said = read_json(path)
    image, answer, notes = _tensors(said, path)
    card: dict[str, Any] = {
        "name": str(said.get("name") or said.get("task") or folder.resolve().name),
        "description": str(said.get("description") or ""),
        "license": str(said.get("license") or ""),
        **_channels(image, path),
        **sizes_of(image.get("spatial_shape")),
        **_task(answer),
    }
    prepared = None if config_path is None else input_keys(config, config_path)
    if prepared is None:
        prepared = _by_range(image, path)
        notes.append("its inference lists no transforms, so the stated range of values is used")
    activation = None if config_path is None else activation_of(config, config_path)
    card |= prepared | ({"activation": activation} if activation else {})
    mpp = None if config_path is None else mpp_of(config, config_path)
    card |= {"training_mpp": mpp} if mpp else {}
    return Description("a MONAI bundle", path, card, _classes(answer), (), tuple(notes))


def _tensors(
    said: Mapping[str, Any], path: Path
) -> tuple[Mapping[str, Any], Mapping[str, Any], list[str]]:
    """The only image that goes in, the first answer that comes out, and notes."""
    form = said.get("network_data_format")
    sides = [form.get(key) if isinstance(form, dict) else None for key in ("inputs", "outputs")]
    if not all(isinstance(side, dict) and side for side in sides):
        raise NetworkError(f"{path} has no network_data_format with inputs and outputs")
    given, answers = (
        {k: v for k, v in (side or {}).items() if isinstance(v, dict)} for side in sides
    )
    if len(given) != 1 or not answers:
        raise NetworkError(f"{path} takes {len(given)} inputs ({listed(given)}), not one image")
    several = f"of its outputs ({listed(answers)}) the first is named"
    return (
        next(iter(given.values())),
        next(iter(answers.values())),
        ([several] if len(answers) > 1 else []),
    )


def _channels(image: Mapping[str, Any], path: Path) -> dict[str, int]:
    count = image.get("num_channels", 3)
    if count not in (1, 3):
        raise NetworkError(
            f"{path}: the image has {count} channels; only 1 (grey) and 3 (RGB) can be shown"
        )
    shape = image.get("spatial_shape")
    if isinstance(shape, list) and len(shape) != 2:
        raise NetworkError(f"{path}: the image has {len(shape)} axes in space; only 2 can be shown")
    return {"channels": count}


def _task(answer: Mapping[str, Any]) -> dict[str, str]:
    form = str(answer.get("format"))
    known = {"classification": "classify", "segmentation": "segment", "labels": "segment"}
    shape = answer.get("spatial_shape")
    plane = isinstance(shape, list) and any(str(side) not in ("1", "") for side in shape)
    task = known.get(form)
    return {"task": task} if task and (task == "segment") == plane else {}


def _by_range(image: Mapping[str, Any], path: Path) -> dict[str, Any]:
    stated = image.get("value_range")
    steps = InputSteps(str(path))
    if isinstance(stated, list) and len(stated) == 2:
        low, high = (number(end, f"{path}: value_range") for end in stated)
        steps.range(0, 255, low, high)
    return steps.card_keys()


def _classes(answer: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = answer.get("channel_def")
    if not isinstance(names, dict) or not names or not all(k.isdecimal() for k in names):
        return None
    return tuple(str(names[key]) for key in sorted(names, key=int))


def example(folder: Path) -> str:
    """One convolution, traced, as a bundle."""
    script = Path(torchscript.example(folder))
    for name in ("models", "configs"):
        (folder / name).mkdir()
    script.rename(folder / "models" / "model.ts")
    space = {"num_channels": 3, "spatial_shape": ["32*n", "32*n"], "value_range": [0, 1]}
    classes = {"0": "background", "1": "nucleus"}
    answer = {"format": "segmentation", "spatial_shape": ["32*n", "32*n"], "channel_def": classes}
    form = {"inputs": {"image": space}, "outputs": {"pred": answer}}
    said = {"name": "example", "network_data_format": form}
    (folder / _METADATA).write_text(json.dumps(said))
    return str(folder)
