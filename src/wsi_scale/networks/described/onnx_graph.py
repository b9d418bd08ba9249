"""An ONNX graph read without running it: its input, its constants, where it can be heard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.described.bounded import file_inside
from wsi_scale.networks.wording import brief

KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators of ONNX and of onnxruntime itself; any other needs a library of the file's author."""

WANTED = "an ONNX file"
_LEAST_INPUTS = {"Conv": 2, "ConvTranspose": 2, "BatchNormalization": 5, "Gemm": 2, "MatMul": 2}
_LEAST_INPUTS |= {"Identity": 1, "Cast": 1, "Add": 2, "Softmax": 1, "Sigmoid": 1}
_PASSING = ("Identity", "Cast")
_CONVOLUTIONS = ("Conv", "ConvTranspose")
_ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu", "Elu", "Gelu", "HardSwish", "Clip", "Mish")
_FEW = 4  # fewer convolutions or sums than this do not show how an image passes through


@dataclass(frozen=True)
class Tap:
    """One place of the graph that can be heard."""

    name: str
    """Dotted, as the module was called before it was exported, where the file still says so."""
    kind: str
    """``batchnorm``, ``convolution`` or ``plain``; ``head`` or ``linear`` for the last layer."""
    tensor: str
    """The tensor that is heard: the input of a BatchNorm or a head, the output of all others."""
    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Weights and statistics, under torch's names."""
    options: dict[str, Any] = field(default_factory=dict)
    """A convolution's geometry, under torch's names."""


class Graph:
    """Nodes and constants of a model, by the names of tensors.

    model: an onnx ``ModelProto`` without its external data. folder: where that lies.
    """

    def __init__(self, model: Any, path: Path) -> None:
        self.path = path
        self.nodes = list(model.graph.node)
        self.maker = {name: node for node in self.nodes for name in node.output if name}
        self.users = Counter(name for node in self.nodes for name in node.input if name)
        self._stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.inputs = [one for one in model.graph.input if one.name not in self._stored]
        self.outputs = [one.name for one in model.graph.output]

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of a tensor that does not depend on the image; None for one that may."""
        for _ in range(len(self.nodes) + 1):
            if name in self._stored:
                return self._value(self._stored[name])
            node = self.maker.get(name)
            if node is None:
                return None
            if node.op_type == "Constant":
                value = next((a.t for a in node.attribute if a.name == "value"), None)
                return None if value is None else self._value(value)
            if node.op_type != "Identity":
                return None
            name = node.input[0]
        return None

    def _value(self, tensor: Any) -> NDArray[Any]:
        from onnx import numpy_helper

        with parsing(self.path, WANTED):
            return np.asarray(numpy_helper.to_array(tensor, str(self.path.parent)))

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is stored in the file, without reading it."""
        node = self.maker.get(name)
        while node is not None and node.op_type == "Identity":
            name = node.input[0]
            node = self.maker.get(name)
        return name in self._stored or (node is not None and node.op_type == "Constant")

    def before(self, name: str) -> str:
        """The tensor itself, with copies and casts before it taken away."""
        for _ in range(len(self.nodes)):
            node = self.maker.get(name)
            if node is None or node.op_type not in _PASSING:
                break
            name = node.input[0]
        return name


def read_model(path: Path) -> Any:
    """The model of a file, without its external data. Raises NetworkError for what is refused."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise NetworkError(f"{path} is not {WANTED}: {brief(error)}") from error
    _check_nodes(model, path)
    if not (model.graph.node and model.graph.output and model.opset_import):
        raise NetworkError(
            f"{path} is not an ONNX file of a network: it holds no operators or no output"
        )
    _refuse_libraries(model, path)
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            place = {entry.key: entry.value for entry in tensor.external_data}
            file_inside(path.parent, place.get("location", ""), path)
    return model


def _refuse_libraries(model: Any, path: Path) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        if node.domain not in KNOWN_DOMAINS and (node.domain, node.op_type) not in own:
            raise NetworkError(
                f"{path} uses {node.op_type} of {node.domain!r}, which only a library of its "
                "author can compute, and none is loaded; export it with standard operators"
            )


def _check_nodes(model: Any, path: Path) -> None:
    """Refuse names that are no text, and operators without the tensors that they must have."""
    graph = model.graph
    with parsing(path, WANTED):
        for one in (*graph.input, *graph.output, *graph.initializer):
            _check_text(one.name)
        for node in graph.node:
            _check_text(node.op_type, node.name, node.domain, *node.input, *node.output)
            if not node.output:
                raise ValueError(f"the operator {node.name!r} has no output")
            if len(node.input) < _LEAST_INPUTS.get(node.op_type, 0):
                raise ValueError(f"the {node.op_type} {node.name!r} lacks an input")
            attributes_of(node)


def _check_text(*names: Any) -> None:
    """Names of a damaged file are bytes."""
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"the name {name!r} is no text")


def _nodes(model: Any) -> Iterator[Any]:
    """Every operator, also inside branches, loops and functions."""
    waiting = [*model.graph.node, *(node for f in model.functions for node in f.node)]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting += graph.node


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from graph.initializer


def attributes_of(node: Any) -> dict[str, Any]:
    """A node's attributes as plain values."""
    from onnx.helper import get_attribute_value

    return {one.name: get_attribute_value(one) for one in node.attribute}


