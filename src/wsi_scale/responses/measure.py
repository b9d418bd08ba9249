"""From pyramids to Responses: forward passes, moments of layers, gradients of the target score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsi_scale.errors import NetworkError, SettingsError
from wsi_scale.networks.answer import Prediction, activate, class_scores, predict
from wsi_scale.networks.hooks import Moments, at_rest, at_work, hooked, moments, pixel_axes
from wsi_scale.networks.layers import OUTPUT, LayerChoice
from wsi_scale.networks.network import Network, luminance
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import PLAIN, Responses
from wsi_scale.responses.target_class import choose_target, find_target
from wsi_scale.slide.pyramid import Pyramid

__all__ = ["at_rest", "find_target", "hooked", "measure_responses"]


@dataclass(frozen=True)
class _Asked:
    """What is measured on every batch."""

    network: Network
    choices: tuple[LayerChoice, ...]
    wanted: int | None
    """The class whose score is differentiated; None: chosen at every site."""
    slopes: tuple[str, ...]
    """Gradients to take at the head's input, if any."""


@dataclass(frozen=True)
class _BatchAnswers:
    """What one batch of patches of one site gave."""

    prediction: Prediction
    moments: dict[str, Moments]
    slopes: dict[str, Callable[[int], Tensor]]
    """(N, C) gradients of a class's score, or probability, at the head's input."""
    contrast: Tensor
    """(N,) standard deviation of each patch's grey values (BT.601 luminance, 0–255)."""


@dataclass(frozen=True)
class _SiteAnswers:
    """What one pyramid gave, as arrays with one row per patch."""

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
    """The responses of a network's layers to the patches of every pyramid.

    Parameters
    ----------
    network : Network
        From ``load_network`` or ``build_network``.
    pyramids : Iterable[Pyramid]
        All on the same scale grid and of the same patch side; at least one.
    layers : Sequence[str], optional
        Names or patterns. Default: the card's, else chosen by the network's structure.
    target : str or int, optional
        Class whose score is differentiated. Default: at every site the most probable class; for a
        segmenter, the most frequent one that is not background.
    batch_size : int
        Patches shown at once, at least 1; bounds the memory and does not change the responses.
    gradient : bool
        Whether to differentiate the target score, before softmax, at the head's input. A
        segmenter's score is the mean logit over the pixels predicted as the target, or over all
        pixels if none is.
    probability_gradient : bool
        Whether to differentiate the target's probability, after softmax, too.

    Returns
    -------
    Responses
        One row per site and scale whose patch fits on the slide.

    Raises
    ------
    NetworkError
        For an unknown layer, NaN or infinite responses.
    SettingsError
        For an unknown class, a batch size below 1, or pyramids that cannot be measured together.

    Examples
    --------
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> from wsi_scale.networks import load_network
    >>> from wsi_scale.responses import measure_responses
    >>> from wsi_scale.slide import open_slide, sample_pyramid
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     pyramid = sample_pyramid(slide, Site(400, 300), ScaleGrid((1.0, 2.0)), size=224)
    >>> responses = measure_responses(load_network("figures", device="cpu"), [pyramid])
    >>> responses.share.shape, len(responses.of_kind("batchnorm"))
    ((2, 20), 6)
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
    """The pyramid without its pixels, so that the memory of earlier sites is freed."""
    return Pyramid(pyramid.site, pyramid.grid, pyramid.indices, pyramid.patches[:0].copy(), ())


def _check_alike(kept: Sequence[Pyramid], pyramid: Pyramid) -> None:
    if kept and (
        pyramid.grid != kept[0].grid or pyramid.patches.shape[1:] != kept[0].patches.shape[1:]
    ):
        raise SettingsError(
            "pyramids that are measured together need the same scale grid and patch side"
        )


def _measure_batch(asked: _Asked, patches: NDArray[np.uint8]) -> _BatchAnswers:
    """One forward pass; only the head keeps a graph, because only its input needs a gradient."""
    network, choices = asked.network, asked.choices
    follow = bool(asked.slopes)
    hooks = hooked(network.module, choices, follow_head=follow)
    colours = network.colours(patches)
    with torch.set_grad_enabled(follow), hooks as caught:
        logits = network.logits(network.feed(colours))
    with torch.no_grad():
        prediction = predict(logits.detach(), network.activation)
        contrast = luminance(colours).std((1, 2, 3), correction=0)
    if OUTPUT in choices:
        caught.moments[OUTPUT.name] = moments(logits.detach())
    for name, (mean, var) in caught.moments.items():
        if not bool(torch.isfinite(mean).all() & torch.isfinite(var).all()):
            raise NetworkError(f"{network.name}: layer {name} returned NaN or infinite values")
    found = {}
    if caught.head_input is not None:
        for name in asked.slopes:
            with torch.enable_grad():
                scores = logits if name == "gradient" else activate(logits, network.activation)
            found[name] = _differentiate(scores, prediction, caught.head_input, asked.wanted)
    return _BatchAnswers(prediction, caught.moments, found, contrast)


def _differentiate(
    answer: Tensor, prediction: Prediction, at: Tensor, wanted: int | None
) -> Callable[[int], Tensor]:
    """Gradients of class scores at the head's input, by class.

    answer: (N, K[, H, W]) logits or probabilities. A classifier's head is small and is kept until
    its target is known. A segmenter's head is as large as the patch, so every class that may become
    the target is differentiated at once.
    """
    pixels = pixel_axes(at)

    def of(scores: Tensor, k: int) -> Tensor:
        (slope,) = torch.autograd.grad(scores[:, k].sum(), at, retain_graph=True)
        return slope.sum(pixels) if pixels else slope

    if answer.ndim == 2:
        return lambda k: of(answer, k)
    scores = class_scores(answer, prediction.given)
    classes = range(answer.shape[1]) if wanted is None else (wanted,)
    return {k: of(scores, k) for k in classes}.__getitem__


def _gather(
    asked: _Asked, pyramid: Pyramid, batches: Sequence[_BatchAnswers], number: int
) -> _SiteAnswers:
    """Rows of one site; one target is chosen for all its scales."""
    count = len(pyramid.patches)
    network, wanted = asked.network, asked.wanted
    classes = len(network.classes)
    outputs = _stack([batch.prediction.outputs for batch in batches], (0, classes))
    share = _stack([batch.prediction.share for batch in batches], (0, classes))
    target = choose_target(network, share, outputs) if wanted is None else wanted
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
    measured = {
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
    return _SiteAnswers(rows, measured, slopes)


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
        raise SettingsError("no pyramid has a patch, because every scale reaches beyond the slide")
    for choice in choices:
        if choice.name not in seen[0].moments:
            raise NetworkError(f"{network.name}: layer {choice.name} was not used")
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
