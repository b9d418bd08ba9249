"""A library that dies while it reads a doubtful file does not end the process that asked."""

import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide.readers import _apart

NOISE = np.random.default_rng(8).integers(0, 255, (300, 400, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory):
    """An image in a format that nobody checks before its library opens it."""
    path = tmp_path_factory.mktemp("apart") / "noise.ppm"
    Image.fromarray(NOISE).save(path)
    return path


def process_of(slide):
    (child,) = slide._idle
    return child._process


def test_a_doubtful_file_is_read_by_another_process_and_looks_the_same(doubtful, monkeypatch):
    with open_slide(doubtful, mpp=0.5) as apart:
        assert process_of(apart).pid != os.getpid()
        assert (apart.read(0, 7, 5, 30, 20) == NOISE[5:25, 7:37]).all()
        monkeypatch.setattr(_apart, "_alone", True)
        with open_slide(doubtful, mpp=0.5) as here:
            assert not isinstance(here, _apart.ApartSlide)
            assert _apart.attributes_of(apart) == _apart.attributes_of(here)


def test_the_death_of_the_reading_process_is_one_sentence_and_the_next_read_works(doubtful):
    with open_slide(doubtful) as slide:
        gone = process_of(slide)
        gone.send_signal(signal.SIGABRT)
        with pytest.raises(SlideError, match=r"noise.ppm: the process .* died of SIGABRT"):
            slide.read(0, 0, 0, 10, 10)
        assert (slide.read(0, 0, 0, 10, 10) == NOISE[:10, :10]).all()


def test_threads_and_pickles_read_it_too_and_closing_ends_the_processes(doubtful):
    with open_slide(doubtful) as slide, ThreadPoolExecutor(3) as pool:
        copy = pickle.loads(pickle.dumps(slide))
        both = [slide, copy] * 6
        found = list(pool.map(lambda one: one.read(0, 40, 50, 60, 70), both))
        assert all((one == NOISE[50:120, 40:100]).all() for one in found)
        children = [child._process for child in (*slide._idle, *copy._idle)]
        copy.close()
    assert all(child.poll() is not None for child in children)
    with pytest.raises(SlideError, match="is closed"):
        slide.read(0, 0, 0, 1, 1)


def test_a_file_that_cannot_be_opened_is_refused_as_ever(tmp_path, refusal):
    path = tmp_path / "text.svs"
    path.write_text("no slide")
    assert "no reader can open" in refusal(path)


def test_sound_files_are_read_without_another_process(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "plain.png")
    with open_slide(tmp_path / "plain.png") as slide:
        assert not isinstance(slide, _apart.ApartSlide)
