"""Programs written by ``torch.export.save``: ``network.pt2``. Nothing in them is ever unpickled.

``torch.export.load`` retries with the unsafe unpickler by itself, loads compiled libraries, and
evaluates expressions found in the file. So the archive is looked through first, by the reader that
loads it, and it is loaded with torch's own switch against unsafe unpickling set.
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
from wsi_scale.networks.assemble import settle
from wsi_scale.networks.card import Card
from wsi_scale.networks.network import Network, build_network
from wsi_scale.networks.probe import Opaque
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.weights import hash_file
from wsi_scale.networks.wording import brief

NAME = "exported"
GRAMMAR = "FILE.pt2 (torch.export)"
ORDER = 40

_SWITCH = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_COUNTER_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_OPERATOR = re.compile(
    r"torch\.ops\.\w+\.\w+(\.\w+)?|_operator\.(?!call|methodcaller|attrgetter)\w+|math\.\w+|torch\.sym_\w+"
)
_EXPRESSION = re.compile(r"([\w\s+\-*/%(),<>=!&|~]|\.(?![A-Za-z_])|'[A-Za-z]\w*')*")
_CALL = re.compile(r"\b([a-z_]\w*)\s*\(")
_MATHEMATICS = {"floor", "ceiling", "sqrt", "log", "exp", "pow"}


def accepts(spec: str) -> bool:
    """True for a path ending in .pt2."""
    return spec.partition("?")[0].lower().endswith(".pt2")


def load(spec: str, card: Card | None = None) -> Network:
    """An exported program. Raises NetworkError for one that could run code when opened."""
    asked = parse_spec(spec)
    asked.refuse_arguments("an exported program")
    asked.refuse_weights("an exported program")
    settled = settle(asked, card)
    path = Path(asked.target)
    sha256 = hash_file(path, settled.sha256)
    module = ExportedModule(_read(path))
    if settled.input_size is None and module.side is not None:
        settled = settled.model_copy(update={"input_size": module.side})
    return build_network(spec, module, settled, sha256=sha256)


class ExportedModule(Opaque):
    """An exported program that takes any batch and stands being put in evaluation mode."""

    def __init__(self, program: Any) -> None:
        super().__init__()
        self.program = _without_guards(program)
        shape = _input_shape(program)
        self.batch = shape[0] if shape else None
        """Batch size the program was exported for; None = any."""
        self.side = shape[-1] if shape else None
        """Patch side it was exported for, in px; None = free."""

    def train(self, mode: bool = True) -> ExportedModule:
        """Note the mode: an exported program keeps the one it was exported in."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Any:
        """The program's answer; batch by batch where it was exported for one batch size only."""
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
    """The program as a module; guards are Python text in the file, so they are never compiled."""
    takes = inspect.signature(program.module).parameters
    module: nn.Module = program.module(
        **({"check_guards": False} if "check_guards" in takes else {})
    )
    return module


def _input_shape(program: Any) -> tuple[int | None, ...] | None:
    """Shape of the first user input, None where a dimension is dynamic."""
    inputs = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in inputs:
            value = node.meta.get("val")
            if isinstance(value, Tensor):
                return tuple(n if isinstance(n, int) else None for n in value.shape)
    return None


def _read(path: Path) -> Any:
    try:
        from torch.export.pt2_archive._package import PT2ArchiveReader, load_pt2
    except ImportError as error:
        raise NetworkError(
            f"torch {torch.__version__} reads no {path.name} safely; use torch 2.8 or later"
        ) from error
    try:
        with PT2ArchiveReader(str(path)) as archive:
            _refuse_code(path, archive)
        with _never_unpickling():
            programs = load_pt2(str(path)).exported_programs
    except pickle.UnpicklingError as error:
        raise _refusal(path, "an artifact that needs the unsafe unpickler") from error
    except (RuntimeError, ValueError, AssertionError, KeyError, TypeError) as error:
        raise NetworkError(f"{path} is no exported program: {brief(error)}") from error
    if len(programs) != 1:
        raise NetworkError(f"{path} holds {len(programs)} programs, not one; export it again")
    return next(iter(programs.values()))


def _refusal(path: Path, what: str) -> NetworkError:
    return NetworkError(
        f"{path} holds {what} and could run code when opened, so it is refused; "
        "export the network anew without it"
    )


def _refuse_code(path: Path, archive: Any) -> None:
    """Look through every record for what loading would execute."""
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
    """True for sums and SymPy's own (capitalised) functions of names: nothing else is evaluated.

    ``4*Symbol('s77', integer=True)`` is, ``__import__('os')`` and ``exec('x')`` are not.
    """
    calls = set(_CALL.findall(expression))
    plain = _EXPRESSION.fullmatch(expression) is not None
    return plain and "__" not in expression and calls <= _MATHEMATICS


@contextmanager
def _never_unpickling() -> Iterator[None]:
    """While open, ``torch.load`` is safe even where torch asks it not to be."""
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


def example(folder: Path) -> str:
    """The bundled architecture with random weights, exported for any batch and side."""
    from wsi_scale.networks.architectures import FiguresNet

    path = folder / "example.pt2"
    free = torch.export.Dim("batch", min=1), torch.export.Dim("side", min=1, max=256)
    program = torch.export.export(
        FiguresNet(classes=2).eval(),
        (torch.zeros(2, 3, 96, 96),),
        dynamic_shapes=({0: free[0], 2: 4 * free[1], 3: 4 * free[1]},),
    )
    torch.export.save(program, path)
    return str(path)
