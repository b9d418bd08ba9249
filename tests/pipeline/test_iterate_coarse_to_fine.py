"""Coarse to fine, and sites until the interval is narrow: what is measured and what comes out."""

import math
from itertools import pairwise

import numpy as np
import pytest

from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.pipeline import visit_sites
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.settings import Settings, make_settings
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.testing import analytic_network

ALLOWED = 50 * 95 // 10
WINDOW = (1.0, 8.0)


def mosaic(side=4000):
    """The bundled network's right scale is 2."""
    return SyntheticSlide.figures(seed=11, stretch=0.4, width=side, height=side)


def last_of(**values):
    values = {"scales": WINDOW, "resamples": 20, **values}
    with mosaic() as slide:
        *_, last = iter_estimates(slide, "figures", make_settings(**values))
    return last


@pytest.fixture(scope="module")
def steps():
    with mosaic() as slide:
        return list(iter_estimates(slide, "figures", Settings(scales=WINDOW, sites=6)))


@pytest.fixture(scope="module")
def dense():
    return last_of(sites=6, dense=True)


def test_the_default_measures_a_tenth_of_what_the_thesis_does():
    with SyntheticSlide.figures(seed=3, width=7000, height=7000) as slide:
        *_, last = iter_estimates(slide, "figures", Settings(resamples=10))
    report = last.report()
    assert (report.curve.scales[0], report.curve.scales[-1]) == (0.5, 16.0)
    assert len(report.sites) == 46
    assert report.provenance.patches <= ALLOWED
    assert report.scale == pytest.approx(5, rel=0.15)


def test_the_answer_is_that_of_all_scales(steps, dense):
    one, other = steps[-1].report(), dense.report()
    assert [(s.x, s.y) for s in one.sites] == [(s.x, s.y) for s in other.sites]
    step = math.log2(other.curve.scales[1] / other.curve.scales[0])
    assert abs(math.log2(one.scale / other.scale)) < step / 2
    assert one.verdict == other.verdict
    assert one.provenance.patches < 0.6 * other.provenance.patches


def test_curve_and_responses_hold_the_scales_that_were_measured_and_no_others(steps, dense):
    last = steps[-1]
    curve = last.report().curve
    assert set(curve.scales) < set(dense.report().curve.scales)
    assert curve.scales == list(last.responses.grid.scales)
    assert None not in curve.score
    places = [dense.responses.grid.scales.index(scale) for scale in curve.scales]
    rows, all_ = last.responses, dense.responses.at_scales(places)
    once = {*zip(rows.site_index, rows.scale_index, strict=True)}
    assert once == {*zip(all_.site_index, all_.scale_index, strict=True)}
    assert len(once) == len(rows.entropy)


def test_a_measured_row_says_the_same_whenever_it_was_measured(steps, dense):
    few, all_ = steps[-1].responses, dense.responses
    places = [all_.grid.scales.index(scale) for scale in few.grid.scales]
    same = all_.at_scales(places)
    for mine, theirs in zip(few.layers, same.layers, strict=True):
        a, b = few.on_grid(mine.mean), same.on_grid(theirs.mean)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)  # batches differ, so rounding does


def test_each_site_keeps_one_target(steps):
    responses = steps[-1].responses
    for site in range(len(responses.sites)):
        assert len(set(responses.target[responses.site_index == site])) == 1


def test_progress_counts_every_visit_and_ends_at_its_total(steps):
    assert [step.done for step in steps] == list(range(1, 19))
    assert {step.total for step in steps} == {18}
    assert [step.finished for step in steps] == [False] * 17 + [True]
    left = [step.seconds_left for step in steps]
    assert left[0] is None
    assert left[-1] == 0
    assert min(left[1:-1]) > 0


def test_a_run_cancelled_between_visits_has_an_answer_and_all_measurements(steps):
    middle = steps[8]
    report = middle.report()
    assert report.partial
    assert report.scale is not None
    assert len(report.sites) == len(middle.responses.sites) == 6
    patches = [step.report().provenance.patches for step in steps]
    assert all(a <= b for a, b in pairwise(patches))
    assert report.provenance.patches == len(middle.responses.entropy)


def test_an_optimum_beyond_the_window_stays_an_edge():
    report = last_of(sites=16, scales=(4, 12)).report()
    assert report.verdict in ("edge", "outside")
    assert "end of the window" in report.reason
    assert report.scale == pytest.approx(4, rel=0.05)


def test_an_estimator_that_needs_every_scale_gets_every_scale():
    last = last_of(sites=3, estimator="extrema")
    assert len(last.responses.grid) == 25
    assert last.total == 3


def test_an_estimator_that_needs_every_scale_gives_no_answer_without_them(steps, dense):
    assert "extrema" in dense.report().voices
    assert "extrema" not in steps[-1].report().voices


def test_auto_measures_everything_where_only_such_an_estimator_can_answer(monkeypatch):
    from wsi_scale.estimators import confidence

    monkeypatch.setattr(confidence, "COARSE_TO_FINE", False)
    network = analytic_network(3)
    settings = Settings(scales=WINDOW, sites=3)
    with mosaic() as slide:
        *_, last = iter_estimates(slide, network, settings)
    assert last.report().estimator == "confidence"
    assert len(last.responses.grid) == 25


def test_a_site_that_cannot_be_read_at_the_second_visit_is_dropped(monkeypatch):
    cut, seen = visit_sites.sample_pyramid, []

    def tear(slide, site, grid, *, size):
        seen.append(site)
        if seen.count(site) == 2 and site == seen[0]:
            raise SlideError("torn.svs cannot be decoded here")
        return cut(slide, site, grid, size=size)

    monkeypatch.setattr(visit_sites, "sample_pyramid", tear)
    last = last_of(sites=4)
    assert len(last.responses.sites) == 3
    assert last.done == last.total
    assert "1 of 4 sites could not be read" in " ".join(last.report().warnings)


def test_colours_are_fitted_at_the_measured_scales_only():
    last = last_of(sites=4, colour_fit=True)
    rows = last.responses
    assert last.done == last.total == 24
    plain, freed = (set(rows.scale_index[rows.variant == v]) for v in (0, 1))
    assert plain == freed == set(range(len(rows.grid)))
    assert len(rows.grid) < 20


# Precision


def test_precision_stops_early_and_never_before_16_sites():
    last = last_of(sites=60, precision=0.9)
    report = last.report()
    assert report.stopped_early
    assert 16 <= len(report.sites) < 60
    assert not report.partial
    assert not any("sites" in warning for warning in report.warnings)
    assert last.done == last.total == 3 * len(report.sites)
    scale, (low, high) = report.scale, report.scale_interval
    assert 0.1 * scale <= low <= high <= 1.9 * scale


def test_a_precision_out_of_reach_visits_all_sites():
    last = last_of(sites=18, precision=1e-6)
    assert len(last.responses.sites) == 18
    assert not last.report().stopped_early
    assert last.done == last.total == 54


def test_the_same_seed_stops_at_the_same_site():
    one, other = (last_of(sites=40, precision=0.3, seed=2).report() for _ in range(2))
    assert one.sites == other.sites
    assert one.scale_interval == other.scale_interval


@pytest.mark.parametrize("value", [0, -0.1, 1, 10, math.nan, math.inf])
def test_a_precision_that_is_not_a_share_is_refused_in_one_sentence(value):
    with pytest.raises(SettingsError, match=r"precision must be a share.* got") as error:
        make_settings(precision=value)
    assert "\n" not in str(error.value)
