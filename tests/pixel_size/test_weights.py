"""What comes with the ruler: its card, its weights, their size."""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

import wsi_scale
from wsi_scale.networks.shipped import FOLDER
from wsi_scale.pixel_size.read_tissue import WEIGHTS, ruler_net
from wsi_scale.pixel_size.ruler_network import RulerNet

ROOT = Path(__file__).parents[2]
FREE = ("CC0", "CC BY", "MIT", "BSD", "Apache-2.0")


def card():
    return tomllib.loads((WEIGHTS / "card.toml").read_text(encoding="utf-8"))


def test_the_card_is_of_these_weights():
    found = hashlib.sha256((WEIGHTS / "ruler.safetensors").read_bytes()).hexdigest()
    assert found == card()["sha256"]
    module, name = card()["architecture"].split(":")
    assert (module, name) == (RulerNet.__module__, RulerNet.__name__)


def test_the_card_names_every_source_that_was_taught_and_a_licence_that_allows_it():
    sys.path.insert(0, str(ROOT))
    try:
        from training.ruler.folds import FOLDS, NEVER, SMEARS
    finally:
        sys.path.pop(0)
    named = {source["name"]: source["license"] for source in card()["source"]}
    assert {name for names in FOLDS.values() for name in names} | set(SMEARS) <= set(named)
    assert not set(NEVER) & set(named)
    for licence in [*named.values(), *(start["license"] for start in card()["start"])]:
        assert licence.startswith(FREE), licence


def test_all_weights_together_stay_small():
    shipped = [*FOLDER.rglob("*.safetensors"), *WEIGHTS.glob("*.safetensors")]
    assert len(shipped) == 3
    assert sum(path.stat().st_size for path in shipped) <= 8e6


def test_the_network_is_loaded_once_and_frozen():
    net = ruler_net("cpu")
    assert net is ruler_net("cpu")
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_the_published_schema_is_that_of_the_ruler_s_report():
    published = json.loads((ROOT / "docs" / "ruler.schema.json").read_text(encoding="utf-8"))
    assert published == wsi_scale.RulerReport.json_schema()


def test_the_face_of_the_package_shows_it():
    assert wsi_scale.ruler.__name__ == "ruler"
    assert "ruler" in dir(wsi_scale)
