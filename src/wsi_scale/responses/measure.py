"""Pyramids in, Responses out: forward passes, moments of layers, gradients of the target score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsi_scale.errors import NetworkError, SettingsError
from wsi_scale.networks.answer import Prediction, activate, predict
from wsi_scale.networks.hooks import Moments, at_rest, at_work, hooked, moments, pixel_axes
from wsi_scale.networks.layers import OUTPUT, LayerChoice
from wsi_scale.networks.network import Network, luminance
from wsi_scale.networks.wording import listed
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import PLAIN, Responses
from wsi_scale.slide.pyramid import Pyramid

__all__ = ["at_rest", "find_target", "hooked", "measure_responses"]


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
class _Asked:
    """What every batch is asked."""

    network: Network
    choices: tuple[LayerChoice, ...]
    wanted: int | None
    """The class whose score is differentiated; None = chosen site by site."""
    slopes: tuple[str, ...]
    """Which gradients are asked for at the head's input, if any."""


@dataclass(frozen=True)
class _BatchAnswers:
    """Answers to one batch of patches of one site."""

    prediction: Prediction
    moments: dict[str, Moments]
    slopes: dict[str, Callable[[int], Tensor]]
    """(N, C) gradients of a class's score, or probability, at the head's input."""
    contrast: Tensor
    """(N,) standard deviation of the grey values (BT.601 luminance, 0–255) of every patch."""


@dataclass(frozen=True)
class _SiteAnswers:
    """Answers to one pyramid, as arrays with one row per patch."""

    rows: dict[str, NDArray[Any]]
    moments: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    slopes: dict[str, NDArray[np.float32]]


def measure_responses(
    network: Network,
    pyramids: Iterable[Pyramid],
    *,
    layers: Sequence[str] | None = None,
    target: str | int | None = None,
    batch_size: int = 32,
    gradient: bool = True,
    probability_gradient: bool = False,
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
    probability_gradient: whether to differentiate the target's probability, after softmax, too.
    Raises NetworkError for an unknown layer or NaN answers, SettingsError for an unknown class.
    """
    if batch_size < 1:
        raise SettingsError(f"a batch needs at least 1 patch, got {batch_size}")
    choices = network.layers(layers)
    wanted = {"gradient": gradient, "probability_gradient": probability_gradient}
    slopes = tuple(name for name, yes in wanted.items() if yes)
    if not any(choice.is_head for choice in choices):
        slopes = ()
    asked = _Asked(network, choices, find_target(network, target), slopes)
    kept: list[Pyramid] = []
    sites: list[_SiteAnswers] = []
    with at_work(network.module):
        for pyramid in pyramids:
            _check_alike(kept, pyramid)
            batches = [
                _measure_batch(asked, pyramid.patches[i : i + batch_size])
                for i in range(0, len(pyramid.patches), batch_size)
            ]
            sites.append(_gather(asked, pyramid, batches, len(sites)))
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


def _measure_batch(asked: _Asked, patches: NDArray[np.uint8]) -> _BatchAnswers:
    """One forward pass. Only the head's input needs a gradient, so only the head keeps a graph."""
    network, choices = asked.network, asked.choices
    follow = bool(asked.slopes)
    hooks = hooked(network.module, choices, follow_head=follow)
    colours = network.colours(patches)
    with torch.set_grad_enabled(follow), hooks as ears:
        logits = network.logits(network.feed(colours))
    with torch.no_grad():
        prediction = predict(logits.detach(), network.activation)
        contrast = luminance(colours).std((1, 2, 3), correction=0)
    if OUTPUT in choices:
        ears.moments[OUTPUT.name] = moments(logits.detach())
    for name, (mean, var) in ears.moments.items():
        if not bool(torch.isfinite(mean).all() & torch.isfinite(var).all()):
            raise NetworkError(f"{network.name}: layer {name} answers NaN or infinite values")
    found = {}
    if ears.head_input is not None:
        for name in asked.slopes:
            with torch.enable_grad():
                scores = logits if name == "gradient" else activate(logits, network.activation)
            found[name] = _differentiate(scores, prediction, ears.head_input, asked.wanted)
    return _BatchAnswers(prediction, ears.moments, found, contrast)


def _differentiate(
    answer: Tensor, prediction: Prediction, at: Tensor, wanted: int | None
) -> Callable[[int], Tensor]:
    """Gradients of class scores at the head's input, by class.

    answer: (N, K[, H, W]) logits or probabilities.
    A classifier's head is small and kept until its target is known. A segmenter's is as large as
    the patch, so every class that may become the target is differentiated at once.
    """
    pixels = pixel_axes(at)

    def of(scores: Tensor, k: int) -> Tensor:
        (slope,) = torch.autograd.grad(scores[:, k].sum(), at, retain_graph=True)
        return slope.sum(pixels) if pixels else slope

    if answer.ndim == 2:
        return lambda k: of(answer, k)
    given = prediction.given
    count = given.sum((2, 3))
    weight = torch.where((count > 0)[..., None, None], given, torch.ones_like(given)).float()
    weight = weight / weight.sum((2, 3), keepdim=True)
    scores = (answer * weight).sum((2, 3))
    classes = range(answer.shape[1]) if wanted is None else (wanted,)
    return {k: of(scores, k) for k in classes}.__getitem__


def _gather(
    asked: _Asked, pyramid: Pyramid, batches: Sequence[_BatchAnswers], number: int
) -> _SiteAnswers:
    """Rows of one site; its target is chosen over all its scales."""
    count = len(pyramid.patches)
    network, wanted = asked.network, asked.wanted
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
        "contrast": _stack([batch.contrast for batch in batches], (0,)),
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
    slopes = {
        name: _stack([batch.slopes[name](target) for batch in batches], (0,))
        for name in (batches[0].slopes if batches else ())
    }
    return _SiteAnswers(rows, heard, slopes)


def _choose_target(
    network: Network, share: NDArray[np.float32], outputs: NDArray[np.float32]
) -> int:
    """The class with the largest share over the rows, background apart; ties go to the logits."""
    if share.shape[0] == 0:
        return 0
    candidates = network.foreground
    totals, logits = share.sum(0, dtype=np.float64), outputs.sum(0, dtype=np.float64)
    return max(candidates, key=lambda k: (totals[k], logits[k]))


def _stack(parts: Sequence[Tensor], empty: tuple[int, ...]) -> NDArray[np.float32]:
    if not parts:
        return np.empty(empty, np.float32)
    return np.concatenate([part.detach().float().cpu().numpy() for part in parts])


def _join(
    network: Network,
    pyramids: Sequence[Pyramid],
    sites: Sequence[_SiteAnswers],
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


def _join_layer(
    network: Network, seen: Sequence[_SiteAnswers], choice: LayerChoice
) -> LayerResponses:
    slopes = {
        name: np.concatenate([site.slopes[name] for site in seen])
        for name in (seen[0].slopes if choice.is_head else ())
    }
    running: dict[str, NDArray[np.float32]] = {}
    if choice.kind == "batchnorm":
        layer = network.module.get_submodule(choice.name)
        for name in ("running_mean", "running_var"):
            running[name] = _stack([getattr(layer, name)], (0,))
    return LayerResponses(
        choice.name,
        choice.kind,
        encoder=choice.encoder,
        mean=np.concatenate([site.moments[choice.name][0] for site in seen]),
        var=np.concatenate([site.moments[choice.name][1] for site in seen]),
        **slopes,
        **running,
    )
