"""A ``.pt2`` archive is inspected, then loaded; nothing in it is ever unpickled.

``torch.export.load`` retries with the unsafe unpickler on its own, loads compiled libraries, and
evaluates expressions from the file. So the archive is inspected first, with the reader that loads
it, and it is loaded with torch's own switch against unsafe unpickling turned on.
"""

from __future__ import annotations

import inspect
import json
import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.probe import Opaque
from wsi_scale.networks.wording import brief

_SWITCH = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_COUNTER_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_OPERATOR = re.compile(
    r"torch\.ops\.\w+\.\w+(\.\w+)?|_operator\.(?!call|methodcaller|attrgetter)\w+|math\.\w+|torch\.sym_\w+"
)
_EXPRESSION = re.compile(r"([\w\s+\-*/%(),<>=!&|~]|\.(?![A-Za-z_])|'[A-Za-z]\w*')*")
_CALL = re.compile(r"\b([a-z_]\w*)\s*\(")
_MATHEMATICS = {"floor", "ceiling", "sqrt", "log", "exp", "pow"}


class ExportedModule(Opaque):
    """An exported program that takes any batch size and can be put in evaluation mode."""

    def __init__(self, program: Any) -> None:
        super().__init__()
        self.program = _without_guards(program)
        shape = _input_shape(program)
        self.batch = shape[0] if shape else None
        """Batch size that the program was exported for; None = any."""
        self.side = shape[-1] if shape else None
        """Patch side in px that it was exported for; None = any."""

    def train(self, mode: bool = True) -> ExportedModule:
        """Only note the mode, because an exported program keeps the one it was exported in."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Any:
        """The program's output; patch by patch if it was exported for batches of one."""
        if self.batch is None or self.batch == x.shape[0]:
            return self.program(x)
        if self.batch != 1:
            raise ValueError(
                f"exported for batches of {self.batch}; export it with a dynamic batch dimension"
            )
        answers = [self.program(x[i : i + 1]) for i in range(x.shape[0])]
        if not all(isinstance(answer, Tensor) for answer in answers):
            return answers[0]
        return torch.cat(answers)


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
    try:
        from torch.export.pt2_archive._package import PT2ArchiveReader, load_pt2
    except ImportError as error:
        raise NetworkError(
            f"torch {torch.__version__} cannot read {path.name} safely; install torch 2.8 or later"
        ) from error
    try:
        with PT2ArchiveReader(str(path)) as archive:
            _refuse_code(path, archive)
        with _never_unpickling():
            programs = load_pt2(str(path)).exported_programs
    except pickle.UnpicklingError as error:
        raise _refusal(path, "an artifact that needs the unsafe unpickler") from error
    except (RuntimeError, ValueError, AssertionError, KeyError, TypeError) as error:
        raise NetworkError(f"{path} is not an exported program: {brief(error)}") from error
    if len(programs) != 1:
        raise NetworkError(
            f"{path} holds {len(programs)} programs, not 1; export the network alone"
        )
    return next(iter(programs.values()))


def _refusal(path: Path, what: str) -> NetworkError:
    return NetworkError(
        f"{path} holds {what} and could run code when opened, so it is refused; "
        "export the network again without it"
    )


def _refuse_code(path: Path, archive: Any) -> None:
    """Refuse an archive with any record that loading would execute."""
    for name in archive.get_file_names():
        if name.startswith(("data/aotinductor/", "data/executorch/")):
            raise _refusal(path, f"compiled code ({name})")
        last = name.rpartition("/")[2]
        if last.startswith(("custom_obj_", "opaque_obj_")):
            raise _refusal(path, f"a pickled object ({name})")
        if name.endswith(".json") and not name.startswith("extra/"):
            for key, value in _entries(json.loads(archive.read_bytes(name))):
                _refuse_entry(path, key, value)


def _entries(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key, value
            yield from _entries(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _entries(value)


def _refuse_entry(path: Path, key: str, value: Any) -> None:
    if not isinstance(value, str):
        return
    if key == "path_name" and value.startswith(("custom_obj_", "opaque_obj_")):
        raise _refusal(path, f"a pickled object ({value})")
    if key == "target" and "." in value and value.startswith(("torch", "_operator", "math", "#")):
        if not _OPERATOR.fullmatch(value):
            raise _refusal(path, f"a call of {value}")
    elif key == "expr_str" and not _is_arithmetic(value):
        raise _refusal(path, f"the expression {value!r}")


def _is_arithmetic(expression: str) -> bool:
    """True for arithmetic and SymPy's own (capitalised) functions; nothing else is evaluated.

    >>> _is_arithmetic("4*Symbol('s77', integer=True)")
    True
    >>> _is_arithmetic("__import__('os')"), _is_arithmetic("exec('x')")
    (False, False)
    """
    calls = set(_CALL.findall(expression))
    plain = _EXPRESSION.fullmatch(expression) is not None
    return plain and "__" not in expression and calls <= _MATHEMATICS


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
