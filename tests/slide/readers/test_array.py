"""Arrays as slides: what fits, what is refused, and that only the window read is computed."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_scale import open_slide
from wsi_scale.errors import SlideError

RNG = np.random.default_rng(4)
NOISE = RNG.integers(0, 255, (97, 131, 3), dtype=np.uint8)


def numpy_window(pixels, x, y, width, height, background):
    """What a window must show: cut from the whole image, padded with background."""
    pad = 300
    out = np.empty((pixels.shape[0] + 2 * pad, pixels.shape[1] + 2 * pad, 3), np.uint8)
    out[:] = background
    out[pad : pad + pixels.shape[0], pad : pad + pixels.shape[1]] = pixels
    return out[pad + y : pad + y + height, pad + x : pad + x + width]


@settings(max_examples=200)
@given(
    x=st.integers(-150, 150),
    y=st.integers(-150, 150),
    width=st.integers(1, 150),
    height=st.integers(1, 150),
)
def test_any_window_is_the_slice_of_the_image_padded_with_background(x, y, width, height):
    slide = open_slide(NOISE)
    slide.background = (1, 2, 3)
    window = slide.read(0, x, y, width, height)
    assert window.shape == (height, width, 3)
    assert window.dtype == np.uint8
    assert (window == numpy_window(NOISE, x, y, width, height, (1, 2, 3))).all()


@settings(max_examples=100)
@given(
    x=st.integers(0, 60), y=st.integers(0, 40), width=st.integers(2, 60), height=st.integers(2, 50)
)
def test_a_window_is_the_sum_of_its_halves(x, y, width, height):
    slide = open_slide(NOISE)
    cut = width // 2
    left = slide.read(0, x, y, cut, height)
    right = slide.read(0, x + cut, y, width - cut, height)
    assert (np.concatenate([left, right], axis=1) == slide.read(0, x, y, width, height)).all()


def test_changing_what_was_read_leaves_the_array_alone():
    source = NOISE.copy()
    open_slide(source).read(0, 0, 0, 50, 50)[:] = 0
    assert (source == NOISE).all()


def test_grey_becomes_rgb():
    for grey in (NOISE[..., 0], NOISE[..., :1]):
        window = open_slide(grey).read(0, 0, 0, 131, 97)
        assert (window == NOISE[..., :1]).all()


def test_transparent_pixels_show_the_background():
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[..., 0], rgba[:, :2, 3], rgba[:, 2:4, 3] = 200, 255, 51
    window = open_slide(rgba).read(0, 0, 0, 6, 4)
    assert window[0].tolist() == [[200, 0, 0]] * 2 + [[244, 204, 204]] * 2 + [[255] * 3] * 2


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((3, 40, 50), np.uint8), "channels first"),
        (np.zeros((40, 50, 5), np.uint8), r"\(40, 50, 5\)"),
        (np.zeros((2, 40, 50, 3), np.uint8), "shape"),
        (np.zeros((0, 50, 3), np.uint8), "no pixels"),
        (np.zeros((40, 50), np.uint16), "uint16"),
        (np.zeros((40, 50, 3)), "float64"),
        ([NOISE, NOISE], "must shrink"),
        ([NOISE[::2, ::2], NOISE], "must shrink"),
        ([NOISE, NOISE[:30, :120:2]], "is not a smaller copy of 131 × 97 px"),
    ],
)
def test_what_is_no_slide_is_refused_in_one_sentence(source, says):
    with pytest.raises(SlideError, match=says) as caught:
        open_slide(source)
    assert "\n" not in str(caught.value)


def test_an_array_has_no_resolution_unless_it_is_given():
    assert open_slide(NOISE).mpp is None
    assert open_slide(NOISE, mpp=0.5).mpp == (0.5, 0.5)


def test_a_pickled_array_slide_reads_the_same():
    slide = open_slide([NOISE, NOISE[::2, ::2]], mpp=0.5)
    again = pickle.loads(pickle.dumps(slide))
    assert again.mpp == (0.5, 0.5)
    assert (again.read(1, 3, 4, 20, 10) == slide.read(1, 3, 4, 20, 10)).all()


def test_a_closed_array_slide_says_so():
    slide = open_slide(NOISE)
    slide.close()
    with pytest.raises(SlideError, match="is closed"):
        slide.read(0, 0, 0, 5, 5)


def test_only_the_chunks_of_the_window_are_computed_by_dask():
    dask_array = pytest.importorskip("dask.array")
    computed = []

    def block(block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return np.full(block_info[None]["chunk-shape"], 7, np.uint8)

    lazy = dask_array.map_blocks(
        block, chunks=((100,) * 20, (100,) * 30, (3,)), dtype=np.uint8, meta=np.empty(0, np.uint8)
    )
    slide = open_slide(lazy)
    assert slide.reader_reason == "the source is a dask array"
    assert computed == []
    assert (slide.read(0, 250, 110, 100, 50) == 7).all()
    assert sorted(set(computed)) == [(1, 2, 0), (1, 3, 0)]


def test_only_the_chunks_of_the_window_are_read_from_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    stored = zarr.open(
        str(tmp_path / "a.zarr"), mode="w", shape=(97, 131, 3), chunks=(50, 50, 3), dtype="u1"
    )
    stored[:] = NOISE
    for chunk in Path(tmp_path).rglob("*"):
        first = chunk.as_posix().endswith(("c/0/0/0", "0.0.0"))
        if chunk.is_file() and not first and chunk.name[0] in "0123456789":
            chunk.write_bytes(b"broken")
    slide = open_slide(zarr.open(str(tmp_path / "a.zarr"), mode="r"))
    assert (slide.read(0, 5, 5, 40, 40) == NOISE[5:45, 5:45]).all()
    with pytest.raises(SlideError, match="cannot be computed at level 0, x 60"):
        slide.read(0, 60, 60, 40, 30)
