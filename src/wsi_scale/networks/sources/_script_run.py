"""A TorchScript network, run operator by operator, so that its BatchNorms can be listened to.

TorchScript calls no Python hooks. Its graph is walked here instead: every step calls the same
operator of torch with the same arguments, so the result is the same to the last digit. Where a
graph holds a step that this walk does not know, the network is run by TorchScript as a whole, and
only its output is heard.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wsi_scale.networks.stored_norm import BATCH_NORMS, StoredNorm, plant

FOLDED = (
    "the network is frozen TorchScript without BatchNorms; if it was trained with them, they were "
    "folded into its convolutions and their statistics are lost, so save it before torch.jit.freeze"
)


def make_heard(script: Any) -> tuple[nn.Module, tuple[str, ...]]:
    """A module that computes what the TorchScript computes, and notes about it.

    Its BatchNorms run hooks if it has any that keep their statistics.
    """
    try:
        walked = WalkedScript(script)
    except (UnknownStepError, RuntimeError, AttributeError):
        return script, ()
    if walked.has_norms:
        return walked, ()
    is_frozen = not any(True for _ in script.parameters())
    return script, (FOLDED,) if is_frozen and "aten::" in str(script.inlined_graph) else ()


class UnknownStepError(Exception):
    """The graph holds a step that cannot be walked."""


@dataclass(frozen=True)
class _Step:
    """One node of the graph."""

    kind: str
    run: Callable[..., Any]
    """Takes the values of the inputs, returns one value, or a tuple if there are several."""
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    blocks: tuple[_Block, ...] = ()
    norm: str = ""
    """Name of the stand-in that listens, for a BatchNorm with stored statistics."""


@dataclass(frozen=True)
class _Block:
    takes: tuple[int, ...]
    steps: tuple[_Step, ...]
    gives: tuple[int, ...]


def _append(items: list[Any], value: Any) -> list[Any]:
    items.append(value)
    return items


def _insert(items: list[Any], at: int, value: Any) -> None:
    items.insert(at, value)


def _set_item(items: Any, at: Any, value: Any) -> Any:
    items[at] = value
    return items


def _delete(items: Any, at: Any) -> None:
    del items[at]


_OWN: dict[str, Callable[..., Any]] = {  # lists and texts, which operators would copy
    "prim::ListConstruct": lambda *x: list(x),
    "prim::TupleConstruct": lambda *x: x,
    "prim::DictConstruct": lambda *x: dict(zip(x[::2], x[1::2], strict=True)),
    "prim::ListUnpack": lambda x: tuple(x),
    "prim::TupleUnpack": lambda x: tuple(x),
    "prim::TupleIndex": lambda x, i: x[i],
    "prim::unchecked_cast": lambda x: x,
    "prim::Uninitialized": lambda: None,
    "prim::dtype": lambda x: x.dtype,
    "prim::device": lambda x: x.device,
    "aten::append": _append,
    "aten::insert": _insert,
    "aten::extend": lambda x, more: x.extend(more),
    "aten::pop": lambda x, i=-1: x.pop(i),
    "aten::clear": lambda x: x.clear(),
    "aten::reverse": lambda x: x.reverse(),
    "aten::_set_item": _set_item,
    "aten::Delete": _delete,
    "aten::__getitem__": lambda x, i: x[i],
    "aten::__contains__": lambda x, y: y in x,
    "aten::len": len,
    "aten::keys": lambda x: list(x),
    "aten::values": lambda x: list(x.values()),
    "aten::items": lambda x: list(x.items()),
    "aten::dict": lambda x=(): dict(x),
    "aten::format": lambda text, *x: str(text).format(*x),
    "aten::__is__": lambda x, y: x is y,
    "aten::__isnot__": lambda x, y: x is not y,
    "aten::__not__": lambda x: not x,
    "aten::warn": lambda *x: None,
}


_OF_LISTS: dict[str, Callable[..., Any]] = {  # operators that also take lists of anything
    "aten::slice": lambda x, start, end, step: x[start:end:step],
    "aten::add": lambda x, y: x + y,
    "aten::add_": lambda x, y: x.extend(y) or x,
    "aten::mul": lambda x, y: x * y,
    "aten::list": list,
    "aten::eq": lambda x, y: x == y,
    "aten::ne": lambda x, y: x != y,
}


class WalkedScript(nn.Module):
    """A TorchScript module whose BatchNorms are modules that run hooks."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self.script = script
        self.taken: list[int] = []
        graph = script.inlined_graph
        self.body = _Block(
            tuple(value.unique() for value in graph.inputs()),
            tuple(self._steps(graph)),
            tuple(value.unique() for value in graph.outputs()),
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> WalkedScript:
        return WalkedScript(copy.deepcopy(self.script, memo))

    @property
    def has_norms(self) -> bool:
        """Whether there is a BatchNorm to listen to."""
        return any(isinstance(one, StoredNorm) for one in self.modules())

    def forward(self, x: Tensor) -> Any:
        """The network's output."""
        values: dict[int, Any] = {}
        (answer,) = self._walk(self.body, values, (self.script, x))
        return answer

    def _steps(self, block: Any) -> Iterator[_Step]:
        for node in block.nodes():
            inner = tuple(
                _Block(
                    tuple(v.unique() for v in one.inputs()),
                    tuple(self._steps(one)),
                    tuple(v.unique() for v in one.outputs()),
                )
                for one in node.blocks()
            )
            yield _Step(
                node.kind(),
                _runner(node),
                tuple(value.unique() for value in node.inputs()),
                tuple(value.unique() for value in node.outputs()),
                inner,
                self._listen(node),
            )

    def _listen(self, node: Any) -> str:
        """Plant a stand-in for a BatchNorm with stored statistics; its name, or nothing."""
        if node.kind().removeprefix("aten::") not in BATCH_NORMS:
            return ""
        mean, var = (self._stored(value.node()) for value in list(node.inputs())[3:5])
        if not isinstance(mean, Tensor) or not isinstance(var, Tensor):
            return ""
        path = _path(list(node.inputs())[3].node())
        name = ".".join(path[:-1]) or f"batchnorm.{len(self.taken)}"
        self.taken.append(1)
        count = self._follow((*path[:-1], "num_batches_tracked")) if path else None
        count = count if isinstance(count, Tensor) else None
        return plant(self, name, StoredNorm(mean, var, count))

    def _stored(self, node: Any) -> Any:
        if node.kind() == "prim::Constant":
            return node.output().toIValue()
        path = _path(node)
        return self._follow(path) if path else None

    def _follow(self, path: tuple[str, ...]) -> Any:
        at = self.script
        for name in path:
            at = getattr(at, name, None)
        return at

    def _walk(self, block: _Block, values: dict[int, Any], given: Any) -> tuple[Any, ...]:
        values.update(zip(block.takes, given, strict=True))
        for step in block.steps:
            taken = [values[one] for one in step.inputs]
            if step.kind == "prim::If":
                found = self._walk(step.blocks[0 if taken[0] else 1], values, ())
            elif step.kind == "prim::Loop":
                found = self._loop(step.blocks[0], values, taken)
            elif step.norm:
                found = (self.get_submodule(step.norm)(taken[0], step.run, *taken[1:]),)
            else:
                found = (step.run(*taken),)
            if len(step.outputs) != 1 and len(found) == 1:
                found = found[0] if step.outputs else ()
            values.update(zip(step.outputs, found, strict=True))
        return tuple(values[one] for one in block.gives)

    def _loop(self, body: _Block, values: dict[int, Any], taken: list[Any]) -> tuple[Any, ...]:
        most, going, *carried = taken
        count = 0
        while going and count < most:
            going, *carried = self._walk(body, values, (count, *carried))
            count += 1
        return tuple(carried)


def _runner(node: Any) -> Callable[..., Any]:
    """What a node does, as a function of its inputs' values."""
    kind = node.kind()
    if kind in ("prim::If", "prim::Loop"):
        return _raise_unknown
    if kind == "prim::Constant":
        value = node.output().toIValue()
        return lambda: value
    if kind == "prim::GetAttr":
        name = node.s("name")
        return lambda owner: getattr(owner, name)
    if kind == "prim::RaiseException":
        return _raise
    if kind in _OWN:
        return _OWN[kind]
    home, _, name = kind.partition("::")
    schema = node.schema()
    if home not in ("aten", "prim", "torchvision") or schema == "(no schema)":
        raise UnknownStepError(kind)
    overload = schema.partition("(")[0].partition(".")[2]
    operator = getattr(getattr(getattr(torch.ops, home), name), overload or "default")
    if kind in _OF_LISTS and overload != "Tensor":
        return lambda *x: (_OF_LISTS[kind] if isinstance(x[0], list) else operator)(*x)
    words = [one.name for one in operator._schema.arguments if one.kwarg_only]
    return _with_words(operator, len(operator._schema.arguments) - len(words), words)


def _with_words(operator: Callable[..., Any], places: int, words: list[str]) -> Callable[..., Any]:
    """The operator with all arguments in one row; some it takes only by name."""
    if not words:
        return operator
    return lambda *x: operator(*x[:places], **dict(zip(words, x[places:], strict=False)))


def _raise(message: Any, *_: Any) -> None:
    raise RuntimeError(str(message))


def _raise_unknown(*_: Any) -> None:
    raise UnknownStepError


def _path(node: Any) -> tuple[str, ...]:
    """Names that lead from the network to a stored value; empty if it is made otherwise."""
    names: list[str] = []
    while node.kind() == "prim::GetAttr":
        names.insert(0, node.s("name"))
        node = node.input().node()
    return tuple(names) if node.kind() == "prim::Param" else ()
