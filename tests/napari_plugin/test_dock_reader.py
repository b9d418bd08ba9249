"""Slides as layers: lazy, in µm, every level where it belongs."""

import numpy as np
import pytest

from wsi_scale.slide.readers import open_slide
from wsi_scale.testing import disc_image, painted_levels, write_pyramid_tiff

UNEVEN = ((1200, 1000), (599, 499), (250, 208))


@pytest.fixture
def uneven(tmp_path):
    """A slide with levels 1, 2.003… and 4.8, each of one colour."""
    return write_pyramid_tiff(tmp_path / "uneven.tiff", painted_levels(UNEVEN), mpp=(0.25, 0.5))


def test_the_manifest_names_the_distribution_and_everything_it_names_is_there(app):
    from npe2 import PluginManifest

    manifest = PluginManifest.from_distribution("wsi-scale")
    assert manifest.name == "wsi-scale"
    manifest.validate_imports()


def test_a_layer_has_the_slides_levels_units_and_scale(model, uneven):
    from wsi_scale_napari.reader import get_reader

    ((levels, options, kind),) = get_reader(str(uneven))(str(uneven))
    layer = getattr(model, f"add_{kind}")(levels, **options)
    assert [level.shape for level in layer.data] == [(h, w, 3) for w, h in UNEVEN]
    assert tuple(layer.scale) == (0.5, 0.25)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert layer.rgb
    with open_slide(uneven) as slide:
        for factors, level in zip(layer.downsample_factors, slide.levels, strict=True):
            assert factors[:2] == pytest.approx(level.downsample, rel=5e-3)


def test_every_window_is_what_the_slide_reads_and_nothing_else_is_read(uneven, monkeypatch):
    from wsi_scale.slide.base import Slide
    from wsi_scale_napari.levels import lazy_levels

    slide = open_slide(uneven)
    levels = lazy_levels(slide)
    reads = []
    honest = Slide.read
    monkeypatch.setattr(Slide, "read", lambda self, *a: reads.append(a) or honest(self, *a))
    window = np.asarray(levels[0][10:30, 600:640])
    assert (window == slide.read(0, 600, 10, 40, 20)).all()
    assert reads[0] == (0, 600, 10, 40, 20)
    assert np.asarray(levels[2][:1, :1]).shape == (1, 1, 3)


def test_the_slide_is_closed_when_its_last_level_is_gone(uneven, monkeypatch):
    from wsi_scale_napari.levels import LevelArray, lazy_levels

    slide = open_slide(uneven)
    closed = []
    monkeypatch.setattr(slide, "close", lambda: closed.append(1))
    levels = lazy_levels(slide)
    assert isinstance(LevelArray(slide, 0)[0:2, 0:2, 0:3], np.ndarray)
    del levels[1:]
    assert not closed
    levels.clear()
    import gc

    gc.collect()
    assert closed == [1]


def test_a_file_that_is_not_a_slide_is_left_to_other_readers(tmp_path):
    pytest.importorskip("napari")
    from wsi_scale_napari.reader import get_reader

    text = tmp_path / "note.tif"
    text.write_text("not an image")
    assert get_reader(str(text)) is None
    assert get_reader(str(tmp_path / "missing.svs")) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(text), str(text)]) is None


def test_the_samples_that_are_drawn_need_no_file(model):
    from wsi_scale_napari import samples
    from wsi_scale_napari.reader import SOURCE

    for make in (samples.figures, samples.tissue):
        ((levels, options, _),) = make()
        layer = model.add_image(levels, **options)
        assert layer.metadata[SOURCE].startswith("synthetic:")


def test_a_path_is_kept_so_that_it_holds_from_any_folder(model, uneven, monkeypatch):
    from wsi_scale_napari.reader import SOURCE, read_layers
    from wsi_scale_napari.source import source_of

    monkeypatch.chdir(uneven.parent)
    ((levels, options, _),) = read_layers(uneven.name)
    assert options["metadata"][SOURCE] == str(uneven)
    layer = model.add_image(levels, **options)
    assert source_of(layer).what == str(uneven)
    layer.metadata[SOURCE] = uneven.name  # as another plugin would name it
    assert source_of(layer).what == str(uneven)


def test_a_sample_that_is_not_at_hand_says_so(monkeypatch, tmp_path):
    pytest.importorskip("napari")
    from wsi_scale.errors import SlideError
    from wsi_scale.slide import sample_slide
    from wsi_scale_napari import samples

    ((levels, options, _),) = samples.cmu()
    assert levels[0].shape == (2967, 2220, 3)
    assert options["scale"] == pytest.approx((0.499, 0.499))
    monkeypatch.setattr(sample_slide, "_PACKAGE", tmp_path / "a" / "b")
    with pytest.raises(SlideError, match="install wsi-scale again"):
        samples.cmu()


def test_a_slide_without_resolution_has_no_units(tmp_path):
    pytest.importorskip("napari")
    from wsi_scale_napari.reader import read_layers

    path = write_pyramid_tiff(tmp_path / "bare.tiff", disc_image(20))
    ((_, options, _),) = read_layers(str(path))
    assert "scale" not in options
    assert "units" not in options


def test_napari_opens_a_slide_with_this_reader(viewer, uneven):
    viewer.open(str(uneven), plugin="wsi-scale")
    (layer,) = viewer.layers
    assert layer.source.reader_plugin == "wsi-scale"
    assert layer.multiscale
    viewer.canvas.overlays.scale_bar.visible = True
    assert viewer.screenshot(flash=False).shape[2] == 4
