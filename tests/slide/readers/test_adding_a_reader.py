"""The example in docs/adding-a-reader.md runs as written."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide import readers

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-reader.md"


@pytest.fixture
def npy_reader(tmp_path, monkeypatch):
    """The page's reader, as one more file in the folder of readers."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "readers"
    folder.mkdir()
    (folder / "npy.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(folder)])
    yield readers.all_readers()["npy"]
    sys.modules.pop("wsi_scale.slide.readers.npy", None)
    vars(readers).pop("npy", None)


def test_the_new_reader_is_found_and_tried_last(npy_reader, tmp_path):
    assert list(readers.all_readers())[-1] == "npy"
    path = npy_reader.example(tmp_path)
    with open_slide(path, mpp=0.5) as slide:
        assert slide.reader == "npy"
        assert slide.reader_reason.endswith("NumPy reads this array file")
        assert (slide.read(0, 10, 20, 30, 40) == np.load(path)[20:60, 10:40]).all()
        assert (slide.read(0, -9, -9, 5, 5) == slide.background).all()


def test_the_new_reader_refuses_in_one_sentence(npy_reader, tmp_path):
    path = tmp_path / "grey.npy"
    np.save(path, np.zeros((5, 5)))
    with pytest.raises(SlideError, match="save one"):
        open_slide(path)
