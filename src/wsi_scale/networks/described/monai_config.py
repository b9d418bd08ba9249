"""A MONAI bundle's JSON, of which only plain values are used: nothing in it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.bounded import entries, number, numbers, positive
from wsi_scale.networks.described.input_steps import InputSteps

_IGNORED = re.compile(
    r"(LoadImage|EnsureChannelFirst|AsChannelFirst|CastToType|EnsureType|ToTensor|ToDevice|"
    r"FromMetaTensor|Identity|RemoveRepeatedChannel)d?"
)
_MULTIPLE = re.compile(r"(\d+)\s*\*\s*n|n\s*\*\s*(\d+)")
_NESTED = 8


def plain(config: Mapping[str, Any], value: Any, where: str, depth: int = 0) -> Any:
    """A value with its references ``@key`` looked up. Raises NetworkError for an expression ``$``.

    >>> plain({"mode": "fast"}, {"mode": "@mode", "width": 8}, "inference.json")
    {'mode': 'fast', 'width': 8}
    """
    if depth > _NESTED:
        raise NetworkError(f"{where}: references lead nowhere")
    if isinstance(value, dict):
        return {k: plain(config, v, where, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(config, v, where, depth + 1) for v in value]
    if isinstance(value, str) and value.startswith("$"):
        raise NetworkError(
            f"{where} holds the expression {value!r}, which is code and is not run; export the "
            "network to TorchScript with `python -m monai.bundle ckpt_export` as models/model.ts"
        )
    if isinstance(value, str) and value.startswith("@"):
        if value[1:] not in config:
            raise NetworkError(f"{where}: {value} is not in the config")
        return plain(config, config[value[1:]], where, depth + 1)
    return value


def steps_of(config: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    """The transforms under ``preprocessing`` or ``postprocessing``; none if they are missing."""
    found = config.get(name)
    if isinstance(found, dict) and "transforms" in found:
        listed = found["transforms"]
        return [one for one in entries(listed, f"{where}: {name}") if not one.get("_disabled_")]
    return []


def input_keys(config: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    """Scaling, mean and std, from the transforms; None if the bundle lists none."""
    listed = steps_of(config, "preprocessing", str(path))
    if not listed:
        return None
    steps = InputSteps(f"{path}: preprocessing")
    for one in listed:
        kind = str(one.get("_target_")).rpartition(".")[2]
        said = {k: v for k, v in one.items() if k not in ("_target_", "keys")}
        where = f"{path}: {kind}"
        if _IGNORED.fullmatch(kind):
            continue
        if kind in ("ScaleIntensityRange", "ScaleIntensityRanged"):
            said = plain(config, said, where)
            ends = [number(said.get(k), f"{where}.{k}") for k in ("a_min", "a_max")]
            new = [number(said.get(k, i), f"{where}.{k}") for i, k in enumerate(("b_min", "b_max"))]
            steps.range(ends[0], ends[1], new[0], new[1])
        elif kind in ("ScaleIntensity", "ScaleIntensityd") and not said:
            steps.stretch(0, 100, together=True)
        elif kind in ("NormalizeIntensity", "NormalizeIntensityd"):
            _normalise(steps, plain(config, said, where), where)
        else:
            raise NetworkError(
                f"{path}: the transform {kind} is not understood; describe the network in a "
                "card.toml with source = the TorchScript file"
            )
    return steps.card_keys()


def _normalise(steps: InputSteps, said: Mapping[str, Any], where: str) -> None:
    if said.get("nonzero"):
        raise NetworkError(f"{where} looks at pixels above 0 only, which a card cannot say")
    if said.get("subtrahend") is None:
        steps.standardise(together=not said.get("channel_wise", False))
    else:
        keys = ("subtrahend", "divisor")
        steps.centre(*(numbers(said.get(key), f"{where}.{key}") for key in keys))


def activation_of(config: Mapping[str, Any], path: Path) -> str | None:
    """The activation that is done after the network; None if none is."""
    for one in steps_of(config, "postprocessing", str(path)):
        if str(one.get("_target_")).rpartition(".")[2] in ("Activations", "Activationsd"):
            for name in ("softmax", "sigmoid"):
                if one.get(name) is True:
                    return name
    return None


def mpp_of(config: Mapping[str, Any], path: Path) -> float | None:
    """µm/px at which a data set of whole slides is read; None if it is not stated by a number."""
    for one in config.values():
        if isinstance(one, dict) and "WSI" in str(one.get("_target_")) and "mpp" in one:
            said = plain(config, one["mpp"], f"{path}: mpp")
            sides = {positive(side, f"{path}: mpp") for side in numbers(said, f"{path}: mpp")}
            return sides.pop() if len(sides) == 1 else None
    return None


def sizes_of(shape: Any) -> dict[str, int]:
    """``input_size`` or ``stride``: of 224, "224" or "16*n"; empty for anything else."""
    if not isinstance(shape, list) or len(shape) != 2 or str(shape[0]) != str(shape[1]):
        return {}
    text = str(shape[0]).strip()
    if text.isdecimal() and int(text) > 0:
        return {"input_size": int(text)}
    found = _MULTIPLE.fullmatch(text)
    step = int(found[1] or found[2]) if found else 0
    return {"stride": step} if step else {}
