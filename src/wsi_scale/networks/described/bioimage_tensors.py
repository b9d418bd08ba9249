"""BioImage.IO's description of a model, spec 0.4 and 0.5, as plain values of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.bounded import entries, positive, whole
from wsi_scale.networks.wording import listed

FILES = ("rdf.yaml", "bioimageio.yaml", "rdf.yml", "bioimageio.yml", "model.yaml")

_UM = {
    "micrometer": 1.0,
    "nanometer": 1e-3,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
    "angstrom": 1e-4,
    "picometer": 1e-6,
    "inch": 25400.0,
}
_SPACE = ("y", "x")
_ALIKE = 1.02  # µm/px of y and x may differ by this factor and count as one


@dataclass(frozen=True)
class TensorAxis:
    """One axis of a tensor."""

    id: str
    """``batch``, ``channel``, ``y``, ``x``, or any other."""
    size: Any = None
    """A number, ``{"min", "step"}``, or None where it follows from another tensor."""
    names: tuple[str, ...] = ()
    """Of the channels, if they are named."""
    um_per_px: float | None = None
    """Of an axis in space; None if not stated."""


@dataclass(frozen=True)
class Described:
    """One tensor, an input or an output."""

    name: str
    axes: tuple[TensorAxis, ...]
    steps: tuple[tuple[str, Mapping[str, Any]], ...]
    """Names and arguments of what is done before an input, or after an output."""
    data: Mapping[str, Any]
    """``type`` and ``range`` of its values, if stated."""

    @property
    def order(self) -> tuple[str, ...]:
        """Names of its axes."""
        return tuple(axis.id for axis in self.axes)

    def axis(self, name: str) -> TensorAxis | None:
        """The axis of a name; None without one."""
        return next((axis for axis in self.axes if axis.id == name), None)


def tensors(said: Mapping[str, Any], path: Path, key: str) -> tuple[Described, ...]:
    """The inputs or outputs that a description lists, whichever spec it follows."""
    found = []
    for number, one in enumerate(entries(said.get(key), f"{path}: {key}")):
        name = str(one.get("id") or one.get("name") or f"{key}[{number}]")
        where = f"{path}: {name}"
        axes = one.get("axes")
        known = _axes_04(one, axes, where) if isinstance(axes, str) else _axes_05(axes, where)
        steps = tuple(
            (str(step.get("id") or step.get("name")), _arguments(step, where))
            for role in ("preprocessing", "postprocessing")
            for step in entries(one.get(role), f"{where}: {role}")
        )
        found.append(Described(name, known, steps, _data(one)))
    if not found:
        raise NetworkError(f"{path} lists no {key}, so it is no model of BioImage.IO")
    return tuple(found)


def _arguments(step: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    found = step.get("kwargs") or {}
    if not isinstance(found, dict):
        raise NetworkError(f"{where}: kwargs of {step.get('id') or step.get('name')} are no keys")
    return found


def _data(one: Mapping[str, Any]) -> dict[str, Any]:
    """0.5: ``data: {type, range}``; 0.4: ``data_type`` and ``data_range``."""
    data = one.get("data")
    known = dict(data) if isinstance(data, dict) else {}
    for old, new in (("data_type", "type"), ("data_range", "range")):
        if old in one:
            known.setdefault(new, one[old])
    return known


def _axes_04(one: Mapping[str, Any], axes: str, where: str) -> tuple[TensorAxis, ...]:
    """``axes: bcyx`` with ``shape``: a list, or lists ``min`` and ``step``."""
    shape = one.get("shape")
    sizes: list[Any] = [None] * len(axes)
    if isinstance(shape, dict) and "min" in shape:
        low, step = shape["min"], shape.get("step") or [0] * len(axes)
        if not all(isinstance(x, list) and len(x) == len(axes) for x in (low, step)):
            raise NetworkError(f"{where}: min and step do not fit the axes {axes}")
        sizes = [{"min": a, "step": b} if b else a for a, b in zip(low, step, strict=True)]
    elif isinstance(shape, list):
        if len(shape) != len(axes):
            raise NetworkError(f"{where}: {len(shape)} sizes do not fit the axes {axes}")
        sizes = shape
    full = {"b": "batch", "c": "channel"}
    return tuple(TensorAxis(full.get(a, a), size) for a, size in zip(axes, sizes, strict=True))


def _axes_05(axes: Any, where: str) -> tuple[TensorAxis, ...]:
    """A list of ``{type, id, size, scale, unit, channel_names}``."""
    found = []
    for one in entries(axes, f"{where}: axes"):
        kind = one.get("type")
        usual = {"batch": "batch", "channel": "channel", "space": "x", "time": "time"}
        name = str(one.get("id") or usual.get(str(kind), kind))
        if kind in ("batch", "channel"):
            name = str(kind)
        named = one.get("channel_names")
        names = tuple(map(str, named)) if isinstance(named, list) else ()
        size = one.get("size")
        if isinstance(size, dict) and "min" not in size:
            size = None  # as another tensor's
        um = None
        if kind == "space" and one.get("unit") is not None:
            unit = _UM.get(str(one["unit"]))
            if unit is not None:
                um = unit * positive(one.get("scale", 1.0), f"{where}: scale of {name}")
        found.append(TensorAxis(name, len(names) or size, names, um))
    if not found:
        raise NetworkError(f"{where}: no axes are described")
    return tuple(found)


def channels_of(tensor: Described, path: Path) -> int:
    """1 or 3. Raises NetworkError for other numbers and for images with further axes."""
    known = {"batch", "channel", *_SPACE}
    others = [axis.id for axis in tensor.axes if axis.id not in known and axis.size != 1]
    if others or not set(_SPACE) <= set(tensor.order) or "batch" not in tensor.order:
        raise NetworkError(
            f"{path}: {tensor.name} has the axes {listed(tensor.order)}; only batches of plane "
            "images (batch, channel, y, x) can be shown"
        )
    axis = tensor.axis("channel")
    size = 1 if axis is None else axis.size
    if isinstance(size, dict):
        size = size.get("min")
    if size not in (1, 3):
        raise NetworkError(
            f"{path}: {tensor.name} has {size} channels; only 1 (grey) and 3 (RGB) can be shown"
        )
    return int(size)


def sizes_of(tensor: Described, path: Path) -> dict[str, Any]:
    """``input_size`` or ``stride`` of a card, from the sizes of y and x.

    A side min + k · step is a multiple of step if min is one; else the first side from 96 px up
    is taken as fixed.
    """
    found = []
    for name in _SPACE:
        axis = tensor.axis(name)
        assert axis is not None
        what = f"{path}: size of {name}"
        if not isinstance(axis.size, dict):
            found.append({} if axis.size is None else {"input_size": whole(axis.size, what)})
            continue
        low, step = whole(axis.size.get("min"), what), whole(axis.size.get("step", 0), what, 0)
        if step == 0:
            found.append({"input_size": low})
        elif low % step == 0 and low <= 96:
            found.append({"stride": step})
        else:
            found.append({"input_size": low + -(-max(0, 96 - low) // step) * step})
    if found[0] != found[1]:
        raise NetworkError(f"{path}: {tensor.name} is not square: {found[0]} and {found[1]}")
    return found[0]


def mpp_of(tensor: Described) -> tuple[float | None, str]:
    """µm/px of y and x, and a note if they are stated but cannot be used."""
    um = [axis.um_per_px for axis in tensor.axes if axis.id in _SPACE]
    stated = [one for one in um if one is not None]
    if len(stated) < 2:
        return None, ""
    if max(stated) / min(stated) > _ALIKE:
        return None, f"µm/px of y and x differ ({stated[0]:g}, {stated[1]:g}), so neither is used"
    return (stated[0] * stated[1]) ** 0.5, ""