def taps_of(graph: Graph, outputs: Collection[str]) -> list[Tap]:
    """Where a graph can be heard, in the order in which the image passes.

    Every convolution, BatchNorm, activation and sum of two branches. A network of few
    convolutions is a transformer: then its sums, where one block ends and the next begins, are
    plain places and its patch embedding is too.
    """
    convolutions = sum(node.op_type == "Conv" for node in graph.nodes)
    sums = [node for node in graph.nodes if node.op_type == "Add" and _joins(graph, node)]
    few = convolutions < _FEW
    kinds = {"Conv", "ConvTranspose", "BatchNormalization", "Add"}
    if not few or len(sums) < _FEW:
        kinds |= set(_ACTIVATIONS)
    if few and len(sums) < _FEW:
        kinds |= {"LayerNormalization", "MatMul", "Gemm"}
    taken: set[str] = set()
    taps = []
    for node in graph.nodes:
        if node.op_type not in kinds or (node.op_type == "Add" and not _joins(graph, node)):
            continue
        if node.output[0] in outputs and node.op_type != "BatchNormalization":
            continue  # the network's answer, which is measured as such
        taps.append(_tap(graph, node, few, taken))
    return taps


def _joins(graph: Graph, node: Any) -> bool:
    return not any(graph.is_constant(name) for name in node.input)


def _tap(graph: Graph, node: Any, few: bool, taken: set[str]) -> Tap:
    if node.op_type == "BatchNormalization":
        keys = ("weight", "bias", "running_mean", "running_var")
        values = {k: graph.constant(x) for k, x in zip(keys, node.input[1:5], strict=False)}
        if len(values) == len(keys) and all(v is not None for v in values.values()):
            name = name_of(node, node.input[3], ".running_mean", taken)
            kept = {k: v for k, v in values.items() if v is not None}
            return Tap(name, "batchnorm", node.input[0], kept)
    elif node.op_type == "Conv" and not few:
        found = convolution(graph, node, exact=False)
        if found is not None:
            name = name_of(node, node.input[1], ".weight", taken)
            return Tap(name, "convolution", node.output[0], *found)
    given = node.input[1] if len(node.input) > 1 else ""
    return Tap(name_of(node, given, ".weight", taken), "plain", node.output[0])


def convolution(
    graph: Graph, node: Any, *, exact: bool
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Weights and geometry of a 2-D convolution in torch's terms; None for any other.

    exact: whether one whose bias is computed, not stored, is none either; else it goes without.
    """
    said = attributes_of(node)
    weight = graph.constant(node.input[1])
    pads = list(said.get("pads", (0, 0, 0, 0)))
    if weight is None or weight.ndim != 4 or len(pads) != 4 or pads[:2] != pads[2:]:
        return None
    if said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    values = {"weight": weight}
    if len(node.input) > 2 and node.input[2]:
        bias = graph.constant(node.input[2])
        if bias is not None:
            values["bias"] = bias
        elif exact:
            return None
    return values, {
        "stride": tuple(said.get("strides", (1, 1))),
        "padding": tuple(pads[:2]),
        "dilation": tuple(said.get("dilations", (1, 1))),
        "groups": said.get("group", 1),
    }


def name_of(node: Any, parameter: str, ending: str, taken: set[str]) -> str:
    """A module's dotted name: that of its parameter, else that of the node; never one twice."""
    own = parameter.removesuffix(ending)
    if not parameter.endswith(ending) or "::" in own:
        own = node.name or node.output[0]
    parts = [re.sub(r"\W", "_", part) for part in re.split(r"[/.]", own)]
    name = base = ".".join(part for part in parts if part) or node.op_type
    count = 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name


def folded_note(graph: Graph) -> str:
    """A note on a network whose BatchNorms are not in the file; empty if they are, or may be."""
    kinds = Counter(node.op_type for node in graph.nodes)
    if kinds["BatchNormalization"] or not kinds["Conv"]:
        return ""
    named = [list(node.input[1:3]) for node in graph.nodes if node.op_type == "Conv"]
    renamed = sum("::" in names[0] or names[1:] == [f"{names[0]}_bias"] for names in named)
    if not renamed:
        return ""
    return (
        f"{renamed} of {len(named)} convolutions were rewritten on export, as happens where "
        "BatchNorms are folded into them, so no BatchNorm can be heard; "
        "torch.onnx.export(…, dynamo=True, optimize=False) keeps them"
    )
