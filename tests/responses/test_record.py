"""Responses are saved completely and read back unchanged, without torch."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.errors import OutputError, SettingsError, WsiScaleError
from wsi_scale.geometry import ScaleGrid
from wsi_scale.responses.record import Responses, merge


def test_what_is_saved_is_what_is_read(responses_of, tmp_path):
    responses = responses_of(3.0, content=0.5)
    responses.save(tmp_path / "r.npz")
    again = Responses.load(tmp_path / "r.npz")
    assert again.grid == responses.grid
    assert again.sites == responses.sites
    assert again.classes == responses.classes
    assert again.batchnorm_batches == 1000
    assert again.layers[0].gradient is None
    for name in ("mean", "var", "running_mean", "running_var"):
        assert (getattr(again.layers[0], name) == getattr(responses.layers[0], name)).all()
    for name in ("site_index", "scale_index", "entropy", "share", "upsampled"):
        assert (getattr(again, name) == getattr(responses, name)).all()


def test_a_patch_that_was_not_cut_is_a_gap_on_the_grid(responses_of):
    responses = responses_of(sites=2)
    one = Responses(**{**vars(responses), "scale_index": responses.scale_index.copy()})
    values = np.arange(len(one.entropy), dtype=float)
    keep = values != 45
    cut = Responses(**{**vars(one), "variant": np.where(keep, 0, 1).astype(np.int32)})
    grid = cut.on_grid(values)
    assert grid.shape == (2, 41)
    assert np.isnan(grid[1, 4])
    assert grid[1, 5] == 46
    assert cut.on_grid(values, variant=1)[1, 4] == 45


def test_merging_appends_sites_in_order(responses_of):
    first, second = responses_of(sites=2), responses_of(sites=3, seed=1)
    both = merge([first, second])
    assert both.sites == first.sites + second.sites
    assert sorted(set(both.site_index.tolist())) == [0, 1, 2, 3, 4]
    expected = np.concatenate([first.on_grid(first.entropy), second.on_grid(second.entropy)])
    assert (both.on_grid(both.entropy) == expected).all()


def test_an_unknown_layer_is_named_with_those_there_are(responses_of):
    with pytest.raises(KeyError, match="bn1"):
        responses_of().layer("bn7")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_foreign_file_is_refused_in_one_sentence(content, tmp_path):
    path = tmp_path / "r.npz"
    path.write_bytes(content)
    with pytest.raises(WsiScaleError, match="holds no wsi-scale responses"):
        Responses.load(path)


def test_an_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "r.npz", a=np.arange(3))
    with pytest.raises(WsiScaleError, match="holds no wsi-scale responses"):
        Responses.load(tmp_path / "r.npz")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("scale_index", lambda x: x - 50),
        ("site_index", lambda x: x + 100),
        ("site_index", lambda x: x.astype(float)),
        ("target", lambda x: x + 9),
        ("entropy", lambda x: x[:-1]),
        ("share", lambda x: x[:, :1]),
        ("layer0.mean", lambda x: x * np.nan),
        ("layer0.running_var", lambda x: -x),
        ("layer0.running_mean", lambda x: x[:2]),
        ("layer0.var", lambda x: x[:, :2]),
        ("header", lambda x: np.frombuffer(b"[1, 2]", np.uint8)),
    ],
)
def test_an_altered_file_is_refused_in_one_sentence(responses_of, tmp_path, name, change):
    path = tmp_path / "r.npz"
    responses_of(sites=2).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {name: change(arrays[name])}))
    with pytest.raises(WsiScaleError, match="holds no wsi-scale responses"):
        Responses.load(path)


@pytest.mark.parametrize("where", [0.3, 0.5, 0.7])
def test_a_damaged_file_is_refused_in_one_sentence(responses_of, tmp_path, where):
    path = tmp_path / "r.npz"
    responses_of().save(path)
    content = bytearray(path.read_bytes())
    start = int(len(content) * where)
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(WsiScaleError, match="holds no wsi-scale responses"):
        Responses.load(path)


def test_nothing_pickled_is_ever_loaded(tmp_path):
    np.savez(tmp_path / "r.npz", header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(WsiScaleError):
        Responses.load(tmp_path / "r.npz")


def test_a_missing_folder_is_refused_and_nothing_is_left_behind(responses_of, tmp_path):
    with pytest.raises(OutputError):
        responses_of().save(tmp_path / "no" / "r.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_narrower_window_is_as_if_only_its_scales_had_been_asked(responses_of):
    whole = responses_of(grid=ScaleGrid((1.0, 2.0, 4.0, 8.0)), sites=3)
    part = whole.between(2, 4)
    assert part.grid.scales == (2.0, 4.0)
    assert np.array_equal(
        part.on_grid(part.layers[0].mean), whole.on_grid(whole.layers[0].mean)[:, 1:3]
    )
    assert len(part.entropy) == 6


def test_a_window_without_a_scale_is_refused(responses_of):
    with pytest.raises(SettingsError, match=r"no scale was measured between 20 and 30"):
        responses_of().between(20, 30)


def test_both_gradients_survive_saving_and_joining(responses_of, tmp_path):
    one = responses_of(sites=2)
    slopes = np.full_like(one.layers[0].mean, 0.25)
    layer = replace(one.layers[0], gradient=slopes, probability_gradient=slopes * 2)
    one = replace(one, layers=(layer,))
    one.save(tmp_path / "r.npz")
    both = merge([Responses.load(tmp_path / "r.npz"), one])
    assert np.array_equal(both.layers[0].gradient, np.concatenate([slopes, slopes]))
    assert np.array_equal(both.layers[0].probability_gradient, both.layers[0].gradient * 2)


def test_some_scales_can_be_taken_out(responses_of):
    whole = responses_of(grid=ScaleGrid((1.0, 2.0, 4.0, 8.0)), sites=3)
    part = whole.at_scales([0, 2, 3])
    assert part.grid.scales == (1.0, 4.0, 8.0)
    assert np.array_equal(
        part.on_grid(part.layers[0].mean), whole.on_grid(whole.layers[0].mean)[:, [0, 2, 3]]
    )


def test_some_sites_can_be_taken_out_in_any_order(responses_of):
    whole = responses_of(sites=4, content=1.0)
    part = whole.of_sites([3, 1])
    assert part.sites == (whole.sites[3], whole.sites[1])
    assert np.array_equal(
        part.on_grid(part.layers[0].mean), whole.on_grid(whole.layers[0].mean)[[3, 1]]
    )
