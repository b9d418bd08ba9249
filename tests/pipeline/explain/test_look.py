"""From a run to an explanation, with networks whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale import Settings, iter_estimates, open_slide
from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.networks.build import build_network
from wsi_scale.networks.card import Card
from wsi_scale.pipeline.explain.excite import most_active, strongest
from wsi_scale.pipeline.explain.explanation import HIDDEN_PARTS
from wsi_scale.pipeline.explain.look import look_inside
from wsi_scale.testing import disc_image

FEW = Settings(sites=5, scales=(1, 4), per_octave=2, ruler=False, as_is_sites=0)
FIGURES = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"


def last_of(slide, network, settings=FEW):
    *_, last = iter_estimates(slide, network, settings)
    return last


class Edges(nn.Module):
    """Channel 2 answers edges, of which a coarser view has more; the others see the mean colour of
    the patch, which has no trend over scale."""

    def __init__(self):
        super().__init__()
        self.see = nn.Conv2d(3, 3, 3, padding=1, padding_mode="replicate", bias=False)
        self.rest = nn.ReLU()
        self.head = nn.Linear(3, 2)
        weight = torch.zeros(3, 3, 3, 3)
        weight[0, 0, 1, 1] = weight[1, 1, 1, 1] = 1
        weight[2] = -1 / 27
        weight[2, :, 1, 1] += 1 / 3
        with torch.no_grad():
            self.see.weight.copy_(weight)

    def forward(self, x):
        return self.head(self.rest(self.see(x)).mean((2, 3)))


@pytest.fixture
def squares():
    """Squares of 8 px in random greys."""
    grey = np.random.default_rng(0).integers(0, 256, (100, 112), dtype=np.uint8)
    with open_slide(np.repeat(np.kron(grey, np.ones((8, 8), np.uint8))[..., None], 3, 2)) as slide:
        yield slide


def edges(**card):
    torch.manual_seed(0)
    usual = {"input_size": 64, "layers": ("see",)}
    return build_network("edges", Edges(), Card(**(usual | card)))


def test_the_channel_that_we_planted_comes_first(squares):
    found = look_inside(last_of(squares, edges()))
    assert (found.channels[0].layer, found.channels[0].index) == ("see", 2)
    assert found.way == "response"


def test_its_curve_and_its_patches_are_those_that_were_measured(squares):
    last = last_of(squares, edges())
    found = look_inside(last)
    responses = last.responses
    layer = responses.layer("see")
    for channel in found.channels:
        assert found.scales == pytest.approx(responses.grid.scales)
        values = layer.mean if channel.statistic == "mean" else np.sqrt(layer.var)
        measured = responses.on_grid(values[:, channel.index])
        if channel.statistic == "mean":
            assert channel.curve == pytest.approx(np.nanmean(measured, axis=0))
        for patch in channel.patches:
            place = responses.sites.index(patch.site), responses.grid.scales.index(patch.scale)
            assert measured[place] == pytest.approx(patch.response)
        responded = [patch.response for patch in channel.patches]
        assert responded == sorted(responded, reverse=True)
        assert len({patch.site for patch in channel.patches}) == len(channel.patches) == 3


def test_the_mark_of_a_channel_that_sees_brightness_lies_on_the_brightest_tenth(squares):
    found = look_inside(last_of(squares, edges()))
    (patch, *_) = next(one for one in found.channels if one.index == 0).patches
    cells = patch.patch[..., 0].reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert patch.where.sum() == 26
    assert cells[patch.where].min() >= cells[~patch.where].max()


def test_a_classifier_with_an_answer_is_shown_there_and_at_half_and_twice_of_it():
    with open_slide(FIGURES) as slide:
        last = last_of(slide, "figures", FEW.model_copy(update={"sites": 8}))
        found = look_inside(last)
    answer = last.report().scale
    assert answer is not None
    assert found.answer == answer
    assert [view.is_answer for view in found.views].count(True) == 1
    assert any(view.scale == answer for view in found.views)
    assert found.way == "score"
    assert all(channel.trained is not None for channel in found.channels)
    assert all(view.patch.shape == (224, 224, 3) for view in found.views)
    assert all(0 <= view.heat.min() <= view.heat.max() <= 1 for view in found.views)
    assert all(view.found is None for view in found.views)


def test_the_batch_size_changes_memory_and_nothing_else(squares):
    last = last_of(squares, edges())
    run = last.run
    small = replace(run, settings=run.settings.model_copy(update={"batch_size": 1}))
    one, two = look_inside(last), look_inside(replace(last, run=small))
    for here, there in zip(one.views, two.views, strict=True):
        assert here.heat == pytest.approx(there.heat, abs=1e-5)
        assert here.share == pytest.approx(there.share, abs=1e-5)
    marks = [
        [patch.where for one in found.channels for patch in one.patches] for found in (one, two)
    ]
    assert np.array_equal(*marks)


def test_without_an_answer_three_scales_of_the_window_are_shown(squares):
    last = last_of(squares, edges())
    assert last.report().scale is None
    found = look_inside(last)
    assert found.answer is None
    assert len(found.views) == 3
    assert not any(view.is_answer for view in found.views)
    assert not any(patch.is_answer for one in found.channels for patch in one.patches)


def test_a_segmenter_shows_what_it_finds():
    class Dark(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Conv2d(3, 2, 3, padding=1)
            self.head = nn.Conv2d(2, 1, 1)

        def forward(self, x):
            return self.head(self.features(x).relu())

    torch.manual_seed(0)
    card = Card(input_size=64, task="segment", activation="sigmoid", classes=("dark",))
    network = build_network("dark", Dark(), card)
    with open_slide(disc_image(12, width=900, height=800)) as slide:
        found = look_inside(last_of(slide, network))
    assert found.task == "segment"
    assert found.target == "dark"
    for view in found.views:
        assert view.found.shape == (64, 64)
        assert view.share == pytest.approx(view.found.mean())


def test_a_network_without_hooks_is_explained_by_hiding_parts(squares):
    torch.manual_seed(0)
    script = torch.jit.script(Edges().eval())
    network = build_network("scripted", script, Card(input_size=64, channels=3))
    found = look_inside(last_of(squares, network))
    assert found.map_from == HIDDEN_PARTS
    assert found.views[0].heat.shape == (7, 7)
    assert all(patch.where is None for one in found.channels for patch in one.patches)


def test_a_closed_slide_is_told_and_can_be_given_again():
    last = last_of(FIGURES, "figures", FEW.model_copy(update={"sites": 3}))
    with open_slide(FIGURES) as slide:
        assert len(look_inside(last, slide).views) == 3


def test_a_blank_slide_is_one_sentence():
    last = last_of(np.full((600, 700, 3), 255, np.uint8), "figures")
    with pytest.raises(SettingsError, match="nothing to look into"):
        look_inside(last)


def test_an_unreadable_slide_is_one_sentence(squares):
    last = last_of(squares, edges())

    def broken(*_):
        raise SlideError("the disk is gone")

    squares.read = broken
    with pytest.raises(SlideError, match="the disk is gone"):
        look_inside(last)


def test_a_run_that_is_not_explained_computes_nothing_of_it(squares, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "wsi_scale.pipeline.explain.look")
    last_of(squares, edges())
    assert "wsi_scale.pipeline.explain.look" not in sys.modules


def test_the_strongest_patches_lie_at_different_sites_and_at_the_scales_asked(responses_of):
    responses = responses_of(sites=4)
    values = np.arange(len(responses.entropy), dtype=np.float32)
    found = strongest(responses, values, (3, 7), 3)
    count = len(responses.grid)
    assert found == [(3, 7, 3 * count + 7), (2, 7, 2 * count + 7), (1, 7, count + 7)]


def test_a_site_without_a_patch_is_never_strongest(responses_of):
    responses = responses_of(sites=4)
    kept = responses._at(responses.site_index != 3)
    kept = replace(kept, sites=responses.sites)
    values = np.arange(len(kept.entropy), dtype=np.float32)
    assert [site for site, _, _ in strongest(kept, values, (3,), 4)] == [2, 1, 0]


def test_a_tenth_is_marked():
    plane = np.random.default_rng(0).permutation(100).reshape(10, 10).astype(float)
    assert most_active(plane).sum() == 10
    assert most_active(np.ones((5, 5))) is None
    assert most_active(np.kron(plane, np.ones((30, 30)))).shape == (16, 16)
