"""Sites that show nearly the same part of a slide are evidence once, not many times."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.geometry import Site
from wsi_scale.judgement.estimate import estimate
from wsi_scale.judgement.repeats import places_of
from wsi_scale.responses.record import merge


@pytest.fixture
def scattered(responses_of):
    """16 sites, each far from all others, that do not quite agree."""
    parts = [responses_of(truth, content=0.1, slope=0.5, seed=7) for truth in (2.6, 3.4)]
    eight = [part.of_sites(range(8)) for part in parts]
    both = merge(eight)
    return replace(both, sites=tuple(Site(5000.0 * i, 0.0) for i in range(16)))


def with_copies(responses, copies):
    """The same, and the last site so many times more, a few px beside it."""
    last = responses.of_sites([len(responses.sites) - 1])
    (at,) = last.sites
    more = [replace(last, sites=(Site(at.x + i % 3, at.y + i // 3),)) for i in range(copies)]
    return merge([responses, *more])


def test_copies_of_a_site_change_neither_answer_nor_interval(scattered):
    plain = estimate(scattered)
    crowded = with_copies(scattered, 30)
    weighed = estimate(crowded, places=places_of(crowded))
    assert weighed.scale == pytest.approx(plain.scale, rel=0.002)
    assert weighed.interval == pytest.approx(plain.interval, rel=0.01)
    assert abs(np.log2(estimate(crowded).scale / plain.scale)) > 0.03, "they would have"


def test_copies_are_not_sites_enough(responses_of):
    few = replace(responses_of(3.0), sites=tuple(Site(5000.0 * i, 0.0) for i in range(16)))
    few = with_copies(few.of_sites(range(10)), 6)
    answer = estimate(few, places=places_of(few))
    assert answer.verdict == "ambiguous"
    assert "16 sites show only 10 places that differ" in answer.reason
    assert any("16 sites were measured" in x and "10 places" in x for x in answer.warnings)
    assert estimate(few).verdict == "ok"


def test_sites_far_apart_count_each_and_answer_as_before(scattered):
    places = places_of(scattered)
    assert places.tolist() == list(range(16))
    with_places, without = estimate(scattered, places=places), estimate(scattered)
    assert with_places.interval == without.interval
    assert with_places.warnings == without.warnings


def test_a_row_of_sites_is_not_one_place(responses_of):
    row = replace(responses_of(3.0), sites=tuple(Site(40.0 * i, 0.0) for i in range(16)))
    widest = row.input_size * row.grid.scales[-1]
    assert widest / 16 > 40, "each repeats the next"
    assert 1 < places_of(row).max() + 1 < 16
