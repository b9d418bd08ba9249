"""How a format prepares its input, step by step, as the scaling, mean and std of a card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NetworkError

Array = NDArray[np.float64]


class InputSteps:
    """Steps done to colours in 0–255, composed into the keys of a card.

    Every step is linear, or takes each patch's own mean and deviation, or its own percentiles.
    What came before such a step no longer matters.

    >>> steps = InputSteps("config.json")
    >>> steps.linear(1 / 255, 0)
    >>> steps.centre([0.5], [0.25])
    >>> steps.card_keys()
    {'scaling': 'unit', 'mean': (0.5,), 'std': (0.25,)}
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._by_patch: dict[str, Any] = {}
        self._gain: Array = np.ones(1)
        self._offset: Array = np.zeros(1)

    def linear(self, gain: Any, offset: Any) -> None:
        """x · gain + offset; one number or one per channel."""
        by, plus = np.atleast_1d(np.asarray(gain, float)), np.atleast_1d(np.asarray(offset, float))
        if not all(len(one) in (1, 3) for one in (by, plus)):
            raise NetworkError(f"{self._where}: give one number or one per colour, 1 or 3")
        self._gain, self._offset = self._gain * by, self._offset * by + plus

    def centre(self, mean: Any, std: Any) -> None:
        """(x − mean) / std; one number or one per channel."""
        spread = np.atleast_1d(np.asarray(std, float))
        if (spread <= 0).any():
            raise NetworkError(f"{self._where}: a standard deviation must be above 0")
        self.linear(1, -np.asarray(mean, float))
        self.linear(1 / spread, 0)

    def range(self, low: float, high: float, new_low: float, new_high: float) -> None:
        """low … high becomes new_low … new_high."""
        if high == low:
            raise NetworkError(f"{self._where}: the range {low:g} to {high:g} is empty")
        gain = (new_high - new_low) / (high - low)
        self.linear(gain, new_low - low * gain)

    def standardise(self, *, together: bool) -> None:
        """Each patch to mean 0 and deviation 1, by channel or over all channels together."""
        self._restart({"scaling": "standardise", "together": together})

    def stretch(self, low: float, high: float, *, together: bool) -> None:
        """Each patch's percentiles to 0 and 1, by channel or over all channels together."""
        if not 0 <= low < high <= 100:
            raise NetworkError(f"{self._where}: percentiles {low:g} and {high:g} are no range")
        self._restart({"scaling": "stretch", "percentiles": (low, high), "together": together})

    def _restart(self, by_patch: dict[str, Any]) -> None:
        if (self._gain <= 0).any():
            raise NetworkError(f"{self._where}: an image is inverted before it is normalised")
        self._by_patch = {k: v for k, v in by_patch.items() if v is not False}
        self._gain, self._offset = np.ones(1), np.zeros(1)

    def card_keys(self) -> dict[str, Any]:
        """``scaling`` and what belongs to it, ``mean`` and ``std``; only what is needed."""
        if self._by_patch:
            return self._by_patch | self._mean_and_std(1.0)
        if not self._offset.any() and np.allclose(self._gain, 1):
            return {"scaling": "byte"}
        return {"scaling": "unit"} | self._mean_and_std(255.0)

    def _mean_and_std(self, top: float) -> dict[str, Any]:
        """y = x · gain + offset, as (x / top − mean) / std."""
        gain = self._gain * top
        if (gain <= 0).any():
            raise NetworkError(
                f"{self._where}: an image is multiplied by {min(gain):g}, which a card cannot say"
            )
        mean, std = np.broadcast_arrays(-self._offset / gain, 1 / gain)
        if np.allclose(mean, 0) and np.allclose(std, 1):
            return {}
        return {
            key: tuple(float(f"{value:.9g}") for value in values)
            for key, values in (("mean", mean), ("std", std))
        }
