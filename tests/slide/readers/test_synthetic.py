"""Synthetic slides are functions of position: the same in any window, thread or order."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide.readers import synthetic
from wsi_scale.slide.readers._figure_scene import FigureScene
from wsi_scale.slide.readers._scenes import COLOURS, FIGURE_CLASSES
from wsi_scale.slide.readers.synthetic import SyntheticSlide

MOSAIC = SyntheticSlide.figures(seed=7, width=1800, height=1500, stretch=0.7)
TISSUE = SyntheticSlide.tissue(seed=7, width=1800, height=1500)


@pytest.mark.parametrize("slide", [MOSAIC, TISSUE], ids=["figures", "tissue"])
@settings(max_examples=25)
@given(level=st.integers(0, 3), x=st.integers(0, 90), y=st.integers(0, 90), w=st.integers(1, 60))
def test_a_pixel_is_the_same_through_whichever_window_it_is_read(slide, level, x, y, w):
    whole = slide.read(level, 0, 0, 150, 150)
    assert (slide.read(level, x, y, w, w) == whole[y : y + w, x : x + w]).all()


def test_the_same_seed_draws_the_same_slide_and_another_seed_another():
    again, other = (SyntheticSlide.figures(seed=s, width=900, height=900) for s in (7, 8))
    first = SyntheticSlide.figures(seed=7, width=900, height=900).read(0, 0, 0, 300, 300)
    assert (again.read(0, 0, 0, 300, 300) == first).all()
    assert (other.read(0, 0, 0, 300, 300) != first).any()


def test_a_coarse_level_is_the_average_of_the_fine_one():
    fine = MOSAIC.read(0, 400, 400, 512, 512).astype(float)
    coarse = MOSAIC.read(2, 100, 100, 128, 128).astype(float)
    averaged = fine.reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
    assert np.abs(averaged - coarse).mean() < 6
    assert abs(averaged.mean() - coarse.mean()) < 0.5


def test_the_shortcut_for_very_coarse_levels_shows_the_true_mean_colour():
    drawn, shortcut = (FigureScene(seed=3, coarsest_pitch=p) for p in (1000.0, 0.0))
    from wsi_scale.slide.readers._scenes import Grid

    exact = drawn.render(Grid(0, 0, 1250, 1000, 4.0)).reshape(10, 100, 10, 125, 3).mean((1, 3))
    means = shortcut.render(Grid(0, 0, 10, 8, 500.0)).astype(float)
    tiles = drawn.render(Grid(0, 0, 1250, 1000, 4.0)).reshape(8, 125, 10, 125, 3).mean((1, 3))
    assert exact.shape == (10, 10, 3)
    assert np.abs(tiles - means).mean() < 6


def test_every_block_of_the_mosaic_holds_each_class_once():
    scene = FigureScene(seed=11)
    for bx, by in ((0, 0), (3, 2), (-1, -1)):
        seen = {scene.class_of_tile(bx * 5 + i, by * 4 + j) for i in range(5) for j in range(4)}
        assert seen == set(range(20))


@pytest.mark.parametrize("kind", range(20))
def test_a_single_class_slide_shows_its_colour_on_white_and_nothing_else(kind):
    slide = SyntheticSlide.figures(seed=1, only=kind, width=600, height=600)
    pixels = slide.read(0, 0, 0, 600, 600).reshape(-1, 3).astype(int)
    figure = pixels[(pixels != 255).any(axis=1)]
    base = np.array(COLOURS[FIGURE_CLASSES[kind].split()[0]])
    assert np.abs(figure - base).max() <= 20
    assert 0.05 < len(figure) / len(pixels) < 0.6


def test_a_larger_tile_shows_one_class_over_more_ground_as_densely():
    kind = FigureScene(seed=5, tile=900).class_of_tile(0, 0)
    mosaic = SyntheticSlide.figures(seed=5, tile=900, width=900, height=900)
    alone = SyntheticSlide.figures(seed=6, only=kind, width=900, height=900)
    inside = mosaic.read(0, 50, 50, 800, 800)  # figures of the next tiles reach 23 px into this one
    colours = inside[(inside != 255).any(axis=2)].astype(int)
    base = np.array(COLOURS[FIGURE_CLASSES[kind].split()[0]])
    assert np.abs(colours - base).max() <= 20
    covered = [(x != 255).any(axis=2).mean() for x in (inside, alone.read(0, 50, 50, 800, 800))]
    assert covered[0] == pytest.approx(covered[1], rel=0.15)


def test_a_stretched_slide_shows_larger_figures():
    """One figure per 2 500 px²: stretched by 2, the same share of 4 times the area is covered."""
    plain = SyntheticSlide.figures(seed=5, only=0, width=1000, height=1000)
    twice = SyntheticSlide.figures(seed=5, only=0, width=2000, height=2000, stretch=2)
    a = plain.read(0, 0, 0, 1000, 1000)
    b = twice.read(1, 0, 0, 1000, 1000)
    assert np.abs(a.astype(float) - b).mean() < 8


def test_figures_much_larger_than_the_slide_take_no_more_memory_than_the_slide():
    tracemalloc.start()
    with open_slide("synthetic:figures?seed=3&stretch=1000&width=400&height=300") as slide:
        part = slide.read(0, 0, 0, 400, 300)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 256 << 20
    assert (part == part[0, 0]).all()  # one figure covers it, or none does


def test_nuclei_have_the_size_they_were_asked_for():
    """The area covered by dark pixels is the number of nuclei times their mean area."""
    slide = SyntheticSlide.tissue(seed=2, mpp=0.25, nucleus_um=8, width=4000, height=4000)
    pixels = slide.read(0, 1200, 1200, 1600, 1600)
    dark = (pixels[..., 1] < 95).mean()
    expected = 1 - np.exp(-4000e-6 * np.pi / 4 * 8**2 * (1 + 0.4**2 / 12))
    assert dark == pytest.approx(expected, rel=0.15)
    assert slide.mpp == (0.25, 0.25)


def test_tissue_lies_on_white_glass():
    assert (TISSUE.read(0, 0, 0, 50, 50) == 255).all()
    assert TISSUE.read(0, 850, 700, 50, 50).mean() < 230


def test_a_path_describes_a_slide():
    text = "synthetic:figures?seed=3&stretch=0.8&width=700&height=600&class=red cross"
    assert synthetic.accepts(text)
    slide = synthetic.open(text)
    assert (slide.levels[0].width, slide.levels[0].height) == (700, 600)
    assert slide.path == text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("synthetic:cats", "figures"),
        ("synthetic:figures?colour=red", "unknown key 'colour'"),
        ("synthetic:figures?width=wide", "needs a number for width"),
        ("synthetic:figures?width=0", "at least 1"),
        ("synthetic:figures?stretch=0", "above 0"),
        ("synthetic:figures?stretch=nan", "above 0"),
        ("synthetic:figures?tile=120", "must be a multiple of 50 px, got 120"),
        ("synthetic:figures?class=pink cross", "an unknown class 'pink cross'"),
        ("synthetic:tissue?mpp=-1", "mpp of synthetic tissue must be above 0"),
    ],
)
def test_a_bad_path_is_refused_in_one_sentence(path, says):
    with pytest.raises(SlideError, match=says):
        synthetic.open(path)
