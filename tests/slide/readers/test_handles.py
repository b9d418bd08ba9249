"""Slides in threads, forked workers and pickles, and next to a region that cannot be decoded."""

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.testing import write_pyramid_tiff

NOISE = np.random.default_rng(6).integers(0, 255, (700, 900, 3), dtype=np.uint8)
READERS = ["openslide", "tiffslide", "image"]


@pytest.fixture(params=READERS)
def slide(request, tmp_path):
    path = write_pyramid_tiff(tmp_path / "noise.tiff", [NOISE, NOISE[::2, ::2]], mpp=0.5)
    with open_slide(path, reader=request.param, mpp=0.25) as opened:
        yield opened


@pytest.fixture(params=["openslide", "tiffslide"])
def broken(request, tmp_path):
    """A slide of 4 × 3 tiles. The second tile is zeros, the others are intact."""
    path = write_pyramid_tiff(tmp_path / "hole.tiff", [NOISE], compression="jpeg")
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages[0].dataoffsets[1], tiff.pages[0].databytecounts[1]
    data = bytearray(path.read_bytes())
    data[offset : offset + length] = bytes(length)
    path.write_bytes(data)
    with open_slide(path, reader=request.param) as opened:
        yield opened


def is_right(slide, x, y):
    return bool((slide.read(0, x, y, 50, 40) == NOISE[y : y + 40, x : x + 50]).all())


def windows(count):
    rng = np.random.default_rng(7)
    return [(int(x), int(y)) for x, y in rng.integers(0, (850, 660), (count, 2))]


def test_threads_read_one_slide_at_once(slide):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda place: is_right(slide, *place), windows(64)))


def read_in_worker(place):
    return is_right(WORKERS_SLIDE, *place)


# TiffSlide uses zarr, which keeps a thread; forking next to that thread is tested here
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.usefixtures("can_fork")
def test_forked_workers_read_a_slide_that_was_open_before(slide):
    global WORKERS_SLIDE
    WORKERS_SLIDE = slide
    assert is_right(slide, 10, 10)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = [pool.apply_async(read_in_worker, (place,)) for place in windows(16)]
        assert all(is_right(slide, *place) for place in windows(16))
        assert all(answer.get(timeout=60) for answer in answers)
    assert is_right(slide, 20, 20)


def test_a_pickled_slide_opens_the_file_again_and_keeps_what_was_given(slide):
    again = pickle.loads(pickle.dumps(slide))
    with again:
        assert again.mpp == (0.25, 0.25)
        assert again.audit == slide.audit
        assert again.levels == slide.levels
        assert is_right(again, 30, 40)
    assert is_right(slide, 30, 40)


def test_a_pickled_slide_whose_file_is_gone_says_so(slide, tmp_path):
    again = pickle.loads(pickle.dumps(slide))
    (tmp_path / "noise.tiff").unlink()
    with again, pytest.raises(SlideError, match=r"noise\.tiff"):
        again.read(0, 0, 0, 5, 5)


def test_a_closed_slide_says_so(slide):
    slide.close()
    with pytest.raises(SlideError, match="is closed; open it again"):
        slide.read(0, 0, 0, 5, 5)


def test_a_region_that_cannot_be_decoded_leaves_the_others_readable(broken):
    before = broken.read(0, 0, 0, 200, 200)
    for _ in range(2):
        with pytest.raises(SlideError, match="cannot be decoded at level 0, x 300") as caught:
            broken.read(0, 300, 10, 20, 20)
        assert "\n" not in str(caught.value)
        assert (broken.read(0, 0, 0, 200, 200) == before).all()
    assert broken.read(0, 600, 300, 200, 200).std() > 10


def test_threads_beside_a_broken_region_still_read_theirs(broken):
    wanted = broken.read(0, 600, 300, 100, 100)

    def read(number):
        if number % 3:
            return bool((broken.read(0, 600, 300, 100, 100) == wanted).all())
        with pytest.raises(SlideError):
            broken.read(0, 300, 10, 20, 20)
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, range(60)))
