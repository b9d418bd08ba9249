"""An ONNX graph as a module of torch, run by onnxruntime and heard through ordinary hooks.

The places that can be heard are submodules. onnxruntime computes the tensors of those that are
listened to; each is then handed to its submodule, whose hooks hear it. The last layer is real, so
that gradients of the logits reach its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.onnx_graph import Tap
from wsi_scale.networks.described.onnx_input import OnnxInput
from wsi_scale.networks.wording import brief

_MOST_SESSIONS = 3  # a session is made for every set of tensors that is asked for


class HeardBatchNorm(nn.BatchNorm2d):
    """A BatchNorm with the file's weights and statistics; hands on what it is handed."""

    def forward(self, x: Tensor) -> Tensor:
        """The input, because onnxruntime has done the work."""
        return x


class HeardConvolution(nn.Conv2d):
    """A convolution with the file's weights; hands on its result."""

    def forward(self, x: Tensor) -> Tensor:
        """The input, which is the convolution's result."""
        return x


class HeardPlace(nn.Module):
    """Any other place of the graph."""

    def forward(self, x: Tensor) -> Tensor:
        """The input."""
        return x


class OnnxModule(nn.Module):
    """Runs a model on the CPU; places that can be heard are submodules."""

    def __init__(
        self,
        model: Any,
        folder: str,
        wanted: OnnxInput,
        outputs: Sequence[str],
        taps: Sequence[Tap],
        head: Tap | None,
    ) -> None:
        super().__init__()
        self._model, self._folder, self._wanted = model, folder, wanted
        self._outputs = tuple(outputs)
        self._head = head
        self._sessions: dict[tuple[str, ...], Any] = {}
        self._places = [(tap, _attach(self, tap)) for tap in taps]
        self._last = None if head is None else (_attach(self, head),)  # not registered twice
        self._session(self._needed())  # says now what onnxruntime cannot run

    def __deepcopy__(self, _: Any) -> OnnxModule:
        raise NetworkError(
            "the weights of an ONNX file cannot be replaced by others; use the network that it "
            "was exported from"
        )

    def forward(self, x: Tensor) -> Any:
        """The output, or a mapping of outputs by name if there are several."""
        heard = [(tap, at) for tap, at in self._places if _is_listened_to(at)]
        names = dict.fromkeys([*self._needed(), *(tap.tensor for tap, _ in heard)])
        values = self._run(tuple(names), x)
        for tap, at in heard:
            at(values[tap.tensor])
        answers = {name: values[name] for name in self._outputs if name in values}
        if self._head is not None and self._last is not None:
            answers[self._outputs[0]] = self._last[0](values[self._head.tensor])
        return answers if len(answers) > 1 else answers[self._outputs[0]]

    def _needed(self) -> tuple[str, ...]:
        """Tensors without which there is no answer."""
        if self._head is None:
            return self._outputs
        return (self._head.tensor, *self._outputs[1:])

    def _run(self, names: tuple[str, ...], x: Tensor) -> dict[str, Tensor]:
        """Tensors by name; channels lie where torch has them if the input's do not."""
        session = self._session(names)
        image = self._wanted.take(x.detach().cpu().numpy())
        parts = [
            session.run(names, {self._wanted.name: batch}) for batch in self._wanted.batches(image)
        ]
        found = {}
        for name, *pieces in zip(names, *parts, strict=True):
            value = torch.from_numpy(np.concatenate(pieces)[: len(x)])
            value = value.float() if value.is_floating_point() else value
            found[name] = value.to(x.device)
            if self._wanted.channels_last and name in self._outputs and value.ndim == 4:
                found[name] = found[name].permute(0, 3, 1, 2)
        return found

    def _session(self, names: tuple[str, ...]) -> Any:
        if names not in self._sessions:
            while len(self._sessions) >= _MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[names] = _start(self._model, names, self._folder)
        return self._sessions[names]


def _start(model: Any, outputs: Sequence[str], folder: str) -> Any:
    """A session that answers these tensors. Raises NetworkError if it cannot be had."""
    import onnxruntime
    from onnx import ValueInfoProto

    changed = type(model)()
    changed.CopyFrom(model)
    del changed.graph.output[:]
    changed.graph.output.extend(ValueInfoProto(name=name) for name in outputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    try:
        return onnxruntime.InferenceSession(
            changed.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own exceptions share no other base
        raise NetworkError(f"onnxruntime cannot run this network: {brief(error)}") from error


def _is_listened_to(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _attach(root: nn.Module, tap: Tap) -> nn.Module:
    """The submodule of a tap, put where its dotted name says."""
    *parents, last = tap.name.split(".")
    at = root
    for part in parents:
        free = _free(part)
        if free not in at._modules:
            at.add_module(free, HeardPlace())
        inner = at._modules[free]
        assert inner is not None
        at = inner
    module = _module_of(tap)
    at.add_module(_free(last), module)
    return module


def _free(part: str) -> str:
    """A name that no attribute of a module has."""
    return f"{part}_" if hasattr(nn.Module, part) or part in ("training", "") else part


def _module_of(tap: Tap) -> nn.Module:
    if tap.kind == "plain":
        return HeardPlace()
    weight = tap.values["weight"]
    made: nn.Module
    if tap.kind == "batchnorm":
        made = HeardBatchNorm(len(weight), device="meta")
    elif tap.kind == "linear":
        made = nn.Linear(weight.shape[1], len(weight), bias="bias" in tap.values, device="meta")
    else:
        kind = nn.Conv2d if tap.kind == "head" else HeardConvolution
        inputs = weight.shape[1] * tap.options["groups"]
        size, bias = weight.shape[2:], "bias" in tap.values
        made = kind(inputs, len(weight), size, bias=bias, device="meta", **tap.options)
    state = {key: _tensor(value) for key, value in tap.values.items()}
    made.load_state_dict(state, strict=False, assign=True)
    if tap.kind == "batchnorm":
        made._buffers["num_batches_tracked"] = None  # the file does not say
    return made.eval()


def _tensor(value: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(value, np.float32))
