"""Networks for H&E are shown only H&E, without pen marks, folds and blur."""

import functools
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from wsi_scale import cli
from wsi_scale.errors import NetworkError, NoTissueError
from wsi_scale.geometry import Site
from wsi_scale.networks import load_network
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.sites.choose import choose_sites
from wsi_scale.sites.focus import fine_over_coarse, in_focus, sharpness
from wsi_scale.sites.overview import survey
from wsi_scale.sites.regions import parse_region
from wsi_scale.sites.stain import DAB, judge_picture
from wsi_scale.sites.tissue import tissue_mask
from wsi_scale.slide.readers import open_slide
from wsi_scale.testing import slide_in_memory

HAEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.10, 0.95, 0.28])
BROWN = np.array([0.27, 0.57, 0.78])
INKS = {
    "green": (30, 130, 60),
    "cyan": (40, 160, 190),
    "blue": (30, 60, 180),
    "black": (25, 25, 28),
    "red": (200, 30, 40),
}
SIDE = 900
QUICK = Settings(sites=6, scales=(0.5, 2), per_octave=2, dense=True)


def stained(haematoxylin, eosin, second=EOSIN):
    """Light through two stains, (h, w, 3); their densities are (h, w)."""
    density = haematoxylin[..., None] * HAEMATOXYLIN + eosin[..., None] * second
    return np.round(240 * np.exp(-density)).astype(np.uint8)


@functools.cache
def densities(side=SIDE):
    """Nuclei of 9 px on a smooth ground."""
    rng = np.random.default_rng(0)
    seeds = ndimage.gaussian_filter((rng.random((side, side)) < 0.006).astype(float), 3)
    waves = ndimage.gaussian_filter(rng.normal(size=(side, side)), 12)
    return np.where(seeds > 0.004, 1.0, 0.1), 0.5 + 0.1 * waves / waves.std()


def tissue(side=SIDE):
    return stained(*densities(side)).copy()


def refusal(picture):
    return judge_picture(picture, tissue_mask(picture)).refusal


def test_stained_tissue_is_not_refused_however_strong_the_stain():
    haematoxylin, eosin = densities()
    for strength in (0.35, 1, 2):
        assert refusal(stained(strength * haematoxylin, strength * eosin)) == ""


@pytest.mark.parametrize("weak", ["haematoxylin", "eosin"])
def test_one_stain_alone_is_not_refused(weak):
    haematoxylin, eosin = densities()
    factors = (0.1, 1) if weak == "haematoxylin" else (1, 0.1)
    assert refusal(stained(factors[0] * haematoxylin, factors[1] * eosin)) == ""


def white_noise():
    return np.random.default_rng(1).integers(0, 256, (400, 400, 3)).astype(np.uint8)


def blurred_noise():
    waves = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(400, 400, 3)), (8, 8, 0))
    return np.clip(128 + 50 * waves / waves.std(), 0, 255).astype(np.uint8)


def noise_in_the_colours_of_tissue():
    share = np.random.default_rng(1).random((400, 400, 1))
    return (share * (225, 150, 190) + (1 - share) * (110, 70, 150)).astype(np.uint8)


def fluorescence():
    out = np.zeros((400, 400, 3), np.uint8)
    out[..., 2] = np.where(densities(400)[0] > 0.5, 180, 8)
    return out


def landscape():
    """A photograph's colours: sky, meadow, earth, and a face."""
    out = np.empty((400, 400, 3), np.uint8)
    out[:150], out[150:300], out[300:], out[180:260, 100:160] = (
        (120, 170, 225), (80, 130, 50), (120, 90, 60), (225, 175, 145)
    )  # fmt: skip
    shade = np.random.default_rng(2).normal(0, 6, (400, 400, 1))
    return np.clip(out + ndimage.gaussian_filter(shade, (1, 1, 0)), 0, 255).astype(np.uint8)


def page():
    out = np.full((400, 400, 3), 250, np.uint8)
    out[20:380:14, 30:370] = 20
    out[21:380:14, 30:370:2] = 40
    return out


