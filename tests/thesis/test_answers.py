"""Who is asked what, in which windows, and what chance means."""

import math
from pathlib import Path

import numpy as np
import pytest

from wsi_scale.thesis.answers import Found, Regret, around, right_share, shuffle_scales, windows_of
from wsi_scale.thesis.names import FAMILY, SCALES
from wsi_scale.thesis.plan import PRESETS, Plan

PLAN = Plan(Path("nowhere"), PRESETS["quick"])


def found(answer, network="figures-5-constant", lo=0.5, hi=9.9):
    return Found(network, lo, hi, "thesis", "red cross", answer, None)


def test_errors_are_in_octaves_and_in_units_of_scale():
    assert found(10.0).octaves == 1
    assert found(10.0).off == 5
    assert math.isnan(found(None).octaves)


def test_every_training_scale_has_a_window_whose_middle_is_not_the_answer():
    for scale in SCALES:
        network = f"figures-{scale:g}-constant"
        cells = [found(None, network, lo, hi) for lo, hi in windows_of(PLAN, scale)]
        assert any(not cell.centred for cell in cells)
        assert all(cell.lo < scale < cell.hi for cell in cells)


def test_the_thesis_window_is_centred_on_its_own_answer_and_on_no_other():
    assert found(None).centred
    others = [x for x in FAMILY.values() if x.scale != 5]
    assert not any(found(None, x.name).centred for x in others)


def test_shuffling_deals_a_pyramids_own_rows_to_its_scales(responses_of):
    whole = responses_of(sites=3, content=0.5)
    dealt = shuffle_scales(whole, np.random.default_rng(0))
    before, after = (x.on_grid(x.layers[0].mean) for x in (whole, dealt))
    assert not np.array_equal(before, after)
    assert np.array_equal(np.sort(before, axis=1), np.sort(after, axis=1))


def test_the_share_named_rightly_is_counted_at_every_scale(responses_of):
    whole = responses_of(sites=2)
    outputs = np.zeros_like(whole.outputs)
    outputs[whole.site_index == 0, 1] = 1  # site 0 says class 1, site 1 class 0
    responses = responses_of(sites=2, outputs=outputs)
    assert right_share(responses, 1).tolist() == [0.5] * len(whole.grid)


def test_kept_accuracy_is_that_at_the_answer_beside_the_best():
    regret = Regret(np.array([1.0, 2.0, 4.0]), np.array([[0.2, 0.8, 0.4], [0.0, 0.4, 0.4]]))
    assert regret.kept(0, 3.9) == pytest.approx(0.5)
    assert regret.kept(None, 1.1) == pytest.approx(0.1 / 0.6)
    assert regret.kept(None, None) is None


@pytest.mark.parametrize("right", SCALES)
def test_a_reference_has_its_right_scale_at_its_middle(right):
    lo, hi = around(right, PLAN.grid)
    assert math.sqrt(lo * hi) == pytest.approx(right)
    assert PLAN.grid.scales[0] <= lo * 1.000001
    assert hi <= PLAN.grid.scales[-1] * 1.000001
