"""Sample slides: two that are drawn, and a scanned one where it is at hand."""

from __future__ import annotations

from pathlib import Path

from wsi_scale.errors import SlideError
from wsi_scale.slide.readers import open_slide
from wsi_scale_napari.reader import LayerData, slide_layer

FIGURES = "synthetic:figures?seed=1&stretch=0.8&width=6000&height=5000"
TISSUE = "synthetic:tissue?seed=1&mpp=0.5&width=6000&height=5000"
CMU = Path(__file__).parents[2] / "sample_data" / "CMU-1-Small-Region.svs"


def figures() -> list[LayerData]:
    """The model problem's figures, for which the bundled network's right scale is 4."""
    return _sample(FIGURES)


def tissue() -> list[LayerData]:
    """Tissue-like texture at 0.5 µm/px."""
    return _sample(TISSUE)


def cmu() -> list[LayerData]:
    """A region of OpenSlide's CMU-1; it comes with a checkout, not with an installed wheel."""
    if not CMU.is_file():
        raise SlideError(
            "CMU-1 does not come with an installed wsi-scale; it lies in sample_data of its source"
        )
    return _sample(str(CMU))


def _sample(source: str) -> list[LayerData]:
    return [slide_layer(open_slide(source), source)]
