"""ONNX files, run by onnxruntime: ``network.onnx``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.networks.card import Card
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.identity import hash_file
from wsi_scale.networks.sources.assemble import import_optional, settle
from wsi_scale.networks.spec import parse_spec

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "onnx"
GRAMMAR = "FILE.onnx (ONNX)"
ORDER = 40

Texts = tuple[str, ...]

_ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


def accepts(spec: str) -> bool:
    """True for a path ending in .onnx."""
    return spec.partition("?")[0].lower().endswith(".onnx")


def load(spec: str, card: Card | None = None) -> Network:
    """The network of an ONNX file; its convolutions, BatchNorms and sums can be heard.

    A softmax or sigmoid at its end is left out, so that logits are measured.
    """
    from dataclasses import replace

    from wsi_scale.networks.build import build_network

    asked = parse_spec(spec)
    asked.refuse_arguments("an ONNX file")
    asked.refuse_weights("an ONNX file")
    for library in ("onnx", "onnxruntime"):
        import_optional(library, asked, "onnx")
    path = Path(asked.target)
    stated = settle(asked, card)
    sha256 = hash_file(path, stated.sha256)
    module, known, read_as, notes = _read(path, stated)
    settled = settle(asked, card, known)
    network = build_network(spec, module, settled, sha256=sha256)
    return replace(network, read_as=read_as, notes=notes)


def _read(path: Path, stated: Card) -> tuple[Any, dict[str, Any], Texts, Texts]:
    """The module, what the file says as keys of a card, how it was read, and notes."""
    from wsi_scale.networks.described.onnx_graph import (
        WANTED,
        Graph,
        folded_note,
        read_model,
        taps_of,
    )
    from wsi_scale.networks.described.onnx_head import head_of
    from wsi_scale.networks.described.onnx_input import input_of
    from wsi_scale.networks.described.onnx_module import OnnxModule

    model = read_model(path)
    graph = Graph(model, path)
    wanted = input_of(graph)
    known: dict[str, Any] = {"channels": wanted.channels}
    if wanted.side is not None:
        known["input_size"] = wanted.side
    if wanted.dtype.__name__ == "uint8":
        known["scaling"] = "byte"
    outputs = list(graph.outputs)
    read_as, note = [], folded_note(graph)
    last = graph.maker.get(graph.before(outputs[0]))
    if last is not None and last.op_type in _ACTIVATIONS and stated.output == "logits":
        outputs[0] = last.input[0]
        known["activation"] = _ACTIVATIONS[last.op_type]
        read_as.append(f"its last step, {last.op_type}, is left out, so that its logits are heard")
    taps = taps_of(graph, {graph.before(name) for name in outputs})
    head = None if wanted.channels_last else head_of(graph, outputs[0], [t.name for t in taps])
    if head is not None:
        taps = [tap for tap in taps if graph.before(outputs[0]) != tap.tensor]
    with parsing(path, WANTED):  # torch's modules and onnxruntime refuse what does not fit together
        module = OnnxModule(model, str(path.resolve().parent), wanted, outputs, taps, head)
    return module, known, tuple(read_as), ((note,) if note else ())


def example(folder: Path) -> str:
    """A convolution, BatchNorm, the mean over all pixels, a linear layer, for any side."""
    import numpy as np

    path = folder / "example.onnx"
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:  # the contract test then reads how to install it
        path.touch()
        return str(path)
    rng = np.random.default_rng(0)
    shapes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "norm.weight": (4,)}
    shapes |= {f"norm.{key}": (4,) for key in ("bias", "running_mean", "running_var")}
    shapes |= {"head.weight": (2, 4), "head.bias": (2,)}
    stored = [
        numpy_helper.from_array(rng.random(shape, np.float32) + 0.1, name)
        for name, shape in shapes.items()
    ]
    norm = [f"norm.{key}" for key in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["a"], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["a", *norm], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "head.weight", "head.bias"], ["logits"], transB=1),
    ]
    image = helper.make_tensor_value_info("image", 1, ["n", 3, "h", "w"])
    logits = helper.make_tensor_value_info("logits", 1, ["n", 2])
    graph = helper.make_graph(nodes, "example", [image], [logits], stored)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return str(path)
