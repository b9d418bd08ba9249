"""Folders as the Hugging Face hub keeps them: ``config.json`` beside the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.bounded import number, numbers, read_json, whole
from wsi_scale.networks.described.description import Description, load_described_network
from wsi_scale.networks.described.input_steps import InputSteps
from wsi_scale.networks.described.readme import license_of
from wsi_scale.networks.described.transformers_model import build_of_transformers
from wsi_scale.networks.sources import timm as timm_source
from wsi_scale.networks.sources.assemble import assemble, call_factory, import_optional
from wsi_scale.networks.spec import Spec, parse_spec
from wsi_scale.networks.trust import refuse_files

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "huggingface"
GRAMMAR = "FOLDER of Hugging Face (config.json + model.safetensors), of timm or transformers"
ORDER = 33

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_FIXED = ("vit", "deit", "beit", "data2vec-vision", "vit_msn", "vit_mae")
"""Transformers that take one patch side only."""
_BY_PATCH = ("dinov2", "dinov2_with_registers", "dinov3_vit")
"""Transformers that take any multiple of their patch."""


def accepts(spec: str) -> bool:
    """True for a folder, or its config.json, that names an architecture of timm or transformers."""
    path = _config_of(spec.partition("?")[0])
    with suppress(NetworkError):
        return path is not None and bool({"architecture", "model_type"} & set(read_json(path)))
    return False


def _config_of(target: str) -> Path | None:
    path = Path(target)
    if target and os.path.isdir(path):
        path = path / "config.json"
    return path if path.name == "config.json" and os.path.isfile(path) else None


def load(spec: str, card: Card | None = None) -> Network:
    """The library's own architecture with the folder's weights; code in the folder is not run.

    The query's other keys go to ``timm.create_model``.
    """
    asked = parse_spec(spec)
    path = _config_of(asked.target)
    if path is None:
        raise NetworkError(f"{spec}: there is no config.json")
    if asked.arguments:
        refuse_files(asked, card)
    said = read_json(path)
    weights = _weights_of(asked, path.parent)
    if "model_type" in said and "architecture" not in said:
        asked.refuse_arguments("a model of transformers")
        description = describe_transformers(said, path)
        return load_described_network(
            asked,
            card,
            description,
            lambda settled: build_of_transformers(asked, said, path, weights, settled),
        )
    module = _of_timm(asked, said, path)
    description = describe_timm(said, path, timm_source.configuration_of(module))
    return load_described_network(
        asked,
        card,
        description,
        lambda settled: assemble(
            asked, module, settled.model_copy(update={"weights": str(weights)})
        ),
    )


def _weights_of(asked: Spec, folder: Path) -> Path:
    """The file of weights, or the index of several; ``weights=`` names another."""
    named = asked.overrides.get("weights")
    if named:
        return Path(named)
    for name in _WEIGHTS:
        if os.path.isfile(folder / name):
            return folder / name
    raise NetworkError(
        f"{folder} holds a config.json but none of {', '.join(_WEIGHTS)}; download the whole folder"
    )


def _of_timm(asked: Spec, said: Mapping[str, Any], path: Path) -> Any:
    """A model of timm with random weights, as the config asks."""
    timm = import_optional("timm", asked)
    name = said.get("architecture")
    if not isinstance(name, str) or ":" in name or not timm.is_model(name.partition(".")[0]):
        raise NetworkError(
            f"{path}: timm has no model {name!r}; install the release of timm that it was made "
            "with, or give the network as module:factory?weights=FILE"
        )
    arguments: dict[str, Any] = {"model_name": name.partition(".")[0], "pretrained": False}
    for key in ("num_classes", "global_pool"):
        if said.get(key) is not None:
            arguments[key] = said[key]
    stated = _stated(said)
    if stated:
        arguments["pretrained_cfg"] = {k: v for k, v in stated.items() if k in _CONFIGURATION}
    inner = said.get("model_args") or {}
    if not isinstance(inner, dict):
        raise NetworkError(f"{path}: model_args are not keys and values")
    for key in _FETCHING:
        if key in inner:
            raise NetworkError(f"{path}: model_args name {key}, which could fetch other weights")
    return call_factory(asked, timm.create_model, {**inner, **arguments, **asked.arguments})


_FETCHING = (
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir",
    "model_name",
)  # fmt: skip


_CONFIGURATION = (
    "input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std",
    "num_classes", "pool_size", "first_conv", "classifier", "architecture",
)  # fmt: skip
"""Keys of timm's configuration that describe, and fetch nothing."""


