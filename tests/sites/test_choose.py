"""Sites are on tissue, inside the region, spread out, with room around, and reproducible."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_scale.errors import NoTissueError, SiteError
from wsi_scale.geometry import Box, Level, reach
from wsi_scale.sites.choose import choose_sites
from wsi_scale.sites.regions import Region, parse_region
from wsi_scale.slide.base import Slide

GLASS, STAIN = (243, 242, 244), (200, 130, 185)


class PaintedSlide(Slide):
    """Glass with stained boxes (x, y, w, h in level-0 px), painted when it is read."""

    def __init__(self, width, height, *stained, bounds=None, downsamples=(1,)):
        self.path, self.reader, self.properties = "painted", "test", {}
        self.levels = tuple(Level(int(width / d), int(height / d), d) for d in downsamples)
        self.bounds = bounds or Box(0, 0, width, height)
        self.stained = stained
        self.pixels_read = 0

    def _read(self, level, x, y, width, height):
        self.pixels_read += width * height
        down = self.levels[level].downsample
        out = np.empty((height, width, 3), np.uint8)
        out[:] = GLASS
        for bx, by, bw, bh in self.stained:
            rows = slice(*(int(max(0, e / down - y)) for e in (by, by + bh)))
            columns = slice(*(int(max(0, e / down - x)) for e in (bx, bx + bw)))
            patch = out[rows, columns]
            patch[:] = STAIN
            patch[::7, ::5] = (90, 50, 120)
        return out

    def close(self):
        pass


def all_stained(width, height, **options):
    return PaintedSlide(width, height, (0, 0, width, height), **options)


def inside(site, box, slack=0.0):
    x, y, width, height = box
    return -slack <= site.x - x <= width + slack and -slack <= site.y - y <= height + slack


def test_sites_lie_on_tissue():
    tissue = (3000, 500, 1500, 2000)
    sites = choose_sites(PaintedSlide(6000, 4000, tissue), 24, seed=0)
    assert len(sites) == 24
    assert all(inside(site, tissue, slack=120) for site in sites)


def test_the_same_seed_gives_the_same_sites_and_another_seed_others():
    slide = all_stained(3000, 2000)
    first = choose_sites(slide, 12, seed=1, window_px=900, min_window_px=100)
    assert first == choose_sites(slide, 12, seed=1, window_px=900, min_window_px=100)
    assert first != choose_sites(slide, 12, seed=2, window_px=900, min_window_px=100)


def test_sites_are_spread_better_than_chance():
    def nearest(points):
        away = np.linalg.norm(points[:, None] - points[None], axis=2)
        return np.sort(away + np.eye(len(points)) * 1e9, axis=1)[:, 0].mean()

    slide = all_stained(4000, 4000)
    ours, chance = [], []
    for seed in range(5):
        ours.append(nearest(np.array(choose_sites(slide, 24, seed=seed))))
        chance.append(nearest(np.random.default_rng(seed).uniform(0, 4000, (24, 2))))
    assert np.mean(ours) > 1.5 * np.mean(chance)


def test_sites_are_not_whole_pixels():
    sites = choose_sites(all_stained(500, 400), 10, seed=0)
    assert any(site.x % 0.5 for site in sites)


@settings(max_examples=20)
@given(
    width=st.integers(120, 2500),
    height=st.integers(120, 2500),
    count=st.integers(1, 30),
    largest=st.floats(0, 4000),
    share=st.floats(0.01, 1),
    seed=st.integers(0, 9),
)
def test_every_site_leaves_room_for_the_smallest_patch(width, height, count, largest, share, seed):
    smallest = min(largest * share, 100)
    slide = all_stained(width, height)
    sites = choose_sites(slide, count, seed=seed, window_px=largest, min_window_px=smallest)
    assert 1 <= len(sites) <= count
    room = [reach(slide.bounds, site, 1) for site in sites]
    assert min(room) >= smallest
    if largest <= 0.9 * min(width, height):
        assert sum(r >= largest for r in room) >= min(count, max(3, count // 3))


def test_the_largest_window_fits_around_a_third_and_the_rim_is_seen_too():
    slide = all_stained(4000, 4000)
    sites = choose_sites(slide, 24, seed=0, window_px=3000, min_window_px=100)
    room = np.array([reach(slide.bounds, site, 1) for site in sites])
    assert (room >= 3000).sum() >= 8
    assert (room < 1000).sum() >= 3


def test_a_window_that_fits_nowhere_shrinks_until_several_places_fit():
    slide = all_stained(2220, 2967)
    sites = choose_sites(slide, 24, seed=0, window_px=3584, min_window_px=112)
    room = np.array([reach(slide.bounds, site, 1) for site in sites])
    assert len(sites) == 24
    assert (room >= 0.75 * 2220).sum() >= 8


def test_a_slide_just_as_large_as_the_patch_has_its_middle():
    sites = choose_sites(all_stained(1000, 1000), 5, seed=0, window_px=1000, min_window_px=1000)
    assert [tuple(site) for site in sites[:1]] == [(500, 500)]
    assert all(site == (500, 500) for site in sites)


def test_only_the_scanned_part_of_the_canvas_is_used():
    bounds = Box(2000, 1000, 800, 600)
    slide = PaintedSlide(5000, 4000, (0, 0, 5000, 4000), bounds=bounds)
    sites = choose_sites(slide, 20, seed=0, window_px=400, min_window_px=100)
    assert len(sites) == 20
    assert all(reach(bounds, site, 1) >= 100 for site in sites)


def test_sites_stay_inside_the_region_and_out_of_its_hole():
    outer = np.array([[500, 500], [2500, 600], [2200, 2400], [400, 2000]], float)
    hole = np.array([[1000, 1000], [1800, 1000], [1800, 1800], [1000, 1800]], float)
    region = Region(((outer, hole),))
    sites = choose_sites(all_stained(3000, 3000), 40, seed=0, region=region)
    x, y = np.array(sites).T
    assert len(sites) == 40
    assert region.contains(x, y).all()


def test_a_small_region_of_a_huge_slide_is_looked_at_closely():
    slide = all_stained(100_000, 80_000, downsamples=(1, 4.0001, 16.01, 64.2))
    sites = choose_sites(slide, 12, seed=0, region=parse_region("70000,30000,60,40"))
    assert len({tuple(site) for site in sites}) == 12
    assert all(inside(site, (70000, 30000, 60, 40)) for site in sites)


def test_a_region_that_hangs_over_the_edge_is_used_as_far_as_it_goes():
    sites = choose_sites(all_stained(900, 700), 6, seed=0, region=parse_region("800,-50,500,200"))
    assert all(inside(site, (800, 0, 100, 150)) for site in sites)


def test_a_region_off_the_slide_is_one_sentence():
    with pytest.raises(SiteError, match=r"outside painted, .* 0,0,900,700; draw it"):
        choose_sites(all_stained(900, 700), 6, seed=0, region=parse_region("900,0,5,5"))


def test_a_region_without_tissue_is_said_to_hold_none():
    slide = PaintedSlide(3000, 2000, (0, 0, 800, 800))
    with pytest.raises(NoTissueError, match="box 2000,1000,500,500 holds no tissue on painted"):
        choose_sites(slide, 6, seed=0, region=parse_region("2000,1000,500,500"))


def test_a_blank_slide_is_said_to_be_blank():
    with pytest.raises(NoTissueError, match="no tissue found on painted; pass --region"):
        choose_sites(PaintedSlide(3000, 2000), 6, seed=0)


def test_a_patch_larger_than_the_slide_is_one_sentence():
    with pytest.raises(SiteError, match=r"no patch of 800 px fits .* room for 700 px"):
        choose_sites(all_stained(900, 700), 6, seed=0, window_px=900, min_window_px=800)


def test_fewer_places_give_fewer_sites():
    slide = PaintedSlide(400, 300, (100, 100, 3, 3))
    sites = choose_sites(slide, 500, seed=0)
    assert 1 <= len(sites) < 60


def test_a_huge_slide_costs_no_more_than_a_large_one():
    def cost(side):
        downsamples = [d for d in (1, 4, 16, 64) if side / d >= 600]
        slide = all_stained(side, side, downsamples=downsamples)
        start = time.perf_counter()
        choose_sites(slide, 24, seed=0, window_px=3584, min_window_px=112)
        return time.perf_counter() - start, slide.pixels_read

    cost(2000)
    (large_s, large_px), (huge_s, huge_px) = cost(10_000), cost(100_000)
    assert huge_px <= 6 * large_px
    assert huge_s <= 4 * large_s + 0.5


def test_a_large_slide_without_coarser_levels_is_read_in_bands():
    slide = all_stained(20_000, 8_000)
    slide.widest = 0
    whole = slide._read

    def watched(level, x, y, width, height):
        slide.widest = max(slide.widest, width * height)
        return whole(level, x, y, width, height)

    slide._read = watched
    assert choose_sites(slide, 4, seed=0)
    assert slide.widest <= 1 << 24


@pytest.mark.real
def test_sites_of_a_real_slide_lie_on_tissue(real_data):
    openslide = pytest.importorskip("openslide")
    with openslide.OpenSlide(real_data / "slides" / "CMU-1-Small-Region.svs") as file:
        pixels = np.asarray(file.read_region((0, 0), 0, file.dimensions).convert("RGB"))
    slide = all_stained(pixels.shape[1], pixels.shape[0])
    slide._read = lambda level, x, y, w, h: pixels[y : y + h, x : x + w]
    sites = choose_sites(slide, 24, seed=0, window_px=3584, min_window_px=112)
    around = [pixels[int(y) - 40 : int(y) + 40, int(x) - 40 : int(x) + 40] for x, y in sites]
    assert len(sites) == 24
    assert sum(one.min(axis=2).mean() < 225 for one in around) >= 22
