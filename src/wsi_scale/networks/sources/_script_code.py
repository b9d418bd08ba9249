"""The code inside a TorchScript archive is inspected before anything of it is loaded.

``torch.jit.load`` compiles this code and may run parts of it at once (``__setstate__``). It is
nearly Python, so Python's own parser reads it; what that cannot read is refused. Every name that
could be an operator must be an allowed one, however it is reached.
"""

from __future__ import annotations

import ast
import pickletools
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import torch

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.operators import OTHERS, is_allowed
from wsi_scale.networks.wording import only_weights

_LANGUAGE = """
torch ops __torch__ CONSTANTS inf nan infj nanj True False None
Tensor int float bool str complex number NoneType Any Device Stream Layout Generator
List Dict Tuple Optional Union NamedTuple Enum Module Interface
annotate unannotated uninitialized unchecked_cast getattr hasattr isinstance len range zip
enumerate list dict tuple min max abs round divmod sorted rangelist ord chr
AssertionError Exception RuntimeError ValueError NotImplementedError KeyError IndexError
TypeError AttributeError
"""
_WORDS = frozenset(_LANGUAGE.split())
"""Names of the language itself; ``print``, ``fork`` and others that act are not among them."""

_HOMES = ("aten", "prim", "torchvision")
_COMPILED = "torch.classes"
_MOST_CODE = 64 << 20  # bytes
_PICKLE = b"\x80"
"""First byte of a checkpoint of torch before 1.6, which is no archive."""


def refuse_code(path: Path) -> None:
    """Raise NetworkError if a TorchScript archive could do more than compute.

    Also for a file that is no such archive. The archive is read with torch's own reader, so that
    no other reader can see another content.
    """
    with parsing(path, "a TorchScript file"), path.open("rb") as file:
        start = file.read(8)
    if start[:1] == _PICKLE:
        raise only_weights(str(path))
    if start[4:] == b"PTMF":
        raise _refusal(path, "a program for phones (flatbuffer)")
    with parsing(path, "a TorchScript file"):
        archive = torch._C.PyTorchFileReader(str(path))
        names = archive.get_all_records()
    lower = [name.lower() for name in names]
    if "constants.pkl" not in lower and "data.pkl" in lower:
        raise only_weights(str(path))
    if "constants.pkl" not in lower or "model.json" in lower:
        raise NetworkError(
            f"{path} is not a TorchScript file of torch 1.2 or later; export the network again"
        )
    if len(set(lower)) < len(lower):
        raise _refusal(path, "two records of one name")
    code = [name for name in names if name.lower().endswith(".py")]
    with parsing(path, "a TorchScript file"):
        texts = [archive.get_record(name) for name in code]
        pickles = [
            archive.get_record(n) for n in names if n.lower() in ("data.pkl", "constants.pkl")
        ]
        classes = [found for one in pickles for found in _compiled_classes(one)]
        if sum(map(len, texts)) > _MOST_CODE:
            raise ValueError("its code is too long")
        trees = [ast.parse(text.decode("utf-8")) for text in texts]
    if classes:
        raise _refusal(path, f"a compiled class ({classes[0]})")
    _Inspector(path, trees).inspect()


def _refusal(path: Path, what: str) -> NetworkError:
    return NetworkError(
        f"{path} holds {what} and could do more than compute, so it is refused; "
        "export the network again without it (docs/trust.md lists what is allowed)"
    )


def _compiled_classes(pickled: bytes) -> Iterator[str]:
    for _, argument, _ in pickletools.genops(pickled):
        if isinstance(argument, str) and _COMPILED in argument:
            yield argument.replace(" ", ".")


