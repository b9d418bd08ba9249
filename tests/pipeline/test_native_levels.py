"""Native levels read without resizing, compared with the answer: which, where, how similar."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.geometry import Level, ScaleGrid, Site, px_below
from wsi_scale.judgement.estimate import blank_estimate
from wsi_scale.networks import Card, build_network
from wsi_scale.pipeline.iterate import estimate_slide, iter_estimates
from wsi_scale.pipeline.native_levels import Tried, dice, near_levels, try_levels
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.testing import slide_in_memory

LEVELS = [Level(1600, 1200, 1.0), Level(400, 300, 4.0), Level(100, 75, 16.0)]


@pytest.mark.parametrize(
    ("scale", "levels"),
    [
        (4.0, [1]),
        (3.95, [1]),  # within 2 %
        (3.6, [1]),  # level 0 is 1.85 octaves away
        (1.9, [0]),  # 0.93 octaves to level 0, 1.07 to level 1
        (2.0, [0, 1]),
        (7.0, [1]),
        (8.0, [1, 2]),
        (0.7, [0]),
        (0.4, []),
        (40.0, []),
    ],
)
def test_the_level_to_read_and_the_next_coarser_one_are_tried_within_an_octave(scale, levels):
    assert near_levels(LEVELS, scale) == levels


def test_pixels_under_the_middles_of_parts_are_found_by_hand():
    assert px_below(5, 4, 2, 10).tolist() == [4, 6]
    assert px_below(4, 8, 4, 8).tolist() == [1, 3, 5, 7]
    assert px_below(0, 4, 2, 10).tolist() == [0, 1]  # never outside


def masks(rows):
    return np.array(rows, bool)[None]


def test_dice_of_equal_fields_is_twice_the_overlap_over_the_sum():
    one, other = masks([[1, 1], [0, 0]]), masks([[1, 0], [1, 0]])
    assert dice([(one, other)], 1.0) == 0.5
    assert dice([(one, one), (one, other)], 1.0) == 0.75
    assert dice([(masks([[0]]), masks([[0]]))], 1.0) is None


def test_of_a_patch_with_a_wider_field_only_the_middle_counts():
    wide = np.zeros((1, 4, 4), bool)
    wide[0, 1:3, 1:3] = True  # its middle half
    full = np.ones((1, 4, 4), bool)
    assert dice([(wide, full)], 2.0) == 1.0
    assert dice([(full, wide)], 0.5) == 1.0
    assert dice([(wide, full)], 1.0) == pytest.approx(2 * 4 / 20)


class Dark(nn.Module):
    """Finds pixels darker than mid-grey: it sees the same thing at every scale."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return (0.5 - self.norm(x).mean(1, keepdim=True)) * 10


class SeesWidth(nn.Module):
    """Names a patch by whether its left half is darker than its right."""

    def forward(self, x):
        left, right = x.chunk(2, dim=3)
        return torch.stack([left.mean((1, 2, 3)), right.mean((1, 2, 3))], 1)


def network_of(module, **card):
    return build_network("test", module, Card(input_size=64, channels=3, **card))


def halves(width=1600, height=1200):
    """Black on the left of the middle, white on the right."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[:, : width // 2] = 0
    return [pixels, pixels[::4, ::4]]


def run_of(slide, network, scale, sites, **settings):
    run = Run(slide, network, Settings(**settings), tuple(sites), ScaleGrid((1.0, 8.0)), 64)
    nothing = blank_estimate(run.grid, 0.9, "")
    return run, replace(nothing, scale=scale, verdict="ok", sites=tuple(sites))


SITES = [Site(700 + 20 * i, 500 + 10 * i) for i in range(11)]


def test_a_segmenter_that_sees_colours_only_agrees_with_itself_at_any_level():
    with slide_in_memory(halves()) as slide:
        tried = try_levels(*run_of(slide, network_of(Dark()), 3.0, SITES))
    (one,) = tried.levels
    assert (one.level, one.downsample, one.kind, one.sites) == (1, 4.0, "dice", 8)
    assert one.agreement > 0.97
    assert one.work == (3 / 4) ** 2
    assert tried.patches == 2 * 8


def test_a_classifier_is_asked_for_the_same_class():
    with slide_in_memory(halves()) as slide:
        tried = try_levels(*run_of(slide, network_of(SeesWidth()), 3.0, SITES))
    (one,) = tried.levels
    assert (one.kind, one.sites) == ("same class", 8)
    assert 0 <= one.agreement <= 1


def test_sites_lie_on_the_pixels_of_the_coarsest_level_tried():
    read = []
    with slide_in_memory(halves()) as slide:
        true = slide.read

        def recorded(level, *window):
            read.append((level, window))
            return true(level, *window)

        slide.read = recorded
        network = network_of(Dark())
        run, answer = run_of(slide, network, 4.0, [Site(701.3, 502.9)])
        (one,) = try_levels(run, answer).levels
    assert one.agreement == 1.0
    assert [level for level, _ in read] == [1]


def test_nothing_is_tried_unless_the_answer_is_ok_or_where_no_patch_has_room():
    with slide_in_memory(halves()) as slide:
        network = network_of(Dark())
        run, answer = run_of(slide, network, 3.0, SITES)
        assert try_levels(run, replace(answer, verdict="edge")) == Tried()
        assert try_levels(run, replace(answer, scale=0.4)) == Tried()
        assert try_levels(*run_of(slide, network, 3.0, [Site(3, 3)])) == Tried()
        assert try_levels(*run_of(slide, network, 3.0, SITES, as_is_sites=0)) == Tried()


# In a run


def asked(**changes):
    return Settings(sites=16, scales=(1.0, 4.0), per_octave=2, **changes)


def test_the_last_report_has_it_and_counts_its_patches_and_no_other_has():
    def slide():
        return SyntheticSlide.figures(seed=1, stretch=0.4, width=3000, height=2500)

    steps = list(iter_estimates(slide(), "figures", asked()))
    reports = [step.report() for step in steps if step.estimate is not None]
    last = reports[-1]
    assert last.verdict == "ok", last.reason
    assert all(report.as_is == [] for report in reports[:-1])
    assert last.as_is
    for one in last.as_is:
        assert one.kind == "same class"
        assert abs(math.log2(one.downsample / last.scale)) <= 1
        assert one.work == pytest.approx((last.scale / one.downsample) ** 2)
    without = estimate_slide(slide(), "figures", asked(as_is_sites=0))
    assert without.as_is == []
    assert last.provenance.patches == without.provenance.patches + steps[-1].tried.patches
    assert last.scale == without.scale
