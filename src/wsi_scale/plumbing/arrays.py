"""Types of arrays, by what they hold; their shapes stand in docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
"""As torch answers."""
Pixels = NDArray[np.uint8]
"""RGB, 0–255."""
Mask = NDArray[np.bool_]
