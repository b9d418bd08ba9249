"""The ruler on slides: a network that is never wrong, real tissue, and what is no tissue."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from wsi_scale import Settings, estimate_slide, iter_estimates, open_slide, ruler
from wsi_scale.cli import run
from wsi_scale.errors import NetworkError, SettingsError, SiteError, SlideError
from wsi_scale.geometry import Site
from wsi_scale.pixel_size import ask
from wsi_scale.pixel_size.ask import TissueVotes
from wsi_scale.pixel_size.nuclei import count_nuclei
from wsi_scale.pixel_size.read_tissue import measure_pixel_size
from wsi_scale.pixel_size.ruler_network import RulerNet
from wsi_scale.pixel_size.votes import CENTRES, read_votes
from wsi_scale.render.sentence import explain
from wsi_scale.sites import overview
from wsi_scale.sites.overview import survey

CMU = Path(__file__).parents[2] / "sample_data" / "CMU-1-Small-Region.svs"
TRUE = 0.499
PERIOD_UM = 8.0
"""Of the lines of a drawn grating."""


def grating(mpp, height, width):
    """Upright lines in the colours of H&E, PERIOD_UM apart, (h, w, 3)."""
    phase = 2 * np.pi * np.arange(width) * mpp / PERIOD_UM
    share = np.broadcast_to(((1 + np.sin(phase)) / 2)[None, :, None], (height, width, 1))
    return (share * (80, 50, 130) + (1 - share) * (235, 175, 210)).astype(np.uint8)


class Perfect(torch.nn.Module):
    """Reads the period of a grating."""

    def __init__(self):
        super().__init__()
        self.anything = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        rows = x.mean((1, 2)) - x.mean((1, 2, 3))[:, None]
        power = np.abs(np.fft.rfft(rows.numpy() * np.hanning(rows.shape[1]), 4096))
        read = np.log2(PERIOD_UM * power.argmax(1) / 4096)
        away = torch.from_numpy(CENTRES - np.clip(read, *CENTRES[[0, -1]])[:, None])
        return -0.5 * (away / 0.1) ** 2


def asked(pixels, net):
    with open_slide(pixels) as slide:
        found = TissueVotes(slide, survey(slide, None, "H&E"), net, 0)
        found.at_all_scales()
        found.where_trusted()
        return found


@pytest.mark.parametrize("mpp", [0.12, 0.25, 0.5, 1.1, 1.4])
@pytest.mark.parametrize("side", [256, 700])
def test_a_perfect_network_is_taken_at_its_word_from_256_px_on(mpp, side):
    found = asked(grating(mpp, side, side + 40), Perfect())
    assert read_votes(found.votes).octaves == pytest.approx(np.log2(mpp), abs=0.12)


def test_patches_are_as_large_as_the_slide_allows_and_none_is_enlarged():
    found = asked(grating(0.5, 256, 256), Perfect())
    assert found.votes.octaves.min() == 0
    assert found.votes.octaves.max() <= 2  # 64 px at scale 4 are the whole picture
    assert len(found.votes.octaves) >= 20


def test_the_network_takes_patches_of_any_side_and_gives_shares():
    net = RulerNet().eval()
    for side in ask.SIDES:
        shares = ask.show(net, np.zeros((3, side, side, 3), np.uint8))
        assert shares.shape == (3, len(CENTRES))
        assert np.exp(shares).sum(1) == pytest.approx([1, 1, 1])


class FindsDark:
    """Takes dark pixels for nuclei; knows 1 µm/px."""

    class card:  # noqa: N801
        training_mpp = 1.0

    def prepare(self, patches):
        return torch.from_numpy(patches).float().mean(3)[:, None]

    def logits(self, x):
        return 100 - x


@pytest.mark.parametrize(("mpp", "counted"), [(1.0, 110), (0.5, 225), (0.1, 0)])
def test_nuclei_are_counted_by_their_density_and_only_at_the_size_that_was_read(mpp, counted):
    """Discs 40 px apart in 600 px, 15 rows of 15. At scale 1 nine patches of 128 px show 3.5² each;
    at scale 2 they cover all; at scale 10 the discs are specks."""
    y, x = np.mgrid[:600, :600] % 40 - 20
    pixels = np.full((600, 600, 3), 200, np.uint8)
    pixels[np.hypot(y, x) < 6] = 20
    sites = [Site(x, y) for x in (100.0, 300.0, 500.0) for y in (100.0, 300.0, 500.0)]
    with open_slide(pixels) as slide:
        found = count_nuclei(slide, sites, mpp, FindsDark())
    assert found == pytest.approx(counted, rel=0.35)


def test_a_nucleus_that_many_patches_show_is_counted_once():
    """Sixteen places within 40 px of a large slide, around four discs."""
    y, x = np.mgrid[:900, :900]
    pixels = np.full((900, 900, 3), 200, np.uint8)
    for cx, cy in ((440, 440), (440, 470), (470, 440), (470, 470)):
        pixels[np.hypot(y - cy, x - cx) < 6] = 20
    sites = [Site(440.0 + 2 * i, 470.0 - 2 * i) for i in range(16)]
    with open_slide(pixels) as slide:
        assert count_nuclei(slide, sites, 1.0, FindsDark()) == pytest.approx(4, abs=3)
        assert count_nuclei(slide, sites, 3.0, FindsDark()) is None


def test_glass_is_blank_and_has_no_number():
    size = ruler(np.full((300, 400, 3), 244, np.uint8)).size
    assert (size.verdict, size.mpp, size.interval) == ("blank", None, None)


def test_the_metadata_and_the_network_do_not_move_the_answer():
    plain, told = ruler(CMU), ruler(CMU, mpp=2.0)
    assert plain.size == told.size
    assert plain.size.mpp == pytest.approx(TRUE, rel=0.2)
    assert (told.pixels.claimed_mpp, told.pixels.status) == (2.0, "conflict")
    assert plain.pixels.status != "conflict"


def test_a_resampled_slide_is_read_as_resampled():
    from PIL import Image

    with open_slide(CMU) as slide:
        pixels = slide.read(0, 600, 600, 1400, 1400)
    half = np.asarray(Image.fromarray(pixels).resize((700, 700), Image.Resampling.BICUBIC))
    ratio = ruler(half).size.mpp / ruler(pixels).size.mpp
    assert ratio == pytest.approx(2, rel=0.15)


def test_every_door_gives_the_same_digits(tmp_path, capsys):
    direct = ruler(CMU)
    few = Settings(sites=2, scales=(1, 4), per_octave=2, as_is_sites=0)
    for network in ("histology", "figures"):
        report = estimate_slide(CMU, network, few)
        assert report.ruler.slide_mpp == direct.size.mpp
        assert report.ruler.slide_mpp_interval == direct.size.interval
        assert (report.ruler.slide_mpp_from, report.ruler.verdict) == ("ruler", direct.size.verdict)
        assert report.pixels == direct.pixels
    assert run(["info", str(CMU), "--pixels", "--json", str(tmp_path / "info.json")]) == 0
    assert json.loads((tmp_path / "info.json").read_text())["pixels"] == json.loads(
        direct.pixels.model_dump_json()
    )
    code = run(["ruler", str(CMU), "--json", str(tmp_path / "ruler.json")])
    assert code == (0 if direct.size.verdict == "ok" else 3)
    written = json.loads((tmp_path / "ruler.json").read_text())
    assert written["schema"] == "wsi-scale/ruler/1"
    assert written["size"]["mpp"] == direct.size.mpp
    assert f"{direct.size.mpp:.3g} µm/px" in capsys.readouterr().out


def test_a_conflict_is_told_by_the_exit_code(capsys):
    assert run(["info", str(CMU), "--pixels", "--mpp", "2"]) == 3
    assert "conflict" in capsys.readouterr().out


def test_confirmed_metadata_end_a_run_that_could_not_be_ok_by_itself():
    """The scale is theirs, whatever more sites say; wrong metadata are no reason to stop."""
    few = Settings(sites=12, scales=(1, 4), per_octave=2, as_is_sites=0)
    report = estimate_slide(CMU, "histology", few)
    assert (report.verdict, report.estimator) == ("ok", "ruler")
    assert (len(report.sites), report.stopped_early) == (8, True)
    assert report.warnings == []
    wrong = estimate_slide(CMU, "histology", few.model_copy(update={"mpp": (2.0, 2.0)}))
    assert wrong.verdict != "ok"
    assert len(wrong.sites) > 8


def test_a_run_cancelled_after_the_ruler_was_asked_keeps_what_it_read():
    settings = Settings(sites=12, scales=(1, 4), per_octave=2, as_is_sites=0, mpp=(2.0, 2.0))
    steps = list(iter_estimates(str(CMU), "histology", settings))
    last, read = steps[-1], [step for step in steps if step.pixel_size is not None]
    assert len(read) > 1
    assert steps[0].pixel_size is None
    cancelled = read[0].report()
    assert cancelled.partial
    assert cancelled.tolerance is not None
    assert "more sites may change what the network itself says" in explain(cancelled)
    assert read[0].estimate is read[1].estimate  # or windows would draw it anew
    assert cancelled.pixels.status == "conflict"
    assert cancelled.pixels.slide_mpp == last.report().pixels.slide_mpp
    assert cancelled.estimator == last.report().estimator


@pytest.mark.parametrize(
    ("mpp", "trained", "said"),
    [
        ((0.42, 0.58), 1.0, None),
        ((0.38, 0.62), 1.0, "pixels are not square (0.38 × 0.62 µm)"),
        ((0.499, 0.499), 2.0, "the network's own answer (recognition"),
    ],
)
def test_what_the_metadata_say_is_not_ok_where_it_cannot_be_right(mpp, trained, said):
    """Pixels so oblong that a side is a quarter off; a µm/px of the network that it contradicts."""
    few = Settings(sites=12, scales=(1, 8), per_octave=2, as_is_sites=0, mpp=mpp)
    report = estimate_slide(str(CMU), f"histology?mpp={trained}", few)
    assert report.estimator == "ruler"
    assert report.verdict == ("ok" if said is None else "ambiguous")
    assert said is None or said in report.reason
    assert "does not confirm" not in explain(report)
    assert ("not square, so" in explain(report)) == (trained == 1.0 and said is not None)
    assert ("quite another scale" in explain(report)) == (trained == 2.0)


def test_without_the_ruler_the_network_that_knows_its_size_is_asked():
    few = Settings(sites=16, scales=(1, 4), per_octave=2, as_is_sites=0, ruler=False)
    report = estimate_slide(CMU, "histology", few)
    assert report.ruler.slide_mpp_from == "network"
    assert report.ruler.slide_mpp == pytest.approx(report.network.training_mpp / report.scale)
    assert estimate_slide(CMU, "figures", few).pixels is None


def test_a_ruler_that_cannot_answer_loses_nothing_that_was_measured(monkeypatch):
    def broken(*args, **kwargs):
        raise SlideError("tile 3 is damaged")

    monkeypatch.setattr(ask, "sample_pyramid", broken)
    few = Settings(sites=2, scales=(1, 4), per_octave=2, as_is_sites=0)
    report = estimate_slide(CMU, "figures", few)
    assert report.scale is not None
    assert (report.ruler.verdict, report.ruler.slide_mpp) == ("blank", None)
    assert "tile 3 is damaged" in report.ruler.reason


def test_a_run_cancelled_after_a_ruler_that_cannot_answer_follows_the_network(monkeypatch):
    def broken(*args, **kwargs):
        raise SlideError("tile 3 is damaged")

    monkeypatch.setattr(ask, "sample_pyramid", broken)
    few = Settings(sites=12, scales=(1, 4), per_octave=2, as_is_sites=0)
    steps = [x for x in iter_estimates(str(CMU), "histology", few) if x.pixel_size is not None]
    cancelled, ended = steps[0].report(), steps[-1].report()
    assert (cancelled.partial, ended.partial) == (True, False)
    assert cancelled.ruler.slide_mpp_from == ended.ruler.slide_mpp_from == "network"


def test_a_small_picture_of_fine_pixels_accuses_nobody():
    assert ruler(grating(0.25, 100, 100), mpp=0.25).pixels.status != "conflict"


def test_what_cannot_be_meant_is_refused():
    with open_slide(CMU) as slide, pytest.raises(SettingsError, match="already open"):
        ruler(slide, mpp=0.25)
    with pytest.raises(NetworkError, match="unknown device"):
        ruler(np.full((300, 400, 3), 255, np.uint8), device="foo")


def test_places_lie_in_the_region():
    size = ruler(CMU, region="900,900,800,800").size
    assert size.mpp == pytest.approx(TRUE, rel=0.3)
    with pytest.raises(SiteError, match="lies outside"):
        ruler(CMU, region="90000,0,100,100")


def test_a_slide_that_cannot_be_read_is_an_error_not_a_blank(monkeypatch):
    def broken(*args, **kwargs):
        raise SlideError("tile 3 is damaged")

    monkeypatch.setattr(ask, "sample_pyramid", broken)
    with open_slide(CMU) as slide, pytest.raises(SlideError, match="none of 16 places"):
        measure_pixel_size(slide)


def test_a_slide_of_which_a_part_cannot_be_read_is_answered_from_the_rest(monkeypatch):
    real, count = ask.sample_pyramid, iter(range(1000))

    def sometimes(*args, **kwargs):
        if next(count) % 3 == 0:
            raise SlideError("tile 3 is damaged")
        return real(*args, **kwargs)

    monkeypatch.setattr(ask, "sample_pyramid", sometimes)
    assert ruler(CMU).size.mpp == pytest.approx(TRUE, rel=0.25)


def test_drawn_figures_are_never_ok():
    for seed in range(3):
        size = ruler(f"synthetic:figures?seed={seed}&width=900&height=800").size
        assert size.verdict != "ok"
        if size.verdict == "blank":
            assert "the ruler expects H&E" in size.reason


@pytest.mark.parametrize("stain", ["H&E", None])
def test_a_picture_taken_for_the_network_serves_the_ruler(stain, monkeypatch):
    with open_slide(CMU) as slide:
        alone, known = measure_pixel_size(slide, device="cpu"), survey(slide, None, stain)
        taken = []
        monkeypatch.setattr(overview, "take_overview", lambda *_: taken.append(1))
        shared = measure_pixel_size(slide, device="cpu", tissue=known)
    assert shared == alone
    assert taken == []


def test_tissue_searched_for_any_stain_is_still_refused_if_it_is_not_h_and_e():
    green = np.full((600, 600, 3), 245, np.uint8)
    green[100:500, 100:500] = np.random.default_rng(0).integers(60, 90, (400, 400, 1)) * [0, 1, 0]
    with open_slide(green) as slide:
        known = survey(slide, None, None)
        size = measure_pixel_size(slide, device="cpu", tissue=known)
    assert size.verdict == "blank"
    assert "the ruler expects H&E" in size.reason
