"""Which tensor of a network's answer is measured: its only one, a usual one, or one by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from wsi_scale.errors import NetworkError
from wsi_scale.networks.wording import listed

USUAL = ("out", "logits", "last_hidden_state")
"""Names under which libraries return what they predict, or, without a head, their features."""


def find_tensor(answer: Any, who: str, key: str | int | None = None) -> Tensor:
    """The tensor to measure in whatever a network returned.

    Without a key that is the tensor itself; the usual name of a mapping or an object; the only
    tensor there is; or the first element of a tuple or list, but the last one of feature maps whose
    channels differ. A key names an element, or counts from 0; dots go deeper: ``"heads.0"``.
    Raises NetworkError that lists the names there are.
    """
    if key is not None:
        return _named(answer, who, key)
    if isinstance(answer, Tensor):
        return answer
    if isinstance(answer, tuple | list) and not hasattr(answer, "_fields"):
        if answer:
            return find_tensor(answer[-1 if _are_features(answer) else 0], who)
        raise _not_a_tensor(answer, who)
    parts = _parts(answer)
    for usual in USUAL:
        if usual in parts:
            return find_tensor(parts[usual], who)
    tensors = [part for part in parts.values() if isinstance(part, Tensor)]
    if len(tensors) == 1:
        return tensors[0]
    if not parts:
        raise _not_a_tensor(answer, who)
    raise NetworkError(
        f"{who} returned several outputs, {_names(parts)}; name one of them with output=NAME in "
        "the SPEC or output_key in the card"
    )


def _parts(answer: Any) -> dict[str, Any]:
    """What an answer holds, by name: of a mapping, a sequence or an object with attributes."""
    if isinstance(answer, Mapping):
        return {str(name): part for name, part in answer.items() if part is not None}
    if hasattr(answer, "_fields"):
        return dict(zip(answer._fields, answer, strict=True))
    if isinstance(answer, tuple | list):
        return {str(place): part for place, part in enumerate(answer)}
    held = dict(getattr(answer, "__dict__", {}))
    held |= {name: getattr(answer, name) for name in USUAL if hasattr(answer, name)}
    return {name: part for name, part in held.items() if isinstance(part, Tensor)}


def _named(answer: Any, who: str, key: str | int) -> Tensor:
    """The element called ``key``; below it, whatever is usual."""
    rest, found = str(key), answer
    while rest:
        parts = {} if isinstance(found, Tensor) else _parts(found)
        if rest in parts:
            return find_tensor(parts[rest], who)
        name, _, rest = rest.partition(".")
        if name not in parts or not rest:
            there = f"its outputs are {_names(parts)}" if parts else "it returns one tensor"
            raise NetworkError(f"{who} returned no output {str(key)!r}; {there}")
        found = parts[name]
    raise NetworkError(f"{who}: the name of an output is missing; {_names(_parts(answer))}")


def _are_features(answer: Sequence[Any]) -> bool:
    """Whether a list holds one network's stages: maps whose numbers of channels differ."""
    maps = all(isinstance(part, Tensor) and part.ndim == 4 for part in answer)
    return maps and len({part.shape[1] for part in answer}) > 2


def _names(parts: Mapping[str, Any]) -> str:
    """Names with shapes, for people: ``'np' (2, 2, 80, 80)``."""
    return listed(
        f"{name!r} {tuple(part.shape)}" if isinstance(part, Tensor) else repr(name)
        for name, part in parts.items()
    )


def _not_a_tensor(answer: Any, who: str) -> NetworkError:
    return NetworkError(
        f"{who} returned a {type(answer).__name__}, not a tensor of logits; "
        "wrap it in a factory that returns one"
    )
