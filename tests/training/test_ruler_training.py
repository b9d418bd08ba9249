"""The ruler's training on drawn images: labels, votes and going on where it stopped."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2]))

from training.ruler import (  # noqa: E402
    augment,
    draw,
    evaluate,
    folds,
    network,
    nothing,
    train,
)

from wsi_scale.pixel_size.ruler_network import RulerNet  # noqa: E402
from wsi_scale.pixel_size.votes import CENTRES  # noqa: E402

PERIOD_UM = 6.0
"""Of the grating's lines."""


def grating(mpp, height, width):
    """Upright lines PERIOD_UM apart, (h, w, 3)."""
    phase = 2 * np.pi * np.arange(width) * mpp / PERIOD_UM
    line = (110 + 80 * np.sin(phase)).astype(np.uint8)
    return np.broadcast_to(line[None, :, None], (height, width, 3)).copy()


def stained(picture):
    """Dark is haematoxylin, light eosin."""
    share = picture[..., :1] / 255.0
    return ((1 - share) * (80, 50, 130) + share * (235, 175, 210)).astype(np.uint8)


def period_px(patch):
    """By the strongest frequency of the rows' mean, to a part of a bin."""
    line = patch.mean((0, 2)) - patch.mean()
    power = np.abs(np.fft.rfft(line * np.hanning(len(line)), 4096))
    return 4096 / power.argmax()


@pytest.mark.parametrize("seed", range(8))
def test_a_patch_has_the_pixel_size_it_is_labelled_with(seed):
    rng = np.random.default_rng(seed)
    patch, octave = draw.draw_patch(rng, grating(0.25, 420, 500), 0.25, 64)
    assert patch.shape == (64, 64, 3)
    assert period_px(patch) * 2**octave == pytest.approx(PERIOD_UM, rel=0.06)


def test_nothing_is_enlarged():
    rng = np.random.default_rng(0)
    drawn = [draw.draw_patch(rng, grating(0.5, 200, 130), 0.5, 64)[1] for _ in range(60)]
    assert min(drawn) >= -1
    assert max(drawn) <= np.log2(0.5 * 130 / 64) + 1e-9
    low, high = draw.factor_range(50, 0.5, 64)
    assert high < low


def test_every_sure_source_is_left_out_once_and_its_relatives_with_it():
    left = [source for fold in folds.FOLDS for source in folds.scored(fold)]
    assert len(left) == len(set(left))
    assert set(folds.scored("tcga")) < set(folds.held_out("tcga"))
    assert set(folds.scored("pan")) | set(folds.scored("lung")) == set(folds.scored("tcga"))
    assert folds.held_out("all") == ()


def test_a_label_is_shared_with_its_neighbours_and_sums_to_one():
    shares = network.soft_labels(torch.tensor([-0.4, -9.0, float("nan")]))
    assert shares.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert shares[2].max() == shares[2].min()
    assert CENTRES[shares[0].argmax()] == pytest.approx(-0.4)
    assert shares[1].argmax() == 0


def test_colour_changes_and_shape_does_not():
    patches = torch.from_numpy(grating(0.25, 64, 64)).permute(2, 0, 1)[None].repeat(8, 1, 1, 1)
    changed = augment.augment(patches.float() / 255, torch.Generator().manual_seed(0))
    assert changed.shape == patches.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    upright = changed[0].permute(1, 2, 0).numpy()
    assert period_px(upright) == pytest.approx(PERIOD_UM / 0.25, rel=0.06)


@pytest.mark.parametrize("kind", ["cloud", "lines", "shapes", "letters"])
def test_what_is_no_tissue_has_shades_of_every_kind(kind):
    rng = np.random.default_rng(0)
    depth = getattr(nothing, kind)(rng, 48)
    picture = nothing.paint(rng, depth)
    assert picture.shape == (48, 48, 3)
    assert picture.std() > 5


