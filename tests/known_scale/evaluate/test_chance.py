"""Answers by chance, and the accuracy kept at an answer."""

import numpy as np
import pytest

from wsi_scale.known_scale.evaluate.accuracy_kept import kept_share, right_share
from wsi_scale.known_scale.evaluate.chance import shuffle_scales
from wsi_scale.known_scale.evaluate.spread import median_interval


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


def test_what_is_kept_is_the_result_at_the_nearest_scale_beside_the_best():
    scales, result = np.array([1.0, 2.0, 4.0]), np.array([0.2, 0.8, 0.4])
    assert kept_share(scales, result, 3.9) == pytest.approx(0.5)
    assert kept_share(scales, result, 1.1) == pytest.approx(0.25)
    assert kept_share(scales, result, None) is None
    assert kept_share(scales, result * 0, 2.0) is None


def test_the_median_of_one_block_has_no_spread_however_many_numbers_it_holds():
    assert median_interval({"a": [0.1, 0.2, 0.9]}) == (0.2, 0.2)


def test_blocks_are_drawn_whole():
    """Two blocks: a draw holds one, the other or both, so the median is 0, 1 or the middle."""
    low, high = median_interval({"a": [0.0] * 9, "b": [1.0] * 9})
    assert (low, high) == (0.0, 1.0)
