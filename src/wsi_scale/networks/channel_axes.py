"""Where channels and pixels lie in a tensor: before or after each other, as a map or as tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

if TYPE_CHECKING:
    from wsi_scale.networks.probe import Call

_MOST_LEADING = 16  # class and register tokens; published encoders have at most 9
_LAST = (nn.Linear, nn.LayerNorm)  # exactly these: timm's LayerNorm2d puts channels first
_FIRST = (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm, nn.ConvTranspose2d)


class TensorAxes(NamedTuple):
    """How a layer's tensor is arranged; patches are always on the first axis."""

    channels: int | None = None
    """Axis of the channels; None: judged from the shape by ``channel_axis``."""
    leading: int = 0
    """Class and register tokens, which come first and belong to no place in the patch."""


BY_SHAPE = TensorAxes()
"""Of a tensor about which nothing else is known."""


def channel_axis(shape: Sequence[int]) -> int:
    """Axis of a layer's channels. Patches are square, so two equal sides are the pixels.

    >>> channel_axis((8, 64)), channel_axis((8, 64, 7, 7))
    (1, 1)
    >>> channel_axis((8, 196, 64)), channel_axis((8, 7, 7, 64))  # tokens; channels last
    (2, 3)
    """
    if len(shape) == 4:
        return 3 if shape[1] == shape[2] != shape[3] else 1
    return len(shape) - 1


def axes_of(shape: Sequence[int], grids: Iterable[int], module: nn.Module | None) -> TensorAxes:
    """The axes of a tensor that a module takes or gives, found once, in the trial run.

    grids: numbers of places, h·w, of all maps in the network. Tokens beyond the nearest one are
    class and register tokens.

    >>> axes_of((2, 197, 64), {196}, None), axes_of((2, 201, 64), {196}, None)
    (TensorAxes(channels=2, leading=1), TensorAxes(channels=2, leading=5))
    >>> axes_of((2, 7, 7, 7), (), nn.LayerNorm(7))
    TensorAxes(channels=3, leading=0)
    """
    axis = channel_axis(shape)
    if len(shape) == 4 and type(module) in _LAST:
        axis = 3
    elif len(shape) == 4 and type(module) in _FIRST:
        axis = 1
    beyond = [shape[1] - places for places in grids] if len(shape) == 3 else []
    return TensorAxes(axis, min((x for x in beyond if 0 <= x <= _MOST_LEADING), default=0))


def grids_of(calls: Iterable[Call]) -> set[int]:
    """Numbers of places, h·w, of the maps that the network makes."""
    maps = [call.gives for call in calls if call.gives is not None and len(call.gives) == 4]
    return {shape[2] * shape[3] for shape in maps if shape[2] == shape[3] > 1}
