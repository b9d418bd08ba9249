"""BioImage.IO's processing steps as keys of a card; what is not understood is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.bioimage_tensors import Described
from wsi_scale.networks.described.bounded import number, numbers
from wsi_scale.networks.described.input_steps import InputSteps

Arguments = Mapping[str, Any]
_TYPES = ("float32", "float64", "float16")


def input_keys(tensor: Described, path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Scaling, mean and std of a card, and notes."""
    where = f"{path}: {tensor.name}"
    steps, notes = InputSteps(where), []
    stated = _range(tensor)
    if stated == (0.0, 1.0):
        steps.linear(1 / 255, 0)
    known = {
        "scale_linear": _scale_linear,
        "zero_mean_unit_variance": _zero_mean,
        "fixed_zero_mean_unit_variance": _fixed,
        "scale_range": _scale_range,
    }
    for number_, (name, said) in enumerate(tensor.steps):
        if name in ("ensure_dtype", "cast"):
            kind = said.get("dtype", "float32")
            if kind not in _TYPES and number_ > 0:
                raise _refusal(where, f"{name} to {kind}")
        elif name == "clip":
            low, high = number(said.get("min", 0), where), number(said.get("max", 255), where)
            if number_ or low > 0 or high < 255:
                raise _refusal(where, f"clip to {low:g} … {high:g}")
        elif name in known:
            known[name](steps, said, where)
            if said.get("mode") == "per_dataset":
                notes.append(f"{name} by data set is done patch by patch")
        else:
            raise _refusal(where, name)
    if not tensor.steps and stated is None and "int" not in str(tensor.data.get("type")):
        notes.append("it states no preprocessing and no range, so 0–255 is shown as it is")
    return steps.card_keys(), tuple(notes)


def _refusal(where: str, step: str) -> NetworkError:
    return NetworkError(
        f"{where}: the step {step} is not understood; describe the network in a card.toml with "
        "source = the file of weights"
    )


def _range(tensor: Described) -> tuple[float, float] | None:
    """The stated range of values; None without one, or without both ends."""
    stated = tensor.data.get("range")
    if not isinstance(stated, list) or len(stated) != 2:
        return None
    if not all(isinstance(x, int | float) and abs(x) < 1e30 for x in stated):
        return None
    return float(stated[0]), float(stated[1])


def _scale_linear(steps: InputSteps, said: Arguments, where: str) -> None:
    what = f"{where}: scale_linear"
    gain = numbers(said.get("gain", 1.0), f"{what}.gain")
    steps.linear(gain, numbers(said.get("offset", 0.0), f"{what}.offset"))


def _fixed(steps: InputSteps, said: Arguments, where: str) -> None:
    what = f"{where}: zero_mean_unit_variance"
    steps.centre(*(numbers(said.get(key), f"{what}.{key}") for key in ("mean", "std")))


def _zero_mean(steps: InputSteps, said: Arguments, where: str) -> None:
    if said.get("mode") == "fixed" or "mean" in said:
        return _fixed(steps, said, where)
    return steps.standardise(together=_together(said))


def _scale_range(steps: InputSteps, said: Arguments, where: str) -> None:
    if said.get("reference_tensor") is not None:
        raise _refusal(where, "scale_range by another tensor")
    low, high = (
        number(said.get(key, usual), f"{where}: scale_range.{key}")
        for key, usual in (("min_percentile", 0.0), ("max_percentile", 100.0))
    )
    steps.stretch(low, high, together=_together(said))


def _together(said: Arguments) -> bool:
    """Whether a step takes its statistics over the channels too; without axes it takes all."""
    axes = said.get("axes")
    return axes is None or "c" in axes or "channel" in axes


def output_keys(tensor: Described) -> dict[str, Any]:
    """Activation of a card, from what is done after the network or the range it answers in."""
    after = [name for name, _ in tensor.steps]
    for name in ("softmax", "sigmoid"):
        if name in after:
            return {"activation": name}
    if _range(tensor) == (0.0, 1.0) and not after:
        return {"activation": "sigmoid", "output": "probabilities"}
    return {}
