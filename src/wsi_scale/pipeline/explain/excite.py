"""The patches that excite a channel most, and where in them it responds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.geometry import ScaleGrid
from wsi_scale.networks.hooks import at_work
from wsi_scale.networks.layers import LayerChoice
from wsi_scale.networks.network import Network
from wsi_scale.pipeline.explain.explanation import ExcitedPatch
from wsi_scale.pipeline.explain.grad_cam import has_planes, planes_of
from wsi_scale.plumbing.arrays import Floats
from wsi_scale.responses.record import Responses
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid

MOST_ACTIVE = 0.1
"""Share of a patch that is marked: where the channel responds most."""

MOST_CELLS = 16
"""Cells along a side in which the response is averaged first, so that the mark can be seen."""


def strongest(
    responses: Responses, values: Floats, scales: Sequence[int], count: int
) -> list[tuple[int, int, float]]:
    """The patches with the largest response of a channel, each of another site.

    Parameters
    ----------
    responses : Responses
        What was measured.
    values : numpy.ndarray
        (R,) the channel's response to each patch.
    scales : Sequence[int]
        Positions on the grid to choose from.
    count : int
        Patches wanted; fewer come back if there are fewer sites.

    Returns
    -------
    list of (int, int, float)
        Site, position on the grid, response; strongest first.
    """
    found = responses.on_grid(values)[:, list(scales)]
    best = np.where(np.isfinite(found), found, -np.inf)
    highest = best.max(axis=1)
    sites = [int(i) for i in np.argsort(-highest, kind="stable") if highest[i] > -np.inf][:count]
    columns = best.argmax(axis=1)
    return [(i, int(scales[columns[i]]), float(best[i, columns[i]])) for i in sites]


def cut_excited(
    slide: Slide,
    responses: Responses,
    chosen: Sequence[tuple[int, int, float]],
    answer: int | None,
) -> tuple[ExcitedPatch, ...]:
    """The patches that ``strongest`` chose, cut from the slide; not yet marked.

    answer: position on the grid of the measured scale nearest to the answer.
    """
    found = []
    for site, place, response in chosen:
        scale = responses.grid.scales[place]
        at = responses.sites[site]
        pyramid = sample_pyramid(slide, at, ScaleGrid((scale,)), size=responses.input_size)
        found.append(ExcitedPatch(at, scale, place == answer, response, pyramid.patches[0], None))
    return tuple(found)


@dataclass(frozen=True)
class ToMark:
    """A patch, and the channel that is to be marked in it."""

    layer: LayerChoice
    index: int
    patch: ExcitedPatch


def mark(network: Network, asked: Sequence[ToMark], batch_size: int) -> list[ExcitedPatch]:
    """The patches, each with the tenth of it where its channel responds most.

    Patches of layers without pixels, and of networks without hooks, stay as they are.
    """
    done: list[ExcitedPatch] = []
    for start in range(0, len(asked), batch_size):
        part = asked[start : start + batch_size]
        patches = np.stack([one.patch.patch for one in part])
        layers = {one.layer for one in part} if network.calls else set()
        with torch.no_grad(), at_work(network.module), _heard(network, layers) as heard:
            network.logits(network.prepare(patches))
        for row, one in enumerate(part):
            seen = heard.get(one.layer.name)
            if seen is None or not has_planes(seen, len(part)):
                done.append(one.patch)
            else:
                plane = planes_of(seen)[row, one.index].float().cpu().numpy()
                done.append(replace(one.patch, where=most_active(plane)))
    return done


def most_active(plane: NDArray[np.floating[Any]]) -> NDArray[np.bool_] | None:
    """Where the largest tenth of the values lies; None if all values are alike.

    >>> most_active(np.array([[0.0, 1.0], [0.0, 0.0]])).tolist()
    [[False, True], [False, False]]
    """
    plane = _in_cells(plane)
    if plane.max() == plane.min():
        return None
    limit = np.quantile(plane, 1 - MOST_ACTIVE, method="higher")
    return np.asarray((plane >= limit) & (plane > plane.min()))


def _in_cells(plane: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Means over at most MOST_CELLS × MOST_CELLS nearly equal cells."""
    sums = plane.astype(float)
    for axis in (0, 1):
        count = min(MOST_CELLS, sums.shape[axis])
        starts = np.linspace(0, sums.shape[axis], count, endpoint=False).round().astype(int)
        sizes = np.diff(np.append(starts, sums.shape[axis]))
        sums = np.add.reduceat(sums, starts, axis=axis)
        sums = sums / (sizes[:, None] if axis == 0 else sizes)
    return sums


@contextmanager
def _heard(network: Network, layers: set[LayerChoice]) -> Iterator[dict[str, Tensor]]:
    """While open, keep what goes into or comes out of some layers, at their first use."""
    heard: dict[str, Tensor] = {}
    handles = []

    def keep_input(name: str) -> Any:
        def listen(_: nn.Module, args: tuple[Any, ...]) -> None:
            heard.setdefault(name, args[0].detach().clone())

        return listen

    def keep_output(name: str) -> Any:
        def listen(_: nn.Module, __: Any, result: Any) -> None:
            heard.setdefault(name, result.detach().clone())

        return listen

    try:
        for layer in layers:
            module = network.module.get_submodule(layer.name)
            if layer.tap == "input":
                handles.append(module.register_forward_pre_hook(keep_input(layer.name)))
            else:
                handles.append(module.register_forward_hook(keep_output(layer.name)))
        yield heard
    finally:
        for handle in handles:
            handle.remove()