@pytest.fixture
def images(tmp_path):
    """A folder of two sources."""
    lines = ["file,source,case,stain,mpp,doubtful"]
    for number, mpp in enumerate((0.25, 0.5, 1.0)):
        Image.fromarray(stained(grating(mpp, 150, 170))).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'camelyon16' if number else 'other'},a,H&E,{mpp},no")
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def pool(images, tmp_path):
    draw.draw_pool(folds.read_rows(images), tmp_path / "pool", 32, 40, seed=0)
    return draw.open_pool(tmp_path / "pool")


def test_a_source_left_out_is_never_drawn_and_what_is_nothing_always_is(pool):
    chances = train.chances(pool, ("camelyon16",))
    assert chances.sum() == pytest.approx(1)
    assert chances[pool.sources == pool.names.index("camelyon16")].sum() == 0
    nothing_there = np.isnan(pool.octaves)
    assert nothing_there.any()
    assert chances[nothing_there].sum() == pytest.approx(train.NOTHING)


def test_a_stopped_training_goes_on_to_the_same_weights(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "KEEP_EVERY", 3)
    recipe = train.Recipe("all", 6, batch=4)
    (tmp_path / "whole").mkdir()
    whole = train.train(recipe, pool, tmp_path / "whole")
    (tmp_path / "parts").mkdir()
    real, count = train.batch_of, iter(range(4))
    with monkeypatch.context() as stopped:

        def interrupted(*args):
            if next(count) == 3:
                raise KeyboardInterrupt
            return real(*args)

        stopped.setattr(train, "batch_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train.train(recipe, pool, tmp_path / "parts")
    parts = train.train(recipe, pool, tmp_path / "parts")
    for one, other in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_votes_are_kept_and_recalled(images, tmp_path):
    rows = [row for row in folds.read_rows(images) if row.source == "camelyon16"]
    lines, votes = evaluate.evaluate(RulerNet().eval(), rows)
    evaluate.keep(tmp_path / "votes.npz", lines, votes)
    again, recalled = evaluate.recall(tmp_path / "votes.npz")
    assert json.dumps(again) == json.dumps(lines)
    assert {round(2 ** line["truth"], 2) for line in lines} >= {0.5, 1.0}
    assert np.abs(recalled[1].shares - votes[1].shares).max() < 0.01


def test_a_start_that_is_another_network_is_refused(tmp_path):
    torch.save({"_conv_stem.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="does not hold the weights of EfficientNet-Lite0"):
        network.start_from(tmp_path / "other.pth", ())


def test_a_start_fills_the_features_in_order(tmp_path):
    torch.manual_seed(3)
    other = RulerNet().features.state_dict()
    names = ["_conv_stem.weight", *(f"_bn0.{x}" for x in range(5))]
    names += [f"_blocks.{n // 100}.{n}" for n in range(len(other) - len(names))]
    given = dict(zip(names, other.values(), strict=True))
    torch.save(given | {"_blocks.11.x": torch.zeros(1), "_fc.bias": torch.zeros(1)}, tmp_path / "a")
    started = network.start_from(tmp_path / "a", ()).features.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(started.values(), other.values(), strict=True))


def test_a_ruler_that_was_taught_what_is_left_out_is_no_start(tmp_path):
    torch.manual_seed(0)
    weights = RulerNet().state_dict()
    torch.save({"recipe": {"fold": "pan"}, "weights": weights}, tmp_path / "pan.pt")
    with pytest.raises(ValueError, match="was taught tcga_brain_sbu, tcga_luad_sbu"):
        network.start_from(tmp_path / "pan.pt", folds.held_out("lung"))
    torch.save({"recipe": {"fold": "tcga"}, "weights": weights}, tmp_path / "tcga.pt")
    started = network.start_from(tmp_path / "tcga.pt", folds.held_out("lung"))
    assert torch.equal(started.head[3].bias, weights["head.3.bias"])
