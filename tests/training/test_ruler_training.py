"""The ruler's training on drawn images: labels, votes and going on where it stopped."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2]))

from training.ruler import agree, ask, augment, draw, evaluate, folds, network, train  # noqa: E402

PERIOD_UM = 6.0
"""Of the grating's lines."""


def grating(mpp, height, width):
    """Upright lines PERIOD_UM apart, (h, w, 3)."""
    phase = 2 * np.pi * np.arange(width) * mpp / PERIOD_UM
    line = (110 + 80 * np.sin(phase)).astype(np.uint8)
    return np.broadcast_to(line[None, :, None], (height, width, 3)).copy()


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
    assert folds.held_out("all") == ()


def test_a_label_is_shared_with_its_neighbours_and_sums_to_one():
    shares = network.soft_labels(torch.tensor([-0.4, -9.0]))
    assert shares.sum(1).tolist() == pytest.approx([1, 1])
    assert network.CENTRES[shares[0].argmax()] == pytest.approx(-0.4)
    assert shares[1].argmax() == 0


def test_colour_changes_and_shape_does_not():
    patches = torch.from_numpy(grating(0.25, 64, 64)).permute(2, 0, 1)[None].repeat(8, 1, 1, 1)
    changed = augment.augment(patches.float() / 255, torch.Generator().manual_seed(0))
    assert changed.shape == patches.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    upright = changed[0].permute(1, 2, 0).numpy()
    assert period_px(upright) == pytest.approx(PERIOD_UM / 0.25, rel=0.06)


class Perfect(torch.nn.Module):
    """Reads a grating's period, as surely as bins can say it; flat where it was not taught."""

    def forward(self, x):
        told = []
        for patch in x:
            octave = np.log2(PERIOD_UM / period_px(patch.permute(1, 2, 0).numpy()))
            told.append(40 * network.soft_labels(torch.tensor([octave]).float())[0])
        return torch.stack(told)


@pytest.mark.parametrize("mpp", [0.12, 0.25, 0.7, 1.1])
def test_a_perfect_network_is_taken_at_its_word(mpp):
    votes = ask.ask(Perfect(), Image.fromarray(grating(mpp, 256, 300)))
    assert ask.answer(votes).octaves == pytest.approx(np.log2(mpp), abs=0.08)


def test_a_few_votes_that_are_plainly_wrong_change_little():
    votes = ask.ask(Perfect(), Image.fromarray(grating(0.5, 256, 300)))
    wrong = np.roll(votes.shares[::6], 15, axis=1)
    mixed = ask.Votes(
        np.concatenate([votes.shares, wrong]), np.concatenate([votes.octaves, votes.octaves[::6]])
    )
    assert ask.answer(mixed).octaves == pytest.approx(-1, abs=0.1)


def test_glass_gives_no_answer():
    glass = Image.new("RGB", (300, 200), (244, 244, 246))
    assert ask.answer(ask.ask(Perfect(), glass)) is None


@pytest.fixture
def images(tmp_path):
    """A folder of two sources."""
    lines = ["file,source,case,stain,mpp,doubtful"]
    for number, mpp in enumerate((0.25, 0.5, 1.0)):
        Image.fromarray(grating(mpp, 150, 170)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'camelyon16' if number else 'other'},a,H&E,{mpp},no")
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def pool(images, tmp_path):
    draw.draw_pool(folds.read_rows(images), tmp_path / "pool", 32, 40, seed=0)
    return draw.open_pool(tmp_path / "pool")


def test_a_source_left_out_is_never_drawn(pool):
    chances = train.chances(pool, ("camelyon16",))
    assert chances.sum() == pytest.approx(1)
    assert chances[pool.sources == pool.names.index("camelyon16")].sum() == 0


def test_a_stopped_training_goes_on_to_the_same_weights(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "KEEP_EVERY", 3)
    recipe = train.Recipe("all", 6, batch=8, widths=(4, 4, 8, 8))
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
    lines, votes = evaluate.evaluate(network.RulerNet((4, 4, 8, 8)).eval(), rows)
    evaluate.keep(tmp_path / "votes.npz", lines, votes)
    again, recalled = evaluate.recall(tmp_path / "votes.npz")
    assert json.dumps(again) == json.dumps(lines)
    assert {round(2 ** line["truth"], 2) for line in lines} >= {0.5, 1.0}
    assert np.abs(recalled[1].shares - votes[1].shares).max() < 0.01


def test_a_start_that_has_seen_what_is_left_out_is_refused(pool, tmp_path):
    saved = {"recipe": {"fold": "all"}, "weights": {}}
    torch.save(saved, tmp_path / "ruler.pt")
    recipe = train.Recipe("lymph", 1, start=str(tmp_path / "ruler.pt"))
    with pytest.raises(ValueError, match="is of fold all, not lymph"):
        train.train(recipe, pool, tmp_path)


def test_rulers_that_err_alike_do_not_tell_by_disagreement_and_others_do():
    rng = np.random.default_rng(0)
    tissue = rng.normal(0, 0.3, 200)
    alike = np.stack([tissue, tissue + rng.normal(0, 0.02, 200)])
    assert "correlation of errors: 1.0" in agree.report(alike)
    split = np.stack([2 * tissue, 0.1 * tissue])
    assert "rank correlation with the error 1.00" in agree.report(split)
