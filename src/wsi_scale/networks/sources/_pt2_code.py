"""What a ``.pt2`` archive says is inspected before any of it is loaded.

Loading would look up and call operators by name, evaluate expressions, import modules that the tree
of inputs names, compile names into Python text, and unpickle objects. So every record is read as
plain JSON first, and only what is known to be data passes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.operators import is_allowed

_PICKLED = ("custom_obj_", "opaque_obj_", "script_obj_")
_COMPILED = ("data/aotinductor/", "data/executorch/")
_EXPRESSION = re.compile(r"([\w\s+\-*/%(),<>=!&|~]|\.(?![A-Za-z_])|'[A-Za-z]\w*')*")
_CALL = re.compile(r"\b([a-z_]\w*)\s*\(")
_MATHEMATICS = {"floor", "ceiling", "sqrt", "log", "exp", "pow"}
_NAME = re.compile(r"[\w.-]*")
_NAMES = ("name", "as_name", "graph_name", "parameter_name", "buffer_name", "tensor_constant_name",
          "user_input_name", "custom_obj_name")  # fmt: skip
_TREES = ("in_spec", "out_spec")
_CONTAINERS = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")


def refusal(path: Path, what: str) -> NetworkError:
    """The error for a file that could run code."""
    return NetworkError(
        f"{path} holds {what} and could run code when opened, so it is refused; "
        "export the network again without it (docs/trust.md lists what is allowed)"
    )


def refuse_code(path: Path, archive: Any) -> None:
    """Raise NetworkError for an archive with any record that loading would execute."""
    names = archive.get_file_names()
    if len({name.lower() for name in names}) < len(names):  # the reader ignores case
        raise refusal(path, "two records of one name")
    for name in names:
        if name.startswith(_COMPILED):
            raise refusal(path, f"compiled code ({name})")
        if name.rpartition("/")[2].startswith(_PICKLED):
            raise refusal(path, f"a pickled object ({name})")
        if name.lower().endswith(".json") and not name.startswith("extra/"):
            for key, value in _entries(json.loads(archive.read_bytes(name))):
                _refuse_entry(path, key, value)


def _entries(tree: Any) -> Iterator[tuple[str, Any]]:
    waiting = [tree]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            yield from at.items()
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at


def _refuse_entry(path: Path, key: str, value: Any) -> None:
    if not isinstance(value, str):
        return
    if key == "path_name" and value.startswith(_PICKLED):
        raise refusal(path, f"a pickled object ({value})")
    if key in ("target", "as_operator") and not _is_operator(value):
        raise refusal(path, f"a call of {value}")
    if key == "expr_str" and not _is_arithmetic(value):
        raise refusal(path, f"the expression {value!r}")
    if key in _TREES and value and not _is_plain_tree(json.loads(value)):
        raise refusal(path, f"a tree of inputs that is not made of plain containers ({key})")
    if key in _NAMES and not _NAME.fullmatch(value):
        raise refusal(path, f"the name {value!r}, which is none in Python,")


def _is_operator(target: str) -> bool:
    """True for an allowed operator.

    >>> _is_operator("torch.ops.aten.conv2d.default"), _is_operator("_operator.add")
    (True, True)
    >>> _is_operator("torch.ops.aten.from_file.default"), _is_operator("torch.load")
    (False, False)
    """
    match target.split("."):
        case ["torch", "ops", home, name] | ["torch", "ops", home, name, _]:
            return home != "torch" and is_allowed(name, home)
        case ["torch" | "_operator" | "math" as home, name]:
            return is_allowed(name, home)
    return False


def _is_plain_tree(tree: Any) -> bool:
    """True if nothing in a tree of inputs or outputs would be imported: only plain containers."""
    for key, value in _entries(tree):
        if key == "__enum__" or (key == "type" and value not in (None, *_CONTAINERS)):
            return False
        if key == "context" and isinstance(value, str) and not _is_plain_tree(json.loads(value)):
            return False
    return True


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
