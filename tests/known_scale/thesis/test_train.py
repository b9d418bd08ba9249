"""Training: the weights depend only on the recipe, and the card records it."""

import json
import tomllib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsi_scale.errors import SettingsError
from wsi_scale.known_scale.thesis import train as training
from wsi_scale.known_scale.thesis.cards import BUNDLED, SHIPPED
from wsi_scale.known_scale.thesis.images import list_images
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.known_scale.thesis.train import (
    WIDE,
    Recipe,
    Trained,
    accuracy,
    card_text,
    command,
    family_recipes,
    fit,
    parse_filters,
    save_network,
)
from wsi_scale.known_scale.thesis.write_images import describe_stored
from wsi_scale.networks import load_network
from wsi_scale.networks.architectures import FiguresNet

RECIPE = Recipe(5.0, epochs=2, batch=8)


def quiet(*_):
    """A progress callback that does nothing."""


@pytest.fixture(scope="module")
def patches():
    """64 patches of two classes: bright and dark noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    pixels = rng.integers(0, 120, (64, 16, 16, 3)) + 120 * labels[:, None, None, None]
    return pixels.astype(np.uint8), labels


def weights(recipe, patches):
    return fit(recipe, patches, quiet).state_dict()


def furthest(first, second):
    return max(float((first[k].double() - second[k].double()).abs().max()) for k in first)


def test_the_same_recipe_gives_the_same_weights(patches):
    assert furthest(weights(RECIPE, patches), weights(RECIPE, patches)) == 0


def test_the_layout_in_memory_changes_only_the_last_digits(patches):
    other = replace(RECIPE, layout="contiguous")
    assert furthest(weights(RECIPE, patches), weights(other, patches)) < 1e-3


@pytest.mark.parametrize("change", [{"schedule": "constant"}, {"seed": 1}, {"epochs": 3}])
def test_everything_else_changes_the_weights(patches, change):
    assert furthest(weights(RECIPE, patches), weights(replace(RECIPE, **change), patches)) > 1e-3


def test_a_decayed_rate_falls_to_almost_nothing_and_a_constant_one_stays(patches, monkeypatch):
    rates = []
    original = torch.optim.Adam.step

    def step(self, *args, **options):
        rates.append(self.param_groups[0]["lr"])
        return original(self, *args, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    fit(replace(RECIPE, schedule="constant"), patches, quiet)
    assert set(rates) == {1e-3}
    rates.clear()
    fit(replace(RECIPE, schedule="decayed"), patches, quiet)
    assert rates[0] == 1e-3
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 2e-5


def test_accuracy_counts_patches_named_rightly(patches):
    class ByBrightness(torch.nn.Module):
        def forward(self, x):
            bright = x.mean((1, 2, 3)) > 0.4
            return torch.stack([~bright, bright], 1).float()

    pixels, labels = patches
    assert accuracy(ByBrightness(), (pixels, labels)) == 1
    assert accuracy(ByBrightness(), (pixels, np.zeros_like(labels))) == 0.5


def test_a_saved_network_loads_by_its_card_and_answers_alike(tmp_path):
    module = FiguresNet(WIDE).eval()
    recipe = replace(RECIPE, filters=WIDE, schedule="constant", scale=2.5)
    save_network(Trained(recipe, module, 0.9, 4000), tmp_path / "net")
    network = load_network(str(tmp_path / "net" / "card.toml"), device="cpu")
    assert network.name == "figures-2.5-constant-wide"
    assert network.card.training_scale == 2.5
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(network.module(x), module(x))


def test_the_card_of_a_network_trained_on_noisy_stored_images_says_so(tmp_path):
    note = {"asked": {"noise": 50.0, "grain": 2, "seed": 0}}
    (tmp_path / "dataset.json").write_text(json.dumps(note))
    told = describe_stored(tmp_path)
    assert told == "stored images, noise of 50 grey levels, grain 2"
    trained = Trained(RECIPE, FiguresNet(), 0.9, 4000, f"; {told}")
    assert told in tomllib.loads(card_text(trained, "0" * 64))["training"]["data"]


def test_jitter_takes_every_patch_at_a_scale_of_its_own(monkeypatch):
    seen = []

    def cut(slide, site, grid, *, size):
        seen.append(grid.scales[0])
        return SimpleNamespace(patches=np.zeros((1, size, size, 3), np.uint8))

    monkeypatch.setattr(training, "sample_pyramid", cut)
    images = list_images("train", 0)[:10]
    training.cut_patches(images, Recipe(4.0), quiet)
    assert set(seen) == {4.0}
    seen.clear()
    training.cut_patches(images, Recipe(4.0, jitter=2.0), quiet)
    octaves = np.log2(np.array(seen) / 4)
    assert len(octaves) == 200
    assert np.abs(octaves).max() <= 1
    assert np.abs(octaves).max() > 0.9
    assert abs(octaves.mean()) < 0.15
    recipe = Recipe(4.0, jitter=2.5)
    assert recipe.name == "figures-4-decayed-jitter-2.5"
    told = tomllib.loads(card_text(Trained(recipe, FiguresNet(), 0.9, 4000), "0" * 64))["training"]
    assert "scale 4.0, jittered by up to 2.5 times either way" in told["data"]
    assert told["command"] == "wsi-scale thesis train --scale 4 --jitter 2.5"


@pytest.mark.parametrize(("schedule", "says"), [("constant", "stale"), ("decayed", None)])
def test_the_card_says_when_the_learning_rate_never_fell(schedule, says):
    trained = Trained(Recipe(5.0, schedule), FiguresNet(), 0.9, 4000)
    assert tomllib.loads(card_text(trained, "0" * 64)).get("statistics") == says


def test_the_card_holds_the_command_that_makes_it_again():
    recipe = Recipe(6.5, "constant", WIDE, seed=3, epochs=10, layout="contiguous")
    assert command(recipe) == (
        "wsi-scale thesis train --scale 6.5 --schedule constant --seed 3 --epochs 10 "
        "--layout contiguous --filters 8,16,32"
    )
    assert command(Recipe(2.5)) == "wsi-scale thesis train --scale 2.5"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scale": 0.0}, "above 0 and at most 64, got 0"),
        ({"scale": float("nan")}, "got nan"),
        ({"schedule": "cosine"}, "unknown schedule 'cosine'; choose from decayed, constant"),
        ({"layout": "z-order"}, "unknown layout 'z-order'"),
        ({"jitter": 0.5}, "jitter must be from 1 to 8, got 0.5"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(options, says):
    with pytest.raises(SettingsError, match=says):
        Recipe(**({"scale": 5.0} | options))


@pytest.mark.parametrize("text", ["", "8,,32", "a,b", "4.5", "0,1"])
def test_filters_that_are_no_numbers_are_refused(text):
    with pytest.raises(SettingsError, match="filters must be whole numbers"):
        parse_filters(text)


@pytest.mark.parametrize("text", ["8,16", "4,8,16,32", "8,16,99999999999999999999"])
def test_the_network_has_three_blocks_of_sane_width(text):
    with pytest.raises(SettingsError, match="3 blocks of 1 to 512 filters"):
        parse_filters(text)


def test_filters_may_have_spaces_between_them():
    assert parse_filters("8, 16,32") == WIDE


@pytest.mark.parametrize(
    "recipe",
    [x for x in family_recipes() if x.name != BUNDLED],
    ids=lambda x: x.name,
)
def test_every_network_of_the_reproduction_is_shipped_as_its_card_says(recipe):
    path = SHIPPED / recipe.name / "card.toml"
    card = tomllib.loads(path.read_text())
    assert card["training"]["command"] == command(recipe)
    assert card["training_scale"] == recipe.scale == FAMILY[recipe.name].scale
    network = load_network(str(path), device="cpu")  # checks the weights against the card's hash
    assert bool(network.warnings) == (recipe.schedule == "constant")
    widths = [x.num_features for x in network.module.modules() if hasattr(x, "num_features")]
    assert widths == [width for width in recipe.filters for _ in range(2)]


def test_torch_is_as_before_once_training_is_over():
    threads = torch.get_num_threads()
    with training.repeatable(1):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
