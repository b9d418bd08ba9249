"""Reports whose export can be computed by hand."""

import pytest

from wsi_scale.report import Report


def make_answer(
    path="slides/a.svs", scale=2.0, mpp=0.25, verdict="ok", ruler=None, pixels=None, **network
):
    """A report about a slide of three levels; mpp: a number, (x, y) or None."""
    levels = [(4000, 3000, 1.0), (1000, 750, 4.0), (250, 187, 16.0)]
    known = scale is not None
    level = 1 if known and scale >= 4 else 0
    both = (mpp, mpp) if isinstance(mpp, float) else mpp
    about = {
        "spec": "figures",
        "name": "figures",
        "training_mpp": None,
        "training_scale": None,
        "input_size": 224,
        "sha256": None,
    }
    content = {
        "slide": {
            "path": path,
            "reader": "openslide",
            "mpp": both,
            "mpp_source": "aperio.MPP" if both else None,
            "levels": [{"width": w, "height": h, "downsample": d} for w, h, d in levels],
        },
        "network": about | network,
        "estimator": "profile",
        "scale": scale,
        "interval_level": 0.9,
        "scale_interval": (scale / 1.1, scale * 1.1) if known else None,
        "tolerance": None,
        "mpp": None,
        "mpp_interval": None,
        "verdict": verdict,
        "reason": "one clear peak" if verdict == "ok" else "unlike the reference",
        "warnings": [],
        "candidates": [],
        "voices": {},
        "nearest_level": {"level": level, "downsample": 4.0**level, "residual": scale / 4.0**level}
        if known
        else None,
        "ruler": ruler or {},
        "pixels": pixels,
        "classes": [],
        "sites": [{"x": 1000.0, "y": 800.0, "scale": scale}],
        "curve": {"scales": [1.0], "score": [0.0], "low": [0.0], "high": [0.0]},
        "provenance": {
            "version": "0",
            "seed": 0,
            "resampling": "r",
            "torch": None,
            "seconds": 0.0,
            "patches": 0,
        },
    }
    return Report.model_validate(content)


@pytest.fixture
def answer():
    return make_answer