class _Inspector:
    """Walks through the code of one archive."""

    def __init__(self, path: Path, trees: list[ast.Module]) -> None:
        self.path = path
        self.trees = trees
        self.declared = frozenset(name for tree in trees for name in _declared(tree))
        """Functions, methods and attributes that the archive itself declares."""
        schemas = (s.name.partition("::") for s in torch._C._jit_get_all_schemas())
        self.known = frozenset(word for home, _, name in schemas for word in (home, name))
        """Every operator that torch has now, and every home of operators."""

    def inspect(self) -> None:
        """Raise NetworkError at the first name that is not allowed."""
        for tree in self.trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self._function(node)
                elif isinstance(node, ast.Import):
                    for alias in node.names:
                        if not alias.name.startswith("__torch__"):
                            self._refuse(f"an import of {alias.name}")
                elif isinstance(node, ast.Attribute) and node.attr == "classes":
                    if ast.unparse(node) != "self.classes":
                        self._refuse(f"a compiled class ({ast.unparse(node)})")
                elif isinstance(
                    node, ast.ImportFrom | ast.Lambda | ast.AsyncFunctionDef | ast.Await | ast.Yield
                ):
                    self._refuse(f"a statement that no network has ({type(node).__name__})")

    def _function(self, function: ast.FunctionDef) -> None:
        nodes = list(ast.walk(function))
        arguments = function.args.args
        typed = bool(arguments) and arguments[0].arg == "self"
        typed = typed and _root(arguments[0].annotation) == "__torch__"
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and _is_store(n)}
        if stored & (_WORDS | {"self"}):
            self._refuse("a new meaning for a word of the language")
        usable = stored | {one.arg for one in arguments} | _WORDS
        callable_names = _WORDS | _functions(nodes)
        for node in nodes:
            if isinstance(node, ast.Name) and node.id not in usable:
                self._refuse(f"a use of {node.id!r}")
            elif isinstance(node, ast.Attribute):
                self._attribute(node, typed)
            elif isinstance(node, ast.Call):
                self._call(node, typed, callable_names)

    def _attribute(self, node: ast.Attribute, typed: bool) -> None:
        base = node.value.id if isinstance(node.value, ast.Name) else ""
        if _root(node) == "__torch__" or base == "CONSTANTS":
            return  # the archive's own
        if base == "ops" and node.attr in _HOMES:
            return
        inner = node.value
        if isinstance(inner, ast.Attribute) and inner.attr == "torchvision":
            allowed = node.attr in OTHERS["torchvision"]
        else:
            allowed = self._is_plain(node.attr, base == "self" and typed)
        if not allowed:
            self._refuse(f"a call of {ast.unparse(node)}")

    def _is_plain(self, name: str, of_self: bool) -> bool:
        if is_allowed(name):
            return True
        return name in self.declared and (of_self or name not in self.known)

    def _call(self, node: ast.Call, typed: bool, callable_names: Set[str]) -> None:
        if isinstance(node.func, ast.Attribute):
            return  # inspected as an attribute
        if not isinstance(node.func, ast.Name) or node.func.id not in callable_names:
            self._refuse(f"a call of {ast.unparse(node.func)}")
        elif node.func.id in ("getattr", "hasattr"):
            of, name = (*node.args, None, None)[:2]
            of_self = typed and isinstance(of, ast.Name) and of.id == "self"
            plain = isinstance(name, ast.Constant) and isinstance(name.value, str)
            if not plain or not self._is_plain(name.value, of_self):  # type: ignore[union-attr]
                self._refuse(f"a call of {ast.unparse(node)}")

    def _refuse(self, what: str) -> None:
        raise _refusal(self.path, what)


def _functions(nodes: list[ast.AST]) -> Set[str]:
    """Local names of functions: each is only ever assigned a dotted name, which is inspected."""
    stores = Counter(n.id for n in nodes if isinstance(n, ast.Name) and _is_store(n))
    dotted = Counter(
        n.targets[0].id
        for n in nodes
        if isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Attribute)
        and isinstance(n.targets[0], ast.Name)
    )
    return {name for name, count in dotted.items() if stores[name] == count}


def _declared(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id
                elif isinstance(line, ast.Assign):
                    yield from _assigned(line.targets[0])


def _assigned(target: ast.expr) -> Iterator[str]:
    """Of ``name = …`` the name, of ``__annotations__["0"] = …`` the text."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        yield str(target.slice.value)


def _root(node: Any) -> str:
    """The name at which a dotted name starts; empty for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_store(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)
