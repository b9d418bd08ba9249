"""The bundled histology network from end to end: its card, its answers, what it refuses."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wsi_scale
from wsi_scale.networks.sources.bundled import FOLDER
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.pixel_size.audit import StatedMpp, audit_pixels
from wsi_scale.report import PixelSize
from wsi_scale.slide.metadata import Finding

ROOT = Path(__file__).parents[2]
CMU = ROOT / "sample_data" / "CMU-1-Small-Region.svs"
FEW = Settings(sites=16, as_is_sites=0, ruler=False)


@pytest.fixture(scope="module")
def network():
    return wsi_scale.load_network("histology", device="cpu")


@pytest.fixture(scope="module")
def drawn():
    """Tissue as the training draws it, at 0.3 µm/px, of a seed that it does not use."""
    sys.path.insert(0, str(ROOT / "training"))
    try:
        from scanner import scan, stain
        from tissue import draw_field
    finally:
        sys.path.pop(0)
    rng = np.random.default_rng([7, 7])
    field = draw_field(rng, 420.0, 0.3)
    return scan(stain(field, rng), 0.3, rng), field.nuclei > 0.5


def test_it_is_small_and_says_what_it_is(network):
    assert DEFAULT_NETWORK == "histology"
    shipped = sum(path.stat().st_size for path in (FOLDER / "histology").iterdir())
    assert shipped <= 2e6
    card = network.card
    assert (card.stain, card.license, card.classes) == ("H&E", "Apache-2.0", ("nucleus",))
    assert 0.5 < card.training_mpp < 1.5
    assert network.batchnorm_batches > 0


def test_the_pixel_size_of_a_drawn_slide_is_found_and_its_nuclei(network, drawn):
    pixels, nuclei = drawn
    report = wsi_scale.estimate_slide(pixels, network, FEW)
    assert (report.verdict, report.estimator) == ("ambiguous", "recognition")
    assert "beyond 1.25 times the answer" in report.reason
    assert abs(math.log2(report.ruler.slide_mpp / 0.3)) < 0.5
    with wsi_scale.open_slide(pixels) as slide:
        tiles = wsi_scale.tiles(slide, scale=report, size=256, overlap=32)
        data = wsi_scale.TileDataset(tiles, network=network)
        found = wsi_scale.stitch(
            tiles, (network.logits(image[None])[0, 0].detach().numpy() for image, _ in data)
        )
    small = Image.fromarray(nuclei.astype(np.float32)).resize(found.shape[::-1], Image.BOX)
    truth = np.asarray(small) > 0.5
    dice = 2 * (truth & (found > 0)).sum() / (truth.sum() + (found > 0).sum())
    assert dice > 0.6


def test_cmu_1_agrees_with_what_its_file_says_and_conflicts_with_a_lie(network):
    report = wsi_scale.estimate_slide(str(CMU), network, FEW.model_copy(update={"ruler": True}))
    assert (report.verdict, report.estimator) == ("ok", "ruler")
    assert report.pixels.status == "agree"
    own = report.voices["recognition"]
    assert abs(math.log2(own / report.scale)) < math.log2(1.1)
    lie = StatedMpp(0.25, "aperio.MPP", (Finding("aperio.MPP", "0.25", 0.25, "used"),))
    seen = PixelSize(
        mpp=report.ruler.slide_mpp,
        interval=report.ruler.slide_mpp_interval,
        verdict=report.verdict,
        reason="",
    )
    assert audit_pixels(lie, seen).status == "conflict"
    low, high = report.tolerance
    assert report.scale / 1.6 < low < report.scale < high < 1.6 * report.scale


def test_a_slide_that_is_given_twice_its_pixel_size_is_found_out(network):
    with wsi_scale.open_slide(CMU, mpp=0.998) as slide:
        report = wsi_scale.estimate_slide(slide, network, FEW.model_copy(update={"ruler": True}))
    assert report.verdict == "ambiguous"
    assert (report.slide.mpp, report.pixels.status) == ((0.998, 0.998), "conflict")
    assert "conflicts with the given 0.998" in report.reason


def test_skin_enlarged_until_fibres_look_like_nuclei_is_not_taken_for_a_finer_scan(network):
    """Its nuclei are right at scale 4.1; the network's predecessor found more in fibres, at 0.9."""
    with wsi_scale.open_slide(CMU) as slide:
        skin = Image.fromarray(slide.read(0, 300, 500, 1000, 1000))
    report = wsi_scale.estimate_slide(np.asarray(skin.resize((2400, 2400))), network, FEW)
    right = network.card.training_mpp / (slide.mpp[0] / 2.4)
    assert report.verdict != "ok" or abs(math.log2(report.scale / right)) < 0.5


def refusals():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    yield "white", np.full((1200, 1200, 3), 255, np.uint8), "no H&E tissue"
    yield "black", np.zeros((1200, 1200, 3), np.uint8), "no H&E tissue"
    yield "noise", noise, "H&E"
    yield "figures", "synthetic:figures?seed=1&width=3000&height=3000", "H&E"
    yield "sample figures", str(ROOT / "sample_data" / "figures.tif"), "H&E"


@pytest.mark.parametrize(
    ("slide", "says"), [x[1:] for x in refusals()], ids=[x[0] for x in refusals()]
)
def test_what_is_no_histology_is_refused_with_a_reason(network, slide, says):
    report = wsi_scale.estimate_slide(slide, network, FEW)
    assert (report.verdict, report.scale) == ("blank", None)
    assert says in report.reason


@pytest.mark.real
@pytest.mark.parametrize("name", ["slides/test3-DAPI.ndpi", "slides/boxes.tiff"])
def test_real_slides_that_are_no_histology_are_refused(network, real_data, name):
    report = wsi_scale.estimate_slide(str(real_data / name), network, FEW)
    assert (report.verdict, report.scale) == ("blank", None)
    assert "no H&E tissue" in report.reason


@pytest.mark.real
def test_real_tissue_it_never_saw_is_measured(network, real_data):
    """Two of the images of benchmarks/histology.py, which has all of them."""
    for path, mpp in (
        (sorted((real_data / "nuclei" / "images").iterdir())[0], 0.25),
        (real_data / "images" / "instanseg-HE_example.tif", 0.50008),
    ):
        with wsi_scale.open_slide(path) as slide:
            level = slide.levels[0]
            pixels = slide.read(0, 0, 0, level.width, level.height)
        report = wsi_scale.estimate_slide(pixels, network, FEW)
        assert report.verdict in ("ok", "ambiguous")
        assert abs(math.log2(report.ruler.slide_mpp / mpp)) < math.log2(1.6)
