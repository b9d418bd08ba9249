"""A row is the report, flattened: nothing is lost there and back."""

import pytest

from wsi_scale.batch.parts import schema
from wsi_scale.batch.row import columns, failed_row, flatten, unflatten
from wsi_scale.report import AsIs, Candidate, NearestLevel, PixelAudit, PixelField, Report


def make_report(**values):
    """A report without optional parts, except for ``values``."""
    level = {"width": 300, "height": 200, "downsample": 1.0}
    content = {
        "schema": "wsi-scale/report/1",
        "slide": {
            "path": "/s/a.svs",
            "reader": "openslide",
            "mpp": [0.5, 0.5],
            "mpp_source": "aperio.MPP",
            "levels": [level],
        },
        "network": {
            "spec": "n",
            "name": "n",
            "training_mpp": None,
            "training_scale": None,
            "input_size": 96,
            "sha256": None,
        },
        "estimator": "fingerprint",
        "scale": 2.0,
        "interval_level": 0.9,
        "scale_interval": [1.9, 2.1],
        "tolerance": None,
        "mpp": 1.0,
        "mpp_interval": [0.95, 1.05],
        "verdict": "ok",
        "reason": "µ, | and \n",
        "warnings": ["w"],
        "candidates": [],
        "voices": {"fingerprint": 2.0, "extrema": None},
        "nearest_level": None,
        "ruler": {},
        "classes": [{"name": "c", "scale": None, "scale_interval": None}],
        "sites": [{"x": 1.0, "y": 2.0, "scale": None}],
        "curve": {"scales": [1.0, 2.0], "score": [None, 0.5], "low": [None, 0.4], "high": [1, 2]},
        "provenance": {
            "version": "0",
            "seed": 0,
            "resampling": "r",
            "torch": None,
            "seconds": 1.5,
            "patches": 3,
            "settings": {"scales": [0.5, 16.0], "options": {"sigma": 8.0}},
        },
    }
    return Report.model_validate(content | values)


FULL = {
    "nearest_level": NearestLevel(level=0, downsample=1.0, residual=2.0).model_dump(),
    "candidates": [Candidate(scale=2.0, score=0.5).model_dump()],
    "as_is": [
        AsIs(level=0, downsample=1.0, agreement=None, kind="dice", work=4.0, sites=2).model_dump()
    ],
    "pixels": PixelAudit(
        status="conflict",
        claimed_mpp=0.5,
        claimed_source="given",
        slide_mpp=0.25,
        slide_mpp_interval=(0.2, 0.3),
        octaves=1.0,
        fields=[PixelField(source="s", mpp=0.5, octaves=1.0, status="agree")],
        reason="r",
    ).model_dump(),
}
REPORTS = {"bare": {}, "full": FULL, "no number": {"scale": None, "verdict": "flat", "mpp": None}}


@pytest.fixture(params=REPORTS)
def report(request):
    return make_report(**REPORTS[request.param])


def test_the_report_can_be_had_back(report):
    assert unflatten(flatten(report)) == report


def test_parts_are_spread_out_and_lists_stay_whole():
    row = flatten(make_report(**FULL))
    assert row["slide.mpp"] == [0.5, 0.5]
    assert row["nearest_level.residual"] == 2.0
    assert row["pixels.status"] == "conflict"
    assert row["voices"] == {"fingerprint": 2.0, "extrema": None}
    assert row["slide.levels"] == [{"width": 300, "height": 200, "downsample": 1.0}]


def test_a_row_has_the_columns_of_the_report_and_a_few_more(report):
    assert set(flatten(report)) < set(columns())
    assert {"path", "cohort", "scanner", "error"} < set(columns()) - set(flatten(report))


def test_a_failed_row_has_all_columns_and_no_scale():
    row = failed_row("slide", "it is bad")
    assert list(row) == list(columns())
    assert {key: value for key, value in row.items() if value is not None} == {
        "error": "it is bad",
        "error_kind": "slide",
    }


def test_every_column_has_a_type_in_parquet():
    assert schema().names == list(columns())
