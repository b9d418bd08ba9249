"""The file of facts about published models: nothing without a source, nothing invented."""

import re

import pytest
from pydantic import ValidationError

from wsi_scale.errors import NetworkError
from wsi_scale.networks import FactSource, PublishedModel, all_published, find_published
from wsi_scale.networks.published_models import FIGURES, plain_name

MODELS = [pytest.param(model, id=model.name) for model in all_published()]
MOST_WORDS = 25


def said(**changes):
    values = {"who": "card", "kind": "card", "address": "https://a.b", "about": ("mpps",)}
    return FactSource(**{**values, "confirmed": True, "quote": "0.5 µm/px", **changes})


def test_the_field_finds_its_models():
    assert len(all_published()) >= 40
    asked = "uni uni2 conch conch_v15 titan virchow virchow2 gigapath h-optimus-0 h-optimus-1"
    asked += " h0-mini phikon phikon-v2 ctranspath kaiko hibou-b hibou-l midnight plip quiltnet"
    asked += " musk lunit remedis hipt retccl prost40m gpfm hovernet hovernext cellvit cellvit++"
    asked += " stardist 2D_versatile_he cyto3 nuclei instanseg grandqc resnet50-pcam"
    for name in asked.split():
        assert find_published(name).name


@pytest.mark.parametrize("model", MODELS)
def test_every_figure_has_a_source_with_an_address(model):
    about = {figure for source in model.sources for figure in source.about}
    assert set(model.figures) <= about
    for source in model.sources:
        assert re.fullmatch(r"https://[\w.-]+\.\w+/\S+", source.address)
        assert len(source.quote.split()) <= MOST_WORDS


@pytest.mark.parametrize("model", MODELS)
def test_a_quote_holds_the_figure_it_stands_for(model):
    """Of each figure in numbers, one text that was read has the number."""
    for figure in model.figures:
        if figure in model.unconfirmed or figure == "licence":
            continue
        quotes = " ".join(x.quote for x in model.sources if figure in x.about and x.confirmed)
        numbers = {float(text) for text in re.findall(r"\d+(?:\.\d+)?", quotes)}
        value = getattr(model, figure)
        wanted = set(value) if isinstance(value, tuple) else {value}
        assert wanted <= numbers or model.name in WRITTEN_OTHERWISE


WRITTEN_OTHERWISE = {"GrandQC artefacts 7x": "MPP15"}


@pytest.mark.parametrize("name", WRITTEN_OTHERWISE)
def test_what_is_written_otherwise_is_quoted(name):
    quotes = " ".join(source.quote for source in find_published(name).sources)
    assert WRITTEN_OTHERWISE[name] in quotes


def test_a_figure_without_a_source_is_refused():
    values = {"name": "x", "task": "encode", "mpps": (0.5,), "sources": (said(),)}
    assert PublishedModel(**values).mpp == 0.5
    with pytest.raises(ValidationError, match="x: no source for patch_px"):
        PublishedModel(**values, patch_px=224)


@pytest.mark.parametrize("changes", [{"quote": ""}, {"confirmed": False}])
def test_what_was_not_read_has_no_quote_and_what_was_read_has_one(changes):
    with pytest.raises(ValidationError, match="if and only if it was read"):
        said(**changes)


def test_a_figure_is_confirmed_by_one_text_that_was_read():
    memory = said(confirmed=False, quote="")
    values = {"name": "x", "task": "encode", "mpps": (0.5,)}
    assert PublishedModel(**values, sources=(memory,)).unconfirmed == ("mpps",)
    assert PublishedModel(**values, sources=(memory, said())).unconfirmed == ()


def test_no_two_models_answer_to_one_name():
    names = [plain_name(name) for x in all_published() for name in (x.name, *x.aliases)]
    assert len(names) == len(set(names))
    assert all(names)


@pytest.mark.parametrize("name", ["UNI2-h", "uni2", "uni_v2", " Uni-2 ", "MahmoodLab/UNI2-h"])
def test_a_model_is_found_however_it_is_written(name):
    assert find_published(name).name == "UNI2-h"


@pytest.mark.parametrize("hub", ["hf-hub:", "hf_hub:", "https://huggingface.co/", "timm:hf-hub:"])
def test_a_model_is_found_by_the_address_of_its_hub(hub):
    assert find_published(f"{hub}paige-ai/Virchow2").name == "Virchow2"


@pytest.mark.parametrize(
    ("name", "says"),
    [("virchow3", "nearest: Virchow"), ("lymphnodes", "nearest: TIAToolbox lymph nodes")],
)
def test_an_unknown_name_is_told_the_nearest(name, says):
    with pytest.raises(NetworkError, match="`wsi-scale networks --published` lists all") as refusal:
        find_published(name)
    assert repr(name) in str(refusal.value)
    assert says in str(refusal.value)


def test_a_name_like_no_other_is_told_where_the_list_is():
    with pytest.raises(NetworkError, match="called 'qqqq'; `wsi-scale networks --published`"):
        find_published("qqqq")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("kaiko", "several µm/px (0.25, 0.5, 1, 2), so one of them must be chosen"),
        ("cyto2", "objects that are 30 px across"),
        ("hipt", "only 20× is published, which is no µm/px"),
        ("plip", "no source that was read states µm/px for PLIP"),
        ("uni", ""),
    ],
)
def test_a_model_without_one_size_says_why(name, says):
    model = find_published(name)
    assert says in model.why_no_single_mpp
    assert (model.mpp is None) == bool(says)


def test_a_magnification_is_never_turned_into_a_size():
    named = [x for x in all_published() if x.objective_power is not None and not x.mpps]
    assert len(named) >= 5
    assert all(model.mpp is None and model.input_mpp is None for model in named)


def test_what_the_first_layer_sees_follows_from_the_resizing():
    uni, gigapath = find_published("uni"), find_published("gigapath")
    assert uni.input_mpp == pytest.approx(0.5 * 256 / 224)
    assert gigapath.input_mpp == gigapath.mpp == 0.5  # it crops


def test_figures_are_listed_once():
    assert len(set(FIGURES)) == len(FIGURES)
    assert set(FIGURES) <= set(PublishedModel.model_fields)
