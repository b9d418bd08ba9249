"""A ``.pt2`` archive is inspected, then loaded; nothing in it is ever unpickled.

``torch.export.load`` retries with the unsafe unpickler on its own, loads compiled libraries, and
evaluates expressions from the file. So the archive is inspected first, with the reader that loads
it, and it is loaded with torch's own switch against unsafe unpickling turned on.
"""

from __future__ import annotations

import inspect
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.probe import Opaque
from wsi_scale.networks.sources._pt2_code import refusal, refuse_code
from wsi_scale.networks.stored_norm import BATCH_NORMS, StoredNorm, plant

_SWITCH = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_COUNTER_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


class ExportedModule(nn.Module):
    """An exported program that takes any batch size and can be put in evaluation mode.

    Its graph is interpreted step by step, and its BatchNorms are modules that run hooks.
    """

    def __init__(self, program: Any) -> None:
        super().__init__()
        self.program = _Program(_without_guards(program))
        shape = _input_shape(program)
        self.batch = shape[0] if shape else None
        """Batch size that the program was exported for; None = any."""
        self.side = shape[-1] if shape else None
        """Patch side in px that it was exported for; None = any."""
        self._norms = self._plant(program)

    def train(self, mode: bool = True) -> ExportedModule:
        """Only note the mode, because an exported program keeps the one it was exported in."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Any:
        """The program's output; patch by patch if it was exported for batches of one."""
        if self.batch is None or self.batch == x.shape[0]:
            return self._run(x)
        if self.batch != 1:
            raise ValueError(
                f"exported for batches of {self.batch}; export it with a dynamic batch dimension"
            )
        heard: dict[str, list[Tensor]] = {name: [] for name in self._norms.values()}
        answers = [self._run(x[i : i + 1], heard) for i in range(x.shape[0])]
        for name, inputs in heard.items():  # hooks hear all patches at once, as in any network
            self.get_submodule(name)(torch.cat(inputs), lambda all_inputs, *_: all_inputs)
        if not all(isinstance(answer, Tensor) for answer in answers):
            return answers[0]
        return torch.cat(answers)

    @property
    def has_norms(self) -> bool:
        """Whether there is a BatchNorm to listen to."""
        return bool(self._norms)

    def _run(self, x: Tensor, heard: dict[str, list[Tensor]] | None = None) -> Any:
        """The program's output; heard: collects what BatchNorms take, instead of running hooks."""
        listeners: dict[str, Callable[..., Any]] = {}
        for node, name in self._norms.items():
            listeners[node] = self.get_submodule(name) if heard is None else _collector(heard[name])
        return _Interpreter(self.program.graph_module, listeners).run(x)

    def _plant(self, program: Any) -> dict[str, str]:
        """Stand-ins for the BatchNorms; graph node -> name of the stand-in."""
        stored = {**program.state_dict, **program.constants}
        planted: dict[str, str] = {}
        for node in self.program.graph_module.graph.nodes:
            if node.op != "call_function" or not _is_batch_norm(node.target):
                continue
            targets = [getattr(one, "target", None) for one in node.args[3:5]]
            mean, var = (stored.get(str(one)) for one in targets)
            if isinstance(mean, Tensor) and isinstance(var, Tensor):
                name = str(targets[0]).rpartition(".")[0]
                count = stored.get(f"{name}.num_batches_tracked" if name else "num_batches_tracked")
                norm = StoredNorm(mean, var, count if isinstance(count, Tensor) else None)
                planted[node.name] = plant(self, name or f"batchnorm.{len(planted)}", norm)
        return planted


class _Program(Opaque):
    """Holds the program's parameters; its own modules only group them."""

    def __init__(self, graph_module: nn.Module) -> None:
        super().__init__()
        self.graph_module: Any = graph_module


class _Interpreter(torch.fx.Interpreter):
    """Runs a graph; BatchNorms run inside their stand-ins."""

    def __init__(self, graph_module: Any, listeners: dict[str, Callable[..., Any]]) -> None:
        super().__init__(graph_module)
        self.listeners = listeners
        self.at = ""

    def run_node(self, n: torch.fx.Node) -> Any:
        """The value of one node."""
        self.at = n.name
        return super().run_node(n)

    def call_function(self, target: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """The value of an operator."""
        if self.at not in self.listeners:
            return super().call_function(target, args, kwargs)
        run: Callable[..., Any] = lambda *x: target(*x, **kwargs)  # noqa: E731
        return self.listeners[self.at](args[0], run, *args[1:])


def _collector(inputs: list[Tensor]) -> Callable[..., Any]:
    """In place of a stand-in: keeps the input, and runs the operator."""

    def collect(x: Tensor, run: Callable[..., Any], *others: Any) -> Any:
        inputs.append(x)
        return run(x, *others)

    return collect


def _is_batch_norm(target: Any) -> bool:
    name = getattr(getattr(target, "_schema", None), "name", "")
    return name.removeprefix("aten::") in BATCH_NORMS


def _without_guards(program: Any) -> nn.Module:
    """The program as a module, without guards: they are Python text that would be compiled."""
    takes = inspect.signature(program.module).parameters
    module: nn.Module = program.module(
        **({"check_guards": False} if "check_guards" in takes else {})
    )
    return module


def _input_shape(program: Any) -> tuple[int | None, ...] | None:
    """Shape of the first user input; None for each dynamic dimension."""
    inputs = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in inputs:
            value = node.meta.get("val")
            if isinstance(value, Tensor):
                return tuple(n if isinstance(n, int) else None for n in value.shape)
    return None


def read_program(path: Path) -> Any:
    """The only program of an archive. Raises NetworkError for an archive that could run code."""
    from torch.export.pt2_archive._package import PT2ArchiveReader, load_pt2

    with parsing(path, "an exported program"), PT2ArchiveReader(str(path)) as archive:
        refuse_code(path, archive)
    try:
        with parsing(path, "an exported program"), _never_unpickling():
            programs = load_pt2(str(path)).exported_programs
    except NetworkError as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            raise refusal(path, "an artifact that needs the unsafe unpickler") from error
        raise
    if len(programs) != 1:
        raise NetworkError(
            f"{path} holds {len(programs)} programs, not 1; export the network alone"
        )
    return next(iter(programs.values()))


@contextmanager
def _never_unpickling() -> Iterator[None]:
    """While open, ``torch.load`` is safe even if an environment variable says otherwise."""
    switches = {name: os.environ.get(name) for name in (_SWITCH, _COUNTER_SWITCH)}
    os.environ.pop(_COUNTER_SWITCH, None)
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        for name, value in switches.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