def figures():
    with open_slide("synthetic:figures?width=400&height=400") as slide:
        return slide.read(0, 0, 0, 400, 400)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (white_noise, "can be mixed from haematoxylin and eosin"),
        (blurred_noise, "can be mixed from haematoxylin and eosin"),
        (noise_in_the_colours_of_tissue, "as in noise"),
        (fluorescence, "dark, as in fluorescence"),
        (landscape, "can be mixed from haematoxylin and eosin"),
        (page, "can be mixed from haematoxylin and eosin|colour of ink"),
        (figures, "can be mixed from haematoxylin and eosin"),
        (lambda: np.full((400, 400, 3), 255, np.uint8), "nothing in it is stained"),
        (lambda: np.zeros((400, 400, 3), np.uint8), "black everywhere"),
        (lambda: np.repeat(tissue(400)[..., 1:2], 3, axis=2), "only 0%"),
    ],
)
def test_what_is_no_h_and_e_is_refused_with_the_reason(picture, says):
    assert re.search(says, refusal(picture()))


def test_brown_beside_haematoxylin_is_looked_at_with_a_warning():
    haematoxylin, eosin = densities()
    apart = np.where(haematoxylin > 0.5, 0, eosin)
    picture = stained(haematoxylin, apart, BROWN)
    judged = judge_picture(picture, tissue_mask(picture))
    assert (judged.refusal, judged.warnings) == ("", (DAB,))


def test_brown_alone_is_refused():
    picture = stained(np.zeros((400, 400)), densities(400)[1], BROWN)
    assert "haematoxylin and eosin" in refusal(picture)


@pytest.mark.parametrize("ink", INKS)
def test_pen_is_left_out_to_the_pixel_and_the_tissue_beside_it_is_not(ink):
    picture = tissue()
    pen = np.zeros((SIDE, SIDE), bool)
    pen[300:340, 100:800] = True
    picture[pen] = INKS[ink]
    mask = judge_picture(picture, tissue_mask(picture)).mask
    assert not mask[pen].any()
    away = ndimage.distance_transform_edt(~pen) > 16
    assert mask[away].mean() > 0.98


def test_most_of_a_fold_is_left_out_and_the_tissue_beside_it_is_not():
    haematoxylin, eosin = (ndimage.gaussian_filter(plane, 8) for plane in densities())
    fold = np.zeros((SIDE, SIDE), bool)
    fold[:, 430:460] = True
    picture = stained(haematoxylin * (1 + fold), eosin * (1 + fold))
    mask = judge_picture(picture, tissue_mask(picture)).mask
    assert mask[fold].mean() < 0.4
    assert mask[:, :400].mean() > 0.97
    assert mask[:, 490:].mean() > 0.97


def test_dense_tissue_that_is_wide_is_no_fold():
    haematoxylin, eosin = (ndimage.gaussian_filter(plane, 8) for plane in densities())
    dense = 1 + (np.arange(SIDE) > SIDE / 2)
    picture = stained(haematoxylin * dense, eosin * dense)
    assert judge_picture(picture, tissue_mask(picture)).mask.mean() > 0.97


def test_blur_lowers_the_ratio_and_contrast_does_not():
    haematoxylin, eosin = densities(128)
    sharp = fine_over_coarse(stained(haematoxylin, eosin))
    pale = fine_over_coarse(stained(0.5 * haematoxylin, 0.5 * eosin))
    soft = ndimage.gaussian_filter(stained(haematoxylin, eosin), (3, 3, 0))
    assert pale == pytest.approx(sharp, rel=0.25)
    assert fine_over_coarse(soft) < 0.35 * sharp


def test_a_few_sites_and_unknown_ones_are_taken_to_be_in_focus():
    assert in_focus(np.array([0.1, 1]), np.array([0.1, 1, 1, 1, 1])).all()
    many = np.array([0.1, 1, 1, 1, 1, 1, np.nan])
    assert in_focus(many, many).tolist() == [False, True, True, True, True, True, True]


