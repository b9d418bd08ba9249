"""Array types by content. Shapes are given in docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
"""What torch returns."""
Pixels = NDArray[np.uint8]
"""RGB, 0 to 255."""
Mask = NDArray[np.bool_]