def _stated(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a config of timm says about the input; older files say it at the top."""
    inner = said.get("pretrained_cfg")
    return inner if isinstance(inner, dict) else said


def describe_timm(said: Mapping[str, Any], path: Path, known: Mapping[str, Any]) -> Description:
    """What timm's ``config.json`` says; ``known``: what timm makes of it."""
    labels = said.get("label_names") or _stated(said).get("label_names")
    stated = _stated(said).get("license")
    licence = {"license": stated} if isinstance(stated, str) else {}
    names = tuple(map(str, labels)) if isinstance(labels, list) and labels else None
    return Description(
        "timm's config",
        path,
        {"name": path.parent.resolve().name, **known, **licence, **license_of(path.parent)},
        names,
        (f"architecture {said['architecture']} of timm",),
    )


def describe_transformers(said: Mapping[str, Any], path: Path) -> Description:
    """What transformers' ``config.json`` and ``preprocessor_config.json`` say."""
    kind = str(said.get("model_type"))
    card: dict[str, Any] = {"name": path.parent.resolve().name, **license_of(path.parent)}
    if kind in _FIXED and isinstance(said.get("image_size"), int):
        card["input_size"] = whole(said["image_size"], f"{path}: image_size")
    elif kind in _BY_PATCH and isinstance(said.get("patch_size"), int):
        card["stride"] = whole(said["patch_size"], f"{path}: patch_size")
    notes = []
    beside = path.with_name("preprocessor_config.json")
    if os.path.isfile(beside):
        card |= _preprocessor(read_json(beside), beside)
    else:
        notes.append("without a preprocessor_config.json, it is shown 0–1")
    return Description(
        "transformers' config", path, card, _labels(said), (f"model type {kind}",), tuple(notes)
    )


def _preprocessor(said: Mapping[str, Any], path: Path) -> dict[str, Any]:
    steps = InputSteps(str(path))
    if said.get("do_rescale", True):
        factor = said.get("rescale_factor", 1 / 255)
        steps.linear(number(factor, f"{path}: rescale_factor"), 0)
    if said.get("do_normalize", True) and said.get("image_mean") is not None:
        mean, std = (
            numbers(said.get(key), f"{path}: {key}") for key in ("image_mean", "image_std")
        )
        steps.centre(mean, std)
    return steps.card_keys()


def _labels(said: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Names by number, unless they are transformers' own ``LABEL_0``, ``LABEL_1``, …"""
    labels = said.get("id2label")
    if not isinstance(labels, dict) or not labels:
        return None
    try:
        ordered = [str(labels[key]) for key in sorted(labels, key=int)]
    except ValueError:
        return None
    return None if ordered[0] == "LABEL_0" else tuple(ordered)


def example(folder: Path) -> str:
    """A small residual network of timm, with random weights."""
    from safetensors.torch import save_file

    said = {"architecture": "resnet10t", "num_classes": 3, "pretrained_cfg": {"mean": [0.5] * 3}}
    (folder / "config.json").write_text(json.dumps(said))
    with suppress(NetworkError):  # without timm, the contract test reads how to install it
        module = _of_timm(parse_spec(str(folder)), said, folder / "config.json")
        save_file(module.state_dict(), folder / "model.safetensors")
    if not os.path.exists(folder / "model.safetensors"):
        (folder / "model.safetensors").touch()
    return str(folder)
