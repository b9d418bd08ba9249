"""A network's responses, patch by patch: the evidence that every estimator reads; without torch.

There is one row per (site, scale, variant). A patch that could not be cut has no row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.plumbing.arrays import Floats
from wsi_scale.responses.archive import ROW_ARRAYS, read_archive, write_archive
from wsi_scale.responses.layer import LayerResponses, join_layers

PLAIN = 0
COLOUR_FREED = 1
"""Variants: the patch as it was cut; the patch in the colours closest to the training data."""


@dataclass(frozen=True)
class Responses:
    """Everything that was measured on one slide: R rows, K classes.

    ``measure_responses`` makes them.

    Examples
    --------
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> from wsi_scale.networks import load_network
    >>> from wsi_scale.responses import measure_responses
    >>> from wsi_scale.slide import open_slide, sample_pyramid
    >>> grid = ScaleGrid((1.0, 2.0, 4.0))
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     pyramid = sample_pyramid(slide, Site(400, 300), grid, size=224)
    >>> responses = measure_responses(load_network("figures", device="cpu"), [pyramid])
    >>> responses.on_grid(responses.entropy).shape  # (sites, scales)
    (1, 3)
    >>> responses.between(1.0, 2.0).grid.scales
    (1.0, 2.0)
    >>> len(responses.of_sites([0]).sites), responses.layer("classifier").kind
    (1, 'pooled')
    """

    grid: ScaleGrid
    sites: tuple[Site, ...]
    """Centres of the pyramids, level-0 px."""
    site_index: NDArray[np.int32]
    """(R,) the site of each row, from 0."""
    scale_index: NDArray[np.int32]
    """(R,) the grid scale of each row, from 0."""
    variant: NDArray[np.int32]
    """(R,) PLAIN or COLOUR_FREED."""
    layers: tuple[LayerResponses, ...]
    outputs: Floats
    """(R, K) logits; for a segmenter, the mean logit of each class over the patch."""
    share: Floats
    """(R, K) probability of each class; for a segmenter, the share of pixels given to each."""
    entropy: Floats
    """(R,) entropy of the prediction in nats; for a segmenter, the mean over pixels."""
    contrast: Floats
    """(R,) standard deviation of the patch's grey values, 0–255; near 0 the patch is blank."""
    target: NDArray[np.int32]
    """(R,) class whose score was differentiated."""
    upsampled: NDArray[np.bool_]
    """(R,) True if the patch was enlarged, so that it has more pixels than real detail."""
    classes: tuple[str, ...]
    """K class names; none if the network predicts no classes."""
    task: str
    """``classify``, ``segment``, or ``detect`` or ``features``, which have no classes."""
    input_size: int
    """Side of every patch in network px."""
    batchnorm_batches: int | None = None
    """Number of batches behind the BatchNorm statistics: 0 = never trained, None = not stored."""

    def layer(self, name: str) -> LayerResponses:
        """The layer of that name.

        Raises
        ------
        KeyError
            When no such layer was measured; the message lists those that were.
        """
        for one in self.layers:
            if one.name == name:
                return one
        raise KeyError(f"no layer {name!r}; choose from {', '.join(x.name for x in self.layers)}")

    def of_kind(self, kind: str) -> tuple[LayerResponses, ...]:
        """Layers of one kind, in the order in which the image passes them.

        Parameters
        ----------
        kind : str
            ``batchnorm``, ``middle``, ``pooled`` or ``output``.

        Returns
        -------
        tuple[LayerResponses, ...]
            Empty if none was measured.
        """
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def on_grid(self, values: NDArray[Any], variant: int = PLAIN) -> NDArray[np.float64]:
        """Row values arranged by site and scale.

        Parameters
        ----------
        values : numpy.ndarray
            (R, …) one entry per row.
        variant : int
            Only rows of this variant are used.

        Returns
        -------
        numpy.ndarray
            (sites, scales, …) float64; NaN where no patch was cut.
        """
        shape = (len(self.sites), len(self.grid), *values.shape[1:])
        out = np.full(shape, np.nan)
        rows = self.variant == variant
        out[self.site_index[rows], self.scale_index[rows]] = values[rows]
        return out

    def target_shares(self) -> NDArray[np.float64]:
        """Probability of each patch's target; for a segmenter, its share of pixels.

        Returns
        -------
        numpy.ndarray
            (sites, scales) float64 in 0–1; NaN where no patch was cut.
        """
        rows = np.arange(len(self.target))
        return self.on_grid(self.share[rows, self.target])

    def between(self, lo: float, hi: float) -> Responses:
        """The responses at the grid scales of a window.

        Parameters
        ----------
        lo, hi : float
            Ends of the window, level-0 px per network px, both included.

        Returns
        -------
        Responses

        Raises
        ------
        SettingsError
            When no scale was measured there.
        """
        inside = [i for i, x in enumerate(self.grid.scales) if lo - 1e-9 <= x <= hi + 1e-9]
        if not inside:
            raise SettingsError(f"no scale was measured between {lo:g} and {hi:g}")
        return self.at_scales(inside)

    def at_scales(self, chosen: Sequence[int]) -> Responses:
        """The responses at some grid scales.

        Parameters
        ----------
        chosen : Sequence[int]
            Positions on the grid, rising.
        """
        place = np.full(len(self.grid), -1, np.int32)
        place[list(chosen)] = np.arange(len(chosen))
        rows = place[self.scale_index] >= 0
        grid = ScaleGrid(tuple(self.grid.scales[i] for i in chosen))
        return replace(self._at(rows), grid=grid, scale_index=place[self.scale_index[rows]])

    def of_sites(self, chosen: Sequence[int]) -> Responses:
        """The responses at some sites.

        Parameters
        ----------
        chosen : Sequence[int]
            Numbers of the sites, from 0, in the order to return them.
        """
        order = np.full(len(self.sites), -1, np.int32)
        order[list(chosen)] = np.arange(len(chosen))
        rows = order[self.site_index] >= 0
        sites = tuple(self.sites[i] for i in chosen)
        return replace(self._at(rows), sites=sites, site_index=order[self.site_index[rows]])

    def on_larger_grid(self, grid: ScaleGrid) -> Responses:
        """The same rows on a grid with additional scales.

        Parameters
        ----------
        grid : ScaleGrid
            Must hold all scales of the present grid.
        """
        place = np.searchsorted(grid.scales, self.grid.scales)
        index = place[self.scale_index].astype(self.scale_index.dtype)
        return replace(self, grid=grid, scale_index=index)

    def beside(self, more: Responses) -> Responses:
        """These rows, followed by more rows of the same sites on the same grid.

        Parameters
        ----------
        more : Responses
            For example another variant of the same patches.

        Raises
        ------
        ValueError
            When sites or grids differ.
        """
        if self.sites != more.sites or self.grid != more.grid:
            raise ValueError("rows can be joined only for the same sites and grid")
        index = np.concatenate([self.site_index, more.site_index])
        return replace(merge([self, more]), sites=self.sites, site_index=index)

    def _at(self, rows: NDArray[np.bool_]) -> Responses:
        """Some rows of all arrays and layers."""
        layers = tuple(layer.at(rows) for layer in self.layers)
        return replace(
            self, layers=layers, **{name: getattr(self, name)[rows] for name in ROW_ARRAYS}
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one ``.npz`` file, completely or not at all.

        Parameters
        ----------
        path : str or os.PathLike[str]
            Arrays and a JSON header; nothing is pickled.

        Raises
        ------
        OutputError
            When the file cannot be written.
        """
        write_archive(path, vars(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Responses:
        """Responses from a file that ``save`` wrote.

        Parameters
        ----------
        path : str or os.PathLike[str]
            The ``.npz`` file.

        Returns
        -------
        Responses

        Raises
        ------
        WsiScaleError
            When the file cannot be read, or holds anything else.
        """
        return cls(**read_archive(path))


def merge(parts: list[Responses]) -> Responses:
    """Several measurements with the same network and grid, as one.

    Parameters
    ----------
    parts : list[Responses]
        At least one; same grid, same layers.

    Returns
    -------
    Responses
        Sites and rows are appended in order.

    Examples
    --------
    >>> from wsi_scale import Pyramid, ScaleGrid, Site, load_network, measure_responses
    >>> patch = np.zeros((1, 96, 96, 3), np.uint8)
    >>> pyramid = Pyramid(Site(50, 50), ScaleGrid((1.0,)), (0,), patch, (False,))
    >>> one = measure_responses(load_network("figures", device="cpu"), [pyramid])
    >>> merge([one, one]).site_index.tolist()
    [0, 1]
    """
    first = parts[0]
    offsets = np.cumsum([0, *(len(part.sites) for part in parts[:-1])])
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ROW_ARRAYS
        if name != "site_index"
    }
    rows["site_index"] = np.concatenate(
        [part.site_index + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]
    )
    layers = tuple(join_layers([x.layers[i] for x in parts]) for i in range(len(first.layers)))
    sites = tuple(site for part in parts for site in part.sites)
    return replace(first, sites=sites, layers=layers, **rows)
