"""The slide to try things on, which comes with every installation."""

from __future__ import annotations

from pathlib import Path

from wsi_scale.errors import SlideError

NAME = "CMU-1-Small-Region.svs"
_PACKAGE = Path(__file__).parents[1]


def sample_slide() -> Path:
    """Where the sample slide lies: H&E, 2220 × 2967 px, 0.499 µm/px, one level.

    OpenSlide's test data (Carnegie Mellon University), CC0. Raises SlideError if this installation
    lacks it.

    >>> sample_slide().name
    'CMU-1-Small-Region.svs'
    """
    # in a wheel, and in a checkout
    for folder in (_PACKAGE / "sample_data", _PACKAGE.parents[1] / "sample_data"):
        if (folder / NAME).is_file():
            return folder / NAME
    raise SlideError(f"the sample slide {NAME} is missing; install wsi-scale again")