def test_sites_out_of_focus_are_replaced_by_sites_in_focus():
    picture = tissue()
    soft = ndimage.gaussian_filter(picture.astype(float), (6, 6, 0))
    picture[:, :300] = soft[:, :300].round().astype(np.uint8)
    with slide_in_memory(picture, mpp=1.0) as slide:
        plain = choose_sites(slide, 20, seed=0, min_window_px=130)
        sites = choose_sites(slide, 20, seed=0, min_window_px=130, stain="H&E")
    assert sum(site.x < 230 for site in plain) >= 3
    assert len(sites) == 20
    assert not any(site.x < 230 for site in sites)
    assert set(plain) & set(sites)  # sites in focus stay


def test_focus_is_unknown_where_no_whole_patch_fits():
    with slide_in_memory(tissue(400), mpp=1.0) as slide:
        assert np.isnan(sharpness(slide, [Site(10, 10)])).all()


def test_sites_avoid_pen():
    picture = tissue()
    picture[200:700, 200:500] = INKS["blue"]
    with slide_in_memory(picture) as slide:
        sites = choose_sites(slide, 30, seed=0, stain="H&E")
        others = choose_sites(slide, 30, seed=0)
    marked = [200 <= site.x <= 500 and 200 <= site.y <= 700 for site in [*others, *sites]]
    assert any(marked[:30])
    assert not any(marked[30:])


def test_a_region_does_not_switch_the_check_off():
    with slide_in_memory(landscape()) as slide:
        region = parse_region("100,180,60,80")
        assert survey(slide, region).mask.any()
        with pytest.raises(NoTissueError, match=r"shows no H&E tissue: only .* stain=none"):
            survey(slide, region, "H&E")


def test_the_stain_of_a_card_is_set_and_cleared_by_the_query():
    assert load_network("figures").card.stain is None
    assert load_network("figures?stain=HE").card.stain == "H&E"
    assert load_network("figures?stain=none").card.stain is None
    with pytest.raises(NetworkError, match="stain = 'PAS'"):
        load_network("figures?stain=PAS")


def test_another_slide_is_blank_with_the_reason_and_no_number():
    with slide_in_memory(landscape()) as slide:
        report = estimate_slide(slide, "figures?stain=HE", QUICK)
    assert (report.verdict, report.scale, report.mpp) == ("blank", None, None)
    assert report.reason.startswith("this network expects H&E, but ")


def test_the_command_line_writes_the_refusal_and_exits_3(tmp_path):
    Image.fromarray(landscape()).save(tmp_path / "photo.png")
    arguments = ["estimate", str(tmp_path / "photo.png"), "--network", "figures?stain=HE"]
    code = cli.run([*arguments, "--json", str(tmp_path / "out.json")])
    report = json.loads((tmp_path / "out.json").read_text())
    assert code == 3
    assert (report["verdict"], report["scale"]) == ("blank", None)
    assert "H&E" in report["reason"]


def test_a_network_without_a_stain_answers_as_if_nothing_were_judged():
    with slide_in_memory(landscape()) as slide:
        plain, cleared = (
            estimate_slide(slide, spec, QUICK) for spec in ("figures", "figures?stain=none")
        )
    assert plain.verdict != "blank" or "H&E" not in plain.reason
    same = {"provenance", "network"}
    assert plain.model_dump(exclude=same) == cleared.model_dump(exclude=same)


def test_stained_tissue_is_measured_by_a_network_that_reads_it():
    with slide_in_memory(tissue()) as slide:
        report = estimate_slide(slide, "figures?stain=HE", QUICK)
    assert report.curve.score
    assert len(report.sites) == 6


def test_real_slides(real_data):
    for name in ("slides/CMU-1-Small-Region.svs", "images/instanseg-HE_example.tif"):
        with open_slide(real_data / name) as slide:
            assert len(choose_sites(slide, 24, seed=0, stain="H&E")) == 24
    with open_slide(real_data / "images" / "skimage-ihc.png") as slide:
        assert survey(slide, stain="H&E").warnings == (DAB,)
    for name in ("slides/test3-DAPI.ndpi", "slides/boxes.tiff"):
        with open_slide(real_data / name) as slide, pytest.raises(NoTissueError, match="H&E"):
            choose_sites(slide, 24, seed=0, stain="H&E")
