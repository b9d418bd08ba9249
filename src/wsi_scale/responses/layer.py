"""The responses of one layer of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsi_scale.plumbing.arrays import Floats, Mask

LAYER_WORDS = ("name", "kind", "encoder")
LAYER_ARRAYS = (
    "mean",
    "var",
    "gradient",
    "probability_gradient",
    "running_mean",
    "running_var",
)


@dataclass(frozen=True)
class LayerResponses:
    """The responses of one layer, one row (R) per patch and one column (C) per channel.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale.responses import LayerResponses
    >>> mean = np.array([[1.0], [2.0], [3.0]], np.float32)
    >>> layer = LayerResponses("features.3", "middle", mean, np.ones_like(mean))
    >>> layer.at(np.array([True, False, True])).mean.ravel().tolist()
    [1.0, 3.0]
    """

    name: str
    """Dotted module name inside the network, e.g. ``features.3``."""
    kind: str
    """``batchnorm`` (input of a BatchNorm), ``middle``, ``pooled`` or ``output``."""
    mean: Floats
    """(R, C) mean over the patch's pixels."""
    var: Floats
    """(R, C) population variance over the patch's pixels; 0 if the layer has no pixels."""
    gradient: Floats | None = None
    """(R, C) change of the target score, before softmax, per unit added to the whole channel; None
    if it was not measured."""
    probability_gradient: Floats | None = None
    """(R, C) the same for the target's probability, after softmax; None if it was not measured."""
    running_mean: Floats | None = None
    """(C,) the BatchNorm's stored training mean; None for other layers."""
    running_var: Floats | None = None
    """(C,) the BatchNorm's stored training variance; None for other layers."""
    encoder: bool = False
    """True for a BatchNorm up to and including the last one at the coarsest resolution."""

    def at(self, rows: Mask) -> LayerResponses:
        """The same layer with some of its rows.

        Parameters
        ----------
        rows : numpy.ndarray
            (R,) bool; True for the rows to keep.

        Returns
        -------
        LayerResponses
        """
        moving = [part for part in LAYER_ARRAYS if not part.startswith("running")]
        found = {part: getattr(self, part) for part in moving}
        return replace(
            self, **{part: value[rows] for part, value in found.items() if value is not None}
        )

    def check(self, rows: int) -> None:
        """Raise ValueError, one clause, unless its arrays fit together and have ``rows`` rows."""
        if self.kind == "batchnorm" and (self.running_mean is None or self.running_var is None):
            raise ValueError(f"layer {self.name} lacks its stored statistics")
        channels = self.mean.shape[1:]
        for name in LAYER_ARRAYS:
            values = getattr(self, name)
            shape = channels if name.startswith("running") else (rows, *channels)
            if values is None:
                continue
            if values.shape != shape or len(channels) != 1 or not np.isfinite(values).all():
                raise ValueError(f"{name} of layer {self.name} has a wrong shape or is not finite")
            if name.endswith("var") and (values < 0).any():
                raise ValueError(f"{name} of layer {self.name} is negative")


def join_layers(parts: Sequence[LayerResponses]) -> LayerResponses:
    """The rows of one layer's parts, one after the other."""
    return replace(
        parts[0],
        mean=np.concatenate([part.mean for part in parts]),
        var=np.concatenate([part.var for part in parts]),
        gradient=_concatenate_optional([part.gradient for part in parts]),
        probability_gradient=_concatenate_optional([part.probability_gradient for part in parts]),
    )


def _concatenate_optional(arrays: list[Floats | None]) -> Floats | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present) if len(present) == len(arrays) else None
