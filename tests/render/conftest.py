"""Reports of every kind, made by hand."""

import numpy as np
import pytest

from wsi_scale.report import Report

SCALES = [float(scale) for scale in np.geomspace(0.5, 16, 41)]


def make_report(verdict="ok", scale=4.02, **changes):
    """A report as one run might write it; changes replace fields or, as a dict, parts of them."""
    mpp = changes.pop("mpp", 0.2434)
    octaves = np.log2(SCALES)
    score = -((octaves - np.log2(scale or 4)) ** 2) * (0.0 if verdict == "flat" else 1.0)
    score += 0.05 * np.sin(9 * octaves)
    curve = {
        "scales": SCALES,
        "score": [*map(float, score[:38]), None, None, None],
        "low": [*map(float, score[:38] - 0.3), None, None, None],
        "high": [*map(float, score[:38] + 0.3), None, None, None],
    }
    levels = [(40000, 30000, 1.0), (10000, 7500, 4.0), (2500, 1875, 16.0)]
    number = scale is not None
    known = number and mpp is not None
    content = {
        "slide": {
            "path": "slides/example.svs",
            "reader": "openslide",
            "mpp": (mpp, mpp) if mpp else None,
            "mpp_source": "aperio.MPP" if mpp else None,
            "objective_power": 20.0,
            "levels": [{"width": w, "height": h, "downsample": d} for w, h, d in levels],
        },
        "network": {
            "spec": "figures",
            "name": "figures",
            "training_mpp": None,
            "training_scale": 4.0,
            "input_size": 224,
            "sha256": "0" * 64,
        },
        "estimator": "profile",
        "scale": scale,
        "interval_level": 0.9,
        "scale_interval": (scale / 1.04, scale * 1.04) if number else None,
        "tolerance": (scale / 1.3, scale * 1.3) if number else None,
        "mpp": scale * mpp if known else None,
        "mpp_interval": (scale * mpp / 1.04, scale * mpp * 1.04) if known else None,
        "verdict": verdict,
        "reason": "the layers agree and the curve has one peak",
        "warnings": [],
        "candidates": [],
        "voices": {"profile": scale, "fingerprint": 4.4, "confidence": 3.1, "extrema": 5.2},
        "nearest_level": {"level": 1, "downsample": 4.0, "residual": scale / 4} if number else None,
        "ruler": {},
        "classes": [],
        "sites": [{"x": 1000.5, "y": 2000.25, "scale": scale}, {"x": 5, "y": 6, "scale": None}],
        "curve": curve,
        "provenance": {
            "version": "0.1.0",
            "seed": 0,
            "resampling": "pillow-bicubic-antialiased",
            "torch": "2.6.0",
            "seconds": 12.5,
            "patches": 984,
        },
    }
    for name, value in changes.items():
        content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
    return Report.model_validate(content)


VERDICTS = {
    "ok": {},
    "edge": {"scale": 16.0, "reason": "the score still rises at the largest scale"},
    "ambiguous": {
        "candidates": [{"scale": 4.02, "score": 0.0}, {"scale": 1.5, "score": -0.2}],
        "reason": "two peaks are equally high",
    },
    "outside": {"reason": "the responses lie 6 standard deviations from the reference"},
    "flat": {"scale": None, "reason": "the score changes less over the range than between sites"},
    "blank": {"scale": None, "reason": "every patch is nearly one colour"},
    "no_evidence": {"scale": None, "reason": "the network has no BatchNorm and no profile"},
}


@pytest.fixture(name="make_report")
def give_make_report():
    return make_report


@pytest.fixture(params=VERDICTS)
def any_report(request):
    return make_report(request.param, **VERDICTS[request.param])


@pytest.fixture
def strip():
    random = np.random.default_rng(0)
    return [
        (float(scale), random.integers(0, 255, (64, 64, 3), dtype=np.uint8))
        for scale in np.geomspace(0.5, 16, 7)
    ]
