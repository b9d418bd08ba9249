"""Stated µm/px compared with the pixels: agree, conflict or undecidable, field by field."""

import math

import numpy as np
import pytest

from wsi_scale.geometry import ScaleGrid
from wsi_scale.judgement.estimate import blank_estimate
from wsi_scale.networks import load_network
from wsi_scale.pipeline.build_report import build_report
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pixel_size.audit import AGREE, CONFLICT, StatedMpp, audit_pixels
from wsi_scale.report import PixelSize
from wsi_scale.slide.metadata import audit_metadata, overrule
from wsi_scale.slide.readers.synthetic import SyntheticSlide


def seen(mpp=0.5, interval=(0.4, 0.625), verdict="ok", surely=None):
    return PixelSize(mpp=mpp, interval=interval, surely=surely, verdict=verdict, reason="")


SEEN = seen()
TAGS = {"tiff.XResolution": "20000", "tiff.YResolution": "20000", "tiff.ResolutionUnit": "cm"}


def claim(mpp, source="aperio.MPP", findings=()):
    return StatedMpp(mpp, source, findings)


@pytest.mark.parametrize(
    ("octaves", "status"),
    [
        (0.0, "agree"),
        (AGREE - 1e-9, "agree"),
        (AGREE + 1e-9, "undecidable"),
        (CONFLICT - 1e-9, "undecidable"),
        (CONFLICT + 1e-9, "conflict"),
        (3.0, "conflict"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_two_thresholds_in_octaves_part_the_answers(octaves, status, sign):
    found = audit_pixels(claim(0.5 * 2 ** (sign * octaves)), SEEN)
    assert found.status == status
    assert found.octaves == pytest.approx(sign * octaves)


def test_a_value_inside_the_interval_is_not_a_conflict_however_far():
    found = audit_pixels(claim(0.25), seen(interval=(0.2, 0.9)))
    assert (found.status, found.octaves) == ("undecidable", -1)
    assert found.reason.endswith("too far to agree, but inside the interval that surely holds it")
    assert audit_pixels(claim(0.25), seen(interval=None)).status == "undecidable"


@pytest.mark.parametrize("verdict", ["ok", "ambiguous"])
def test_what_lies_outside_the_sure_interval_is_a_conflict_even_if_the_size_is_in_doubt(verdict):
    wide = seen(interval=(0.35, 0.7), surely=(0.3, 0.85), verdict=verdict)
    assert audit_pixels(claim(0.25), wide).status == "conflict"
    assert audit_pixels(claim(0.32), wide).status == "undecidable"
    agrees = audit_pixels(claim(0.48), wide)
    assert agrees.status == "agree"
    assert "which agrees with the stated 0.48" in agrees.reason


def test_an_answer_in_doubt_agrees_with_nothing_outside_its_interval():
    narrow = seen(interval=(0.45, 0.55), surely=(0.3, 0.85), verdict="ambiguous")
    assert audit_pixels(claim(0.4), narrow).status == "undecidable"


def test_agreement_is_one_sentence_with_both_values():
    reason = audit_pixels(claim(0.499), SEEN).reason
    assert reason == (
        "the tissue suggests 0.5 µm/px (0.4–0.625), which agrees with the stated 0.499 (aperio.MPP)"
    )


def test_between_the_thresholds_both_reasons_are_given():
    reason = audit_pixels(claim(0.5 * 2**0.5), SEEN).reason
    assert reason.endswith(
        "a factor of 1.4 from the stated 0.707 (aperio.MPP): too far to agree, too near to conflict"
    )


def test_a_slide_that_states_nothing_gets_the_estimate_from_its_pixels():
    found = audit_pixels(claim(None, None), SEEN)
    assert (found.status, found.octaves, found.slide_mpp) == ("undecidable", None, 0.5)
    states_nothing = "the file states no µm/px; the tissue suggests 0.5"
    assert found.reason == f"{states_nothing} µm/px (0.4–0.625)"
    doubtful = audit_pixels(claim(None, None), seen(verdict="edge")).reason
    assert doubtful == f"{states_nothing} (unreliable)"


@pytest.mark.parametrize("verdict", ["edge", "ambiguous", "outside"])
def test_any_verdict_but_ok_decides_nothing_and_says_what_it_would_mean(verdict):
    found = audit_pixels(claim(0.1), seen(verdict=verdict))
    assert (found.status, found.fields) == ("undecidable", [])
    assert found.reason == (
        f"the size of the tissue is in doubt ({verdict}), so it neither confirms nor refutes the "
        "stated 0.1 (aperio.MPP); it suggests 0.5 µm/px (unreliable)"
    )


def test_without_an_answer_the_verdict_is_the_reason():
    found = audit_pixels(claim(0.25), seen(None, None, "no_evidence"))
    assert found.status == "undecidable"
    assert found.reason == "pixel size cannot be estimated: the verdict is no evidence"


def test_another_field_that_agrees_is_named_where_the_one_in_use_conflicts():
    stated = {"aperio.MPP": "0.2"} | TAGS | {"tiff.ResolutionUnit": "centimeter"}
    findings = audit_metadata(stated).findings
    found = audit_pixels(claim(0.2, findings=findings), SEEN)
    assert found.status == "conflict"
    assert {x.source: x.status for x in found.fields} == {
        "aperio.MPP": "conflict",
        "tiff.XResolution": "agree",
        "tiff.YResolution": "agree",
    }
    assert found.reason.endswith(
        "the stated value stays in use; tiff.XResolution says 0.5, which agrees"
    )
    assert "conflicts with the stated 0.2 (aperio.MPP), a factor of 2.5 away" in found.reason


def test_the_file_is_compared_with_the_pixels_also_where_the_user_overruled_it():
    findings = overrule(audit_metadata({"aperio.MPP": "0.499"}).findings, (0.25, 0.25))
    found = audit_pixels(claim(0.25, "given", findings), SEEN)
    assert "conflicts with the given 0.25, a factor of 2 away" in found.reason
    assert "aperio.MPP says 0.499, which agrees" in found.reason
    assert [x.octaves for x in found.fields] == pytest.approx([-1, math.log2(0.499 / 0.5)])


def test_fields_without_a_resolution_take_no_part():
    findings = audit_metadata({"aperio.AppMag": "20", "tiff.XResolution": "1"}).findings
    assert audit_pixels(claim(0.5, findings=findings), SEEN).fields == []


# In the report


def slide(mpp):
    return SyntheticSlide.figures(seed=1, stretch=0.4, width=3000, height=2500, mpp=mpp)


def report_of(spec, mpp, **changes):
    asked = Settings(sites=16, scales=(1.0, 4.0), per_octave=2, as_is_sites=0, **changes)
    return estimate_slide(slide(mpp), load_network(spec), asked)


def test_a_wrong_mpp_is_one_warning_and_stays_in_use():
    """Drawn at stretch 0.4 for a network trained at scale 5: at scale 2 it sees its own pixels."""
    report = report_of("figures?mpp=1.0", 0.2)  # the pixels: 1.0 / 2 = 0.5
    assert report.verdict == "ok", report.reason
    assert report.pixels.status == "conflict"
    assert report.pixels.slide_mpp == report.ruler.slide_mpp == pytest.approx(0.5, rel=0.25)
    assert report.slide.mpp == (0.2, 0.2)
    assert [x for x in report.warnings if "conflicts" in x] == [report.pixels.reason]


def test_a_right_mpp_agrees_without_a_warning():
    report = report_of("figures?mpp=1.0", 0.5)
    assert report.pixels.status == "agree"
    assert not any("tissue suggests" in warning for warning in report.warnings)
    assert not any("pixels" in warning for warning in report.warnings)
    assert report.like_power == (5, 10)


def test_what_is_not_tissue_is_said_to_be_none_where_no_network_knows_its_size():
    report = report_of("figures", 0.5)
    assert (report.pixels.status, report.pixels.slide_mpp) == ("undecidable", None)
    assert "the ruler expects H&E" in report.pixels.reason
    assert report.ruler.verdict == "blank"


def test_a_blank_slide_is_undecidable():
    network = load_network("figures?mpp=1.0")
    grid = ScaleGrid.geometric(1, 4, 2)
    run = Run(slide(0.5), network, Settings(), (), grid, 0)
    blank = blank_estimate(grid, 0.9, "nothing there")
    report = build_report(run, blank, 0.0, 0, partial=False)
    assert np.isnan(blank.score).all()
    assert (report.pixels.status, report.pixels.claimed_mpp) == ("undecidable", 0.5)
    assert report.pixels.reason == "pixel size cannot be estimated: nothing there"
