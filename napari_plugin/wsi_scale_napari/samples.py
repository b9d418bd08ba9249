"""Sample slides: two drawn ones and a scanned one."""

from __future__ import annotations

from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.sample_slide import sample_slide
from wsi_scale_napari.reader import NETWORK, LayerData, slide_layer

FIGURES = "synthetic:figures?seed=1&stretch=0.8&width=6000&height=5000"
TISSUE = "synthetic:tissue?seed=1&mpp=0.5&width=6000&height=5000"


def figures() -> list[LayerData]:
    """Drawn figures; the right scale of the bundled network `figures` is 4."""
    return _sample(FIGURES, {NETWORK: "figures"})


def tissue() -> list[LayerData]:
    """Tissue-like texture at 0.5 µm/px."""
    return _sample(TISSUE)


def cmu() -> list[LayerData]:
    """A region of OpenSlide's CMU-1, which comes with wsi-scale."""
    return _sample(str(sample_slide()))


def _sample(source: str, more: dict[str, str] | None = None) -> list[LayerData]:
    levels, options, kind = slide_layer(open_slide(source), source)
    return [(levels, options | {"metadata": options["metadata"] | (more or {})}, kind)]
