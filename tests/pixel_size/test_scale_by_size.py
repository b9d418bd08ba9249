"""A network's µm/px over the slide's: from metadata that the tissue does not contradict."""

import pytest

from wsi_scale.pixel_size.audit import StatedMpp
from wsi_scale.pixel_size.scale_by_size import scale_by_size
from wsi_scale.report import PixelSize

TISSUE = PixelSize(
    mpp=0.5, interval=(0.4, 0.625), surely=(0.35, 0.7), verdict="ambiguous", reason="cells differ"
)
UNREAD = PixelSize(verdict="blank", reason="no patch shows enough tissue")


def stated(mpp, source="aperio.MPP"):
    return StatedMpp(mpp, source, ())


def test_metadata_that_the_tissue_confirms_give_the_exact_scale_and_ok():
    answer = scale_by_size(1.0, stated(0.48), TISSUE)
    assert answer.scale == 1.0 / 0.48
    assert answer.verdict == "ok"
    assert answer.interval == (1.6, 2.5)


def test_metadata_that_nothing_confirms_are_used_but_never_ok():
    unchecked = scale_by_size(1.0, stated(0.48), None)
    assert (unchecked.scale, unchecked.verdict) == (1.0 / 0.48, "ambiguous")
    assert unchecked.interval is None
    assert "was not asked" in unchecked.reason
    assert scale_by_size(1.0, stated(0.48), UNREAD).verdict == "ambiguous"
    between = scale_by_size(
        1.0, stated(0.7), TISSUE
    )  # half an octave: neither agrees nor conflicts
    assert (between.scale, between.verdict, between.interval) == (1.0 / 0.7, "ambiguous", None)


def test_metadata_that_the_tissue_contradicts_are_not_used_unless_trusted():
    answer = scale_by_size(1.0, stated(0.25), TISSUE)
    assert (answer.scale, answer.verdict) == (2.0, "ambiguous")
    assert "conflicts with the stated 0.25" in answer.reason
    trusted = scale_by_size(1.0, stated(0.25), TISSUE, trust=True)
    assert (trusted.scale, trusted.verdict) == (4.0, "ambiguous")
    assert "conflicts" in trusted.reason


def test_without_metadata_the_tissue_gives_scale_interval_and_verdict():
    answer = scale_by_size(1.0, stated(None, None), TISSUE)
    assert (answer.scale, answer.interval, answer.verdict) == (2.0, (1.6, 2.5), "ambiguous")
    assert "cells differ" in answer.reason


@pytest.mark.parametrize(
    ("wanted", "of_file", "seen"), [(None, 0.5, TISSUE), (1.0, None, UNREAD), (1.0, None, None)]
)
def test_a_size_that_is_missing_gives_no_scale(wanted, of_file, seen):
    assert scale_by_size(wanted, stated(of_file), seen) is None
