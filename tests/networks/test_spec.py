import pytest

from wsi_scale.errors import NetworkError
from wsi_scale.networks import find_source
from wsi_scale.networks.spec import is_factory, parse_literal, parse_spec


def test_our_keys_go_to_the_card_and_all_others_to_the_factory():
    spec = parse_spec("timm:resnet18?num_classes=2&mpp=0.5&weights=a.pt&mean=[0.5,0.5,0.5]")
    assert spec.target == "timm:resnet18"
    assert spec.overrides == {"training_mpp": 0.5, "weights": "a.pt", "mean": [0.5, 0.5, 0.5]}
    assert spec.arguments == {"num_classes": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("true", True),
        ("none", None),
        ("resnet18", "resnet18"),
        ('"2"', "2"),
        ("[1, 2]", [1, 2]),
        ("{a = 1}", {"a": 1}),
        ("1\nb = 2", "1\nb = 2"),
    ],
)
def test_a_value_is_a_toml_literal_or_none_or_a_word(text, value):
    assert parse_literal(text) == value


@pytest.mark.parametrize("query", ["weights", "=1", "a=1&&b=2", "a=1&a=2", "mpp=1&mpp=2"])
def test_a_query_that_is_no_list_of_different_keys_is_refused(query):
    with pytest.raises(NetworkError, match=r"not key=value|given twice"):
        parse_spec(f"a.b:c?{query}")


@pytest.mark.parametrize(
    "target", ["C:\\nets\\card.toml", "C:nets", "D:/nets/a.pt", "a:b:c", "a b:c"]
)
def test_a_drive_letter_is_no_module(target):
    assert not is_factory(target)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("figures", "bundled"),
        ("timm:resnet18?a=1", "timm"),
        ("smp:Unet", "smp"),
        ("torchvision:resnet18", "torchvision"),
        ("my.package:build?depth=3", "factory"),
        ("C:\\nets\\card.toml", "card"),
        ("C:\\nets\\net.pt2", "exported"),
        ("C:\\nets\\net.pt", "torchscript"),
        ("folder/net.PTH?mpp=0.5", "torchscript"),
    ],
)
def test_every_kind_of_spec_finds_its_source(spec, name):
    found = find_source(spec).NAME
    assert found == name


@pytest.mark.parametrize("spec", ["no/such/folder", "a b", "x.h5"])
def test_an_unknown_spec_is_answered_with_the_grammar(spec):
    with pytest.raises(NetworkError, match="SPEC is one of: NAME of a bundled"):
        find_source(spec)


def test_an_empty_spec_is_not_answered_with_the_whole_grammar():
    with pytest.raises(NetworkError, match="SPEC is empty; see wsi-scale networks"):
        find_source("")
