"""Levels that do not make a plausible pyramid are reported."""

import numpy as np

from wsi_scale.geometry import Level
from wsi_scale.slide.level_audit import audit_levels
from wsi_scale.slide.readers import open_slide


def told(*levels):
    return [(x.source, x.note) for x in audit_levels([Level(1000, 800, 1.0), *levels])]


def test_a_pyramid_with_whole_or_rounded_ratios_has_no_findings():
    assert told(Level(500, 400, 2.0), Level(62, 50, 16.06)) == []
    boxes = [Level(300, 250, 1), Level(150, 125, 2), Level(75, 62, 4.016), Level(37, 31, 8.086)]
    assert audit_levels(boxes) == ()


def test_sides_that_shrank_differently_are_told_with_both_ratios():
    ((source, note),) = told(Level(500, 380, 2.05))
    assert source == "level 1"
    assert "width shrank by 2 and height by 2.105" in note


def test_a_downsample_that_its_size_denies_is_told():
    ((_, note),) = told(Level(250, 200, 5.0))
    assert note == "stated as ×5, but its size gives ×4"


def test_levels_that_do_not_coarsen_or_jump_too_far_are_told():
    assert told(Level(250, 200, 4.0), Level(250, 200, 4.0)) == [
        ("level 2", "not coarser than level 1 before it")
    ]
    assert "40 times as coarse as level 0" in told(Level(25, 20, 40.0))[0][1]


def test_an_opened_slide_carries_the_findings_as_information():
    pixels = np.zeros((800, 1000, 3), np.uint8)
    with open_slide([pixels, pixels[:388, :500]], mpp=0.5) as slide:
        assert [x.source for x in slide.audit] == ["given", "level 1"]
        assert slide.audit[1].status == "information"
