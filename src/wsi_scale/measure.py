"""Pyramids in, Responses out: forward passes, moments of layers, gradients of the target score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.errors import NetworkError, SettingsError
from wsi_scale.networks.answer import Prediction, predict
from wsi_scale.networks.layers import LayerChoice
from wsi_scale.networks.network import Network
from wsi_scale.networks.wording import listed
from wsi_scale.pyramid import Pyramid
from wsi_scale.responses import PLAIN, LayerResponses, Responses

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

Moments = tuple[Tensor, Tensor]
"""Mean and population variance over a patch's pixels, each (N, C)."""


def channel_axis(shape: Sequence[int]) -> int:
    """Where the channels of a layer are. Patches are square, so two equal sides are the pixels.

    (N, C) -> 1; tokens (N, T, C) -> 2; (N, C, 7, 7) -> 1; channels last (N, 7, 7, C) -> 3.
    """
    if len(shape) == 4:
        return 3 if shape[1] == shape[2] != shape[3] else 1
    return len(shape) - 1


def moments(x: Tensor) -> Moments:
    """Mean and population variance per channel over the pixels or tokens of every patch."""
    pixels = _pixel_axes(x)
    if not pixels:
        return x, torch.zeros_like(x)
    var, mean = torch.var_mean(x, pixels, correction=0)
    return mean, var


def _pixel_axes(x: Tensor) -> tuple[int, ...]:
    return tuple(axis for axis in range(1, x.ndim) if axis != channel_axis(x.shape))


@dataclass
class Heard:
    """What the hooks caught during the last forward pass."""

    moments: dict[str, Moments] = field(default_factory=dict)
    """By layer name; of a module used several times, the first use."""
    head_input: Tensor | None = None
    """What entered the head, cut off from what came before and followed by autograd."""


