"""Whose µm/px an export uses, and what its reader is told about it."""

import pytest

from wsi_scale.exports.facts import common_folder, facts_of

RULER = {"slide_mpp": 0.5, "slide_mpp_interval": (0.4, 0.6), "slide_mpp_from": "ruler"}


def test_what_the_slide_states_comes_before_what_its_tissue_suggests(answer):
    facts = facts_of(answer(ruler=RULER | {"verdict": "ok"}))
    assert facts.slide_mpp == (0.25, 0.25)
    assert facts.mpp_from == "aperio.MPP"
    assert facts.notes == ()


def test_a_disputed_pixel_size_is_exported_with_the_dispute(answer):
    pixels = {
        "status": "conflict",
        "claimed_mpp": 0.25,
        "claimed_source": "aperio.MPP",
        "slide_mpp": 0.5,
        "slide_mpp_interval": (0.4, 0.6),
        "octaves": -1.0,
        "reason": "the tissue suggests 0.5",
    }
    facts = facts_of(answer(pixels=pixels))
    assert facts.slide_mpp == (0.25, 0.25)
    assert facts.notes == ("stated pixel size disputed: the tissue suggests 0.5",)


def test_the_network_can_stand_for_the_slide(answer):
    facts = facts_of(answer(mpp=None, ruler=RULER | {"slide_mpp_from": "network"}))
    assert facts.slide_mpp == (0.5, 0.5)
    assert facts.mpp_from == "from the network"


def test_enlarging_is_said(answer):
    assert facts_of(answer(scale=0.5)).notes == ("scale 0.5 is below 1: enlarging adds no detail",)


def test_a_pixel_that_is_not_square_counts_with_its_mean(answer):
    assert facts_of(answer(mpp=(0.2, 0.3))).target_mpp == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["/s/a.svs", "/s/t/b.svs"], "/s"),
        (["/s/a.svs", "/t/b.svs"], "/"),
        (["a.svs", "s/b.svs"], "."),
        (["a.svs"], "."),
    ],
)
def test_the_folder_of_many_slides(paths, folder):
    assert common_folder(paths) == folder
