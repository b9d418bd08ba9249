"""Any network whose µm/px is known gets an answer from the size of the slide's pixels."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.render.sentence import explain
from wsi_scale.slide.readers import open_slide

CMU = Path(__file__).parents[2] / "sample_data" / "CMU-1-Small-Region.svs"
MPP = 0.499

needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")


@pytest.fixture(scope="module")
def without_metadata():
    with open_slide(CMU) as slide:
        finest = slide.levels[0]
        return slide.read(0, 0, 0, finest.width, finest.height)


def within_a_tenth(scale, wanted):
    return abs(scale * MPP / wanted - 1) < 0.1


@pytest.mark.parametrize("spec", ["mpp:0.5", "for:uni"])
def test_a_network_that_is_not_here_gets_its_scale_from_metadata_that_the_tissue_confirms(spec):
    report = estimate_slide(CMU, spec)
    assert (report.estimator, report.verdict) == ("ruler", "ok")
    assert report.scale == pytest.approx(0.5 / MPP)
    assert report.mpp == pytest.approx(0.5)
    assert report.ruler.network_mpp is None  # it was given, not found
    assert report.pixels.status == "agree"
    assert "At scale 1.00" in explain(report)


def test_a_network_that_is_not_here_gets_its_scale_from_tissue_alone(without_metadata):
    report = estimate_slide(without_metadata, "mpp:1.0")
    assert report.estimator == "ruler"
    assert within_a_tenth(report.scale, 1.0)
    assert report.scale == pytest.approx(1.0 / report.ruler.slide_mpp)
    assert report.mpp is None
    assert report.scale_interval[0] < report.scale < report.scale_interval[1]
    assert "--mpp" in explain(report)


@needs_timm
@pytest.mark.parametrize(
    "model", ["vit_tiny_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224"]
)
def test_networks_without_batchnorm_are_answered_by_the_ruler(without_metadata, model):
    spec = f"timm:{model}?num_classes=2&mpp=0.5"
    report = estimate_slide(without_metadata, spec, Settings(sites=2, scales=(0.5, 16)))
    assert report.estimator == "ruler"
    assert within_a_tenth(report.scale, 0.5)
    (own,) = (x for x in report.warnings if "nothing in the network itself" in x)
    assert "fingerprint: the network has no BatchNorm layer" in own
    assert not any("has room for scales" in warning for warning in report.warnings)


@needs_timm
def test_a_network_of_unknown_size_is_told_what_would_help(without_metadata):
    quick = Settings(sites=2, scales=(0.5, 2), ruler=False)
    report = estimate_slide(without_metadata, "timm:convnext_atto?num_classes=2", quick)
    assert report.verdict == "no_evidence"
    assert "--network-mpp" in explain(report)
    with pytest.raises(SettingsError, match="does not say at which µm/px it was trained"):
        estimate_slide(
            without_metadata,
            "timm:convnext_atto?num_classes=2",
            quick.model_copy(update={"estimator": "ruler"}),
        )


def test_metadata_that_the_tissue_contradicts_give_no_micrometres():
    with open_slide(CMU, mpp=0.125) as slide:
        report = estimate_slide(slide, "mpp:0.5")
    assert within_a_tenth(report.scale, 0.5)
    assert report.verdict != "ok"
    assert report.mpp is None
    assert report.voices["metadata"] == 4.0
    assert "stays in use" not in " ".join([report.reason, *report.warnings])
    assert "which conflicts with the" in report.reason
    assert not any("conflicts with the" in warning for warning in report.warnings)  # once
    assert "was not used" in explain(report)
    assert "give it with --mpp" not in explain(report)


@pytest.mark.parametrize(
    ("spec", "scale", "says"),
    [
        ("mpp:20", 40.08, "a patch of 224 px is 8978 px wide"),
        ("mpp:7", 14.03, "shorter side has 2220"),
        ("mpp:0.01", 0.02004, "enlarges the slide 49.9 times"),
    ],
)
def test_a_scale_at_which_nothing_can_be_read_is_never_ok(spec, scale, says):
    report = estimate_slide(CMU, spec)
    assert report.scale == pytest.approx(scale, rel=1e-3)
    assert report.verdict == "edge"
    assert says in report.reason
    assert "Check the µm/px of network and slide" in explain(report)


def test_a_coarse_model_is_ok_on_a_slide_that_has_room_for_it():
    from wsi_scale.slide import open_slide

    slide = f"{CMU}"
    with open_slide(slide) as opened:
        pixels = opened.read(0, 0, 0, 2220, 2960)
    large = np.tile(pixels, (4, 4, 1))  # 11 840 × 8880 px
    report = estimate_slide(large, "for:EfficientUNet tissue mask", Settings(mpp=0.499))
    assert report.scale == pytest.approx(8 / 0.499)
    assert report.verdict == "ok"
    asked = Settings(mpp=0.499, scales=(2, 8))
    assert "outside the range that was asked for, 2 to 8" in (
        estimate_slide(large, "for:EfficientUNet tissue mask", asked).reason
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"estimator": "fingerprint"}, "estimator fingerprint cannot be used with for:uni"),
        ({"target": "tumor"}, "target asks something of the network itself"),
    ],
)
def test_what_needs_the_network_is_refused_where_it_is_not(more, says):
    with pytest.raises(SettingsError, match=says):
        estimate_slide(CMU, "for:uni", Settings(**more))


def test_what_is_to_be_said_of_network_and_slide_is_said_here_too():
    report = estimate_slide(CMU, "for:uni?mpp=1", Settings(mpp=(0.4, 0.6), ruler=False))
    assert any("UNI is published with 0.5" in warning for warning in report.warnings)
    assert any("pixels are not square" in warning for warning in report.warnings)


def test_a_patch_that_does_not_fit_the_slide_is_never_ok():
    report = estimate_slide(CMU, "for:uni?mpp=7")  # 14 × 256 px on a side of 2220
    assert report.verdict == "edge"
    assert "shorter side has 2220" in report.reason


def test_a_slide_of_unknown_size_without_tissue_gets_no_number():
    glass = np.full((600, 800, 3), 255, np.uint8)
    report = estimate_slide(glass, "mpp:0.5")
    assert (report.scale, report.verdict) == (None, "no_evidence")
    assert "the slide states no µm/px, and the tissue tells none" in report.reason
    unasked = estimate_slide(glass, "mpp:0.5", Settings(ruler=False))
    assert "the ruler was not asked" in unasked.reason
