"""What an ONNX graph takes: its layout, type and sizes, and batches of that kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.onnx_graph import Graph, attributes_of
from wsi_scale.networks.wording import listed

_TYPES = {1: np.float32, 2: np.uint8, 10: np.float16, 11: np.float64}  # of TensorProto


@dataclass(frozen=True)
class OnnxInput:
    """The only image that a graph takes."""

    name: str
    dtype: type[Any]
    channels: int
    """3 or 1."""
    channels_last: bool
    """True for (N, H, W, C)."""
    side: int | None
    """Fixed patch side in px; None = any."""
    batch: int | None
    """Fixed number of patches; None = any."""

    def take(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """(N, C, H, W) in this layout and type; bytes are rounded."""
        if self.channels_last:
            x = x.transpose(0, 2, 3, 1)
        if self.dtype is np.uint8:
            x = x.round().clip(0, 255)
        return np.ascontiguousarray(x.astype(self.dtype, copy=False))

    def batches(self, x: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """The batch, or parts of the fixed size; the last is filled up with its last patch."""
        if self.batch is None or self.batch == len(x):
            yield x
            return
        for start in range(0, len(x), self.batch):
            part = x[start : start + self.batch]
            yield np.concatenate([part, *[part[-1:]] * (self.batch - len(part))])


def input_of(graph: Graph) -> OnnxInput:
    """The image that a graph takes. Raises NetworkError for other inputs."""
    path = graph.path
    if len(graph.inputs) != 1:
        names = listed(one.name for one in graph.inputs)
        raise NetworkError(f"{path} takes {len(graph.inputs)} inputs ({names}), not one image")
    given = graph.inputs[0]
    tensor = given.type.tensor_type
    sizes = [axis.dim_value or None for axis in tensor.shape.dim]
    if len(sizes) != 4:
        shape = listed(str(size or "?") for size in sizes)
        raise NetworkError(
            f"{path} takes {given.name} of shape ({shape}), not images (N, C, H, W) or (N, H, W, C)"
        )
    if tensor.elem_type not in _TYPES:
        raise NetworkError(f"{path} takes {given.name} of a type that is no image; use float32")
    last = _channels_last(graph, sizes)
    channels = sizes[3 if last else 1] or _channels_of_weights(graph) or 3
    if channels not in (1, 3):
        raise NetworkError(
            f"{path} takes images of {channels} channels; only 1 (grey) and 3 (RGB) can be shown"
        )
    sides = set(sizes[1:3] if last else sizes[2:4])
    if len(sides - {None}) > 1:
        raise NetworkError(f"{path} takes patches that are not square: {sizes} px")
    side = next(iter(sides - {None}), None)
    return OnnxInput(given.name, _TYPES[tensor.elem_type], channels, last, side, sizes[0])


def _channels_last(graph: Graph, sizes: list[int | None]) -> bool:
    """Where the sizes leave it open, a first transposition to channels first tells."""
    first, last = sizes[1] in (1, 3), sizes[3] in (1, 3)
    if first != last:
        return last
    name = graph.inputs[0].name
    for node in graph.nodes:
        if node.op_type == "Transpose" and name in node.input:
            return list(attributes_of(node).get("perm", ())) == [0, 3, 1, 2]
    return False


def _channels_of_weights(graph: Graph) -> int | None:
    for node in graph.nodes:
        if node.op_type == "Conv":
            weight = graph.constant(node.input[1])
            return None if weight is None else int(weight.shape[1])
    return None
