"""The last layer of an ONNX graph, where it alone makes the logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from wsi_scale.networks.described.onnx_graph import (
    Graph,
    Tap,
    attributes_of,
    convolution,
    name_of,
)

Linear = tuple[str, str, dict[str, NDArray[Any]]]


def head_of(graph: Graph, output: str, taken: Sequence[str]) -> Tap | None:
    """The last layer, if it alone makes the logits: a convolution or a matrix; else None."""
    name = graph.before(output)
    node = graph.maker.get(name)
    if node is None:
        return None
    used = set(taken)
    if node.op_type == "Conv":
        found = convolution(graph, node, exact=True)
        if found is None:
            return None
        return Tap(name_of(node, node.input[1], ".weight", used), "head", node.input[0], *found)
    linear = _gemm(graph, node) or _product(graph, node)
    if linear is None:
        return None
    tensor, weight_name, values = linear
    return Tap(name_of(node, weight_name, ".weight", used), "linear", tensor, values)


def _gemm(graph: Graph, node: Any) -> Linear | None:
    if node.op_type != "Gemm":
        return None
    said = attributes_of(node)
    weight = graph.constant(node.input[1])
    plain = said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA", 0)
    if weight is None or weight.ndim != 2 or not plain:
        return None
    values = {"weight": weight if said.get("transB", 0) else weight.T}
    if len(node.input) > 2 and node.input[2]:
        bias = graph.constant(node.input[2])
        if bias is None or bias.size != len(values["weight"]):
            return None
        values["bias"] = bias.reshape(-1)
    return node.input[0], node.input[1], values


def _product(graph: Graph, node: Any) -> Linear | None:
    """x · W, or x · W + b."""
    bias = None
    if node.op_type == "Add":
        for one, other in (node.input, reversed(node.input)):
            if graph.is_constant(one) and other in graph.maker:
                bias, node = graph.constant(one), graph.maker[other]
                break
        else:
            return None
    if node.op_type != "MatMul":
        return None
    weight = graph.constant(node.input[1])
    if weight is None or weight.ndim != 2:
        return None
    values = {"weight": weight.T}
    if bias is not None:
        if bias.size != weight.shape[1]:
            return None
        values["bias"] = bias.reshape(-1)
    return node.input[0], node.input[1], values
