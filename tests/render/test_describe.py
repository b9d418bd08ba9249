"""A slide in words: one line, and what does not fit."""

import numpy as np

from wsi_scale.render.describe import slide_doubts, slide_line
from wsi_scale.slide.metadata import Finding
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.resolution import PLAIN


def test_only_what_does_not_fit_is_a_doubt():
    with open_slide(np.zeros((80, 100, 3), np.uint8), mpp=0.5) as slide:
        assert slide_line(slide) == "0.5 µm/px · 100 × 80 px · 1 level · array"
        assert slide_doubts(slide) == []
        slide.audit = (
            Finding("aperio.MPP", "0.5", 0.5, "used"),
            Finding("tiff.XResolution", "10000", 1.0, "conflicts"),
            Finding("aperio.AppMag", "20", None, "information", PLAIN),
            Finding("level 1", "40 × 40 px", None, "information", "it may show another part"),
            Finding("openslide.mpp-x", "0", None, "nonsense", "no pixel is so small"),
        )
        assert slide_doubts(slide) == [
            "tiff.XResolution says 10000, which differs from the µm/px in use",
            "level 1, 40 × 40 px: it may show another part",
            "openslide.mpp-x, 0: no pixel is so small",
        ]


def test_fields_that_differ_share_one_line_and_so_do_equal_notes():
    with open_slide(np.zeros((80, 100, 3), np.uint8), mpp=0.1) as slide:
        slide.audit = (
            Finding("aperio.MPP", "0.5", 0.5, "conflicts"),
            Finding("openslide.mpp-x", "0.5", 0.5, "conflicts"),
            Finding("openslide.mpp-y", "0.5", 0.5, "conflicts"),
            Finding("openslide.objective-power", "20", None, "information", "it means 0.5 µm/px"),
            Finding("aperio.AppMag", "20", None, "information", "it means 0.5 µm/px"),
        )
        assert slide_doubts(slide) == [
            "aperio.MPP says 0.5, openslide.mpp-x says 0.5 and 1 more field, which differ from the "
            "µm/px in use",
            "openslide.objective-power, 20: it means 0.5 µm/px",
        ]