@contextmanager
def hooked(
    module: nn.Module, layers: Iterable[LayerChoice], *, follow_head: bool = False
) -> Iterator[Heard]:
    """Listen to layers while open; every hook is removed at the end, whatever happens.

    follow_head: cut the head's input off and let autograd follow it, so that a gradient with
    respect to it differentiates the head alone.
    """
    heard = Heard()
    handles: list[Any] = []
    try:
        for choice in layers:
            if choice.name == "output" and choice.kind == "output":
                continue
            at = module.get_submodule(choice.name)
            if choice.tap == "input":
                hook = _input_hook(heard, choice, follow_head and choice.is_head)
                handles.append(at.register_forward_pre_hook(hook))
            else:
                handles.append(at.register_forward_hook(_output_hook(heard, choice)))
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _input_hook(heard: Heard, choice: LayerChoice, follow: bool) -> Callable[..., Any]:
    def listen(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if choice.name in heard.moments:
            return None
        x = args[0].detach()
        heard.moments[choice.name] = moments(x)
        if not follow:
            return None
        # a new tensor, so that a head which works in place does not work on a leaf
        heard.head_input = x.requires_grad_(True)
        return (heard.head_input.clone(), *args[1:])

    return listen


def _output_hook(heard: Heard, choice: LayerChoice) -> Callable[..., None]:
    def listen(_: nn.Module, __: Any, result: Any) -> None:
        if choice.name not in heard.moments:
            heard.moments[choice.name] = moments(result.detach())

    return listen


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """While open, the module is in evaluation mode and its parameters need no gradient."""
    training = [(one, one.training) for one in module.modules()]
    following = [(one, one.requires_grad) for one in module.parameters()]
    module.eval()
    try:
        for parameter, _ in following:
            parameter.requires_grad = False
        yield
    finally:
        for one, mode in training:
            one.training = mode
        for parameter, needed in following:
            parameter.requires_grad = needed


def find_target(network: Network, target: str | int | None) -> int | None:
    """Index of the class asked for by name or index; None if none was.

    Raises SettingsError with the classes there are.
    """
    if target is None:
        return None
    if isinstance(target, str) and target in network.classes:
        return network.classes.index(target)
    index = int(target) if isinstance(target, int) or target.isdecimal() else -1
    if not 0 <= index < len(network.classes):
        raise SettingsError(
            f"{network.name} has no class {target!r}; there are {listed(network.classes)}"
        )
    return index


@dataclass(frozen=True)
class _Batch:
    """Answers to one batch of patches of one site."""

    prediction: Prediction
    moments: dict[str, Moments]
    gradient: Callable[[int], Tensor] | None
    """(N, C) gradient of a class's score at the head's input."""


@dataclass(frozen=True)
class _Site:
    """Answers to one pyramid, as arrays with one row per patch."""

    rows: dict[str, NDArray[Any]]
    moments: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    gradient: NDArray[np.float32] | None


def measure_responses(
    network: Network,
    pyramids: Iterable[Pyramid],
    *,
    layers: Sequence[str] | None = None,
    target: str | int | None = None,
    batch_size: int = 32,
    gradient: bool = True,
) -> Responses:
    """Show a network the patches of every pyramid and write down what its layers say.

    pyramids: all on one scale grid and of one patch side.
    layers: names or patterns; None = the card's, else chosen by the network's structure.
    target: class name or index whose score is differentiated; None = at every site the most
    probable class, of a segmenter the most frequent one that is not background.
    batch_size: patches shown at once; bounds the memory and does not change the answer.
    gradient: whether to differentiate the target score (before softmax) at the head's input. A
    segmenter's score is the mean logit over the pixels predicted as the target, over all pixels
    where there are none.
    Raises NetworkError for an unknown layer or NaN answers, SettingsError for an unknown class.
    """
    if batch_size < 1:
        raise SettingsError(f"a batch needs at least 1 patch, got {batch_size}")
    choices = network.layers(layers)
    wanted = find_target(network, target)
    follow = gradient and any(choice.is_head for choice in choices)
    kept: list[Pyramid] = []
    sites: list[_Site] = []
    with at_rest(network.module):
        for pyramid in pyramids:
            _check_alike(kept, pyramid)
            batches = _measure_pyramid(network, pyramid, choices, wanted, batch_size, follow)
            sites.append(_gather(network, pyramid, batches, wanted, len(sites)))
            kept.append(_without_patches(pyramid))
    if not kept:
        raise SettingsError("there is no pyramid to measure")
    return _join(network, kept, sites, choices)


def _without_patches(pyramid: Pyramid) -> Pyramid:
    """The pyramid with no rows of pixels, so that those of earlier sites can be let go."""
    return Pyramid(pyramid.site, pyramid.grid, pyramid.indices, pyramid.patches[:0].copy(), ())


def _check_alike(kept: Sequence[Pyramid], pyramid: Pyramid) -> None:
    if kept and (
        pyramid.grid != kept[0].grid or pyramid.patches.shape[1:] != kept[0].patches.shape[1:]
    ):
        raise SettingsError("pyramids measured together need one scale grid and one patch side")


def _measure_pyramid(
    network: Network,
    pyramid: Pyramid,
    choices: Sequence[LayerChoice],
    wanted: int | None,
    batch_size: int,
    follow: bool,
) -> list[_Batch]:
    return [
        _measure_batch(network, pyramid.patches[i : i + batch_size], choices, wanted, follow)
        for i in range(0, len(pyramid.patches), batch_size)
    ]


def _measure_batch(
    network: Network,
    patches: NDArray[np.uint8],
    choices: Sequence[LayerChoice],
    wanted: int | None,
    follow: bool,
) -> _Batch:
    """One forward pass. Nothing needs a gradient but the head's input, so only the head keeps one."""
    with (
        torch.set_grad_enabled(follow),
        hooked(network.module, choices, follow_head=follow) as ears,
    ):
        logits = network.logits(network.prepare(patches))
    with torch.no_grad():
        prediction = predict(logits.detach(), network.activation)
    if any(choice.kind == "output" for choice in choices):
        ears.moments["output"] = moments(logits.detach())
    for name, (mean, var) in ears.moments.items():
        if not bool(torch.isfinite(mean).all() & torch.isfinite(var).all()):
            raise NetworkError(f"{network.name}: layer {name} answers NaN or infinite values")
    found = None
    if follow and ears.head_input is not None:
        found = _differentiate(logits, prediction, ears.head_input, wanted)
    return _Batch(prediction, ears.moments, found)


def _differentiate(
    logits: Tensor, prediction: Prediction, at: Tensor, wanted: int | None
) -> Callable[[int], Tensor]:
    """Gradients of class scores at the head's input, by class.

    A classifier's head is small and kept until its target is known. A segmenter's is as large as
    the patch, so every class that may become the target is differentiated at once.
    """
    pixels = _pixel_axes(at)

    def of(scores: Tensor, k: int) -> Tensor:
        (slope,) = torch.autograd.grad(scores[:, k].sum(), at, retain_graph=True)
        return slope.sum(pixels) if pixels else slope

    if logits.ndim == 2:
        return lambda k: of(logits, k)
    given = prediction.given
    count = given.sum((2, 3))
    weight = torch.where((count > 0)[..., None, None], given, torch.ones_like(given)).float()
    weight = weight / weight.sum((2, 3), keepdim=True)
    scores = (logits * weight).sum((2, 3))
    classes = range(logits.shape[1]) if wanted is None else (wanted,)
    return {k: of(scores, k) for k in classes}.__getitem__


def _gather(
    network: Network,
    pyramid: Pyramid,
    batches: Sequence[_Batch],
    wanted: int | None,
    number: int,
) -> _Site:
    """Rows of one site; its target is chosen over all its scales."""
    count = len(pyramid.patches)
    classes = len(network.classes)
    outputs = _stack([batch.prediction.outputs for batch in batches], (0, classes))
    share = _stack([batch.prediction.share for batch in batches], (0, classes))
    target = _choose_target(network, share, outputs) if wanted is None else wanted
    rows: dict[str, NDArray[Any]] = {
        "site_index": np.full(count, number, np.int32),
        "scale_index": np.array(pyramid.indices, np.int32),
        "variant": np.full(count, PLAIN, np.int32),
        "outputs": outputs,
        "share": share,
        "entropy": _stack([batch.prediction.entropy for batch in batches], (0,)),
        "contrast": _contrast(pyramid.patches),
        "target": np.full(count, target, np.int32),
        "upsampled": np.array(pyramid.upsampled, np.bool_),
    }
    names = batches[0].moments if batches else {}
    heard = {
        name: (
            _stack([batch.moments[name][0] for batch in batches], (0,)),
            _stack([batch.moments[name][1] for batch in batches], (0,)),
        )
        for name in names
    }
    slopes = [batch.gradient(target) for batch in batches if batch.gradient is not None]
    return _Site(rows, heard, _stack(slopes, (0,)) if slopes else None)


def _choose_target(
    network: Network, share: NDArray[np.float32], outputs: NDArray[np.float32]
) -> int:
    """The class with the largest share over the rows, background apart; ties go to the logits."""
    if share.shape[0] == 0:
        return 0
    candidates = [k for k in range(share.shape[1]) if k != network.background]
    totals, logits = share.sum(0, dtype=np.float64), outputs.sum(0, dtype=np.float64)
    return max(candidates, key=lambda k: (totals[k], logits[k]))


def _stack(parts: Sequence[Tensor], empty: tuple[int, ...]) -> NDArray[np.float32]:
    if not parts:
        return np.empty(empty, np.float32)
    return np.concatenate([part.detach().cpu().numpy().astype(np.float32) for part in parts])


def _contrast(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standard deviation of the grey values (BT.601 luminance, 0–255) of every patch."""
    spread = [float((patch @ _LUMINANCE).std()) for patch in patches]
    return np.array(spread, np.float32)


def _join(
    network: Network,
    pyramids: Sequence[Pyramid],
    sites: Sequence[_Site],
    choices: Sequence[LayerChoice],
) -> Responses:
    seen = [site for site in sites if site.moments]
    if not seen:
        raise SettingsError("no pyramid has a patch: every scale would leave the slide")
    for choice in choices:
        if choice.name not in seen[0].moments:
            raise NetworkError(f"{network.name}: layer {choice.name} did not take part")
    rows = {name: np.concatenate([site.rows[name] for site in sites]) for name in sites[0].rows}
    return Responses(
        grid=pyramids[0].grid,
        sites=tuple(pyramid.site for pyramid in pyramids),
        layers=tuple(_join_layer(network, seen, choice) for choice in choices),
        classes=network.classes,
        task=network.task,
        input_size=pyramids[0].patches.shape[1],
        batchnorm_batches=network.batchnorm_batches,
        **rows,
    )


def _join_layer(network: Network, seen: Sequence[_Site], choice: LayerChoice) -> LayerResponses:
    slopes = [site.gradient for site in seen if site.gradient is not None]
    running: dict[str, NDArray[np.float32]] = {}
    if choice.kind == "batchnorm":
        layer = network.module.get_submodule(choice.name)
        for name in ("running_mean", "running_var"):
            running[name] = _stack([getattr(layer, name)], (0,))
    return LayerResponses(
        choice.name,
        choice.kind,
        mean=np.concatenate([site.moments[choice.name][0] for site in seen]),
        var=np.concatenate([site.moments[choice.name][1] for site in seen]),
        gradient=np.concatenate(slopes) if choice.is_head and slopes else None,
        **running,
    )
