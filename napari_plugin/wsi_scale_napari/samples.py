"""Sample slides: two drawn ones, and a scanned one if it is available."""

from __future__ import annotations

from pathlib import Path

from wsi_scale.errors import SlideError
from wsi_scale.slide.readers import open_slide
from wsi_scale_napari.reader import LayerData, slide_layer

FIGURES = "synthetic:figures?seed=1&stretch=0.8&width=6000&height=5000"
TISSUE = "synthetic:tissue?seed=1&mpp=0.5&width=6000&height=5000"
CMU = Path(__file__).parents[2] / "sample_data" / "CMU-1-Small-Region.svs"


def figures() -> list[LayerData]:
    """Drawn figures; the right scale of the bundled network `figures` is 4."""
    return _sample(FIGURES)


def tissue() -> list[LayerData]:
    """Tissue-like texture at 0.5 µm/px."""
    return _sample(TISSUE)


def cmu() -> list[LayerData]:
    """A region of OpenSlide's CMU-1. It is part of a checkout, not of an installed wheel."""
    if not CMU.is_file():
        raise SlideError(
            "CMU-1 does not come with an installed wsi-scale; find it in sample_data of the source"
        )
    return _sample(str(CMU))


def _sample(source: str) -> list[LayerData]:
    return [slide_layer(open_slide(source), source)]
