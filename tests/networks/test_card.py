import pytest

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_card
from wsi_scale.networks.card import Card, name_classes, override


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "card.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_full_card_is_read(write):
    card = load_card(
        write(
            'name = "n"\nsource = "a:b"\nweights = "w.safetensors"\ninput_size = 224\nstride = 32\n'
            'channels = 3\nscaling = "byte"\nmean = [1, 2, 3]\nstd = 0.5\nactivation = "softmax"\n'
            'output = "probabilities"\ntask = "segment"\nlayers = ["a*"]\nclasses = ["x", "y"]\n'
            'background = 0\ntraining_mpp = 0.5\nprofile = "p.json"\nlicense = "MIT"\n'
            "[training]\nseed = 3\n"
        )
    )
    assert (card.mean, card.std, card.layers) == ((1, 2, 3), (0.5,), ("a*",))
    assert card.training == {"seed": 3}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour = 3", "unknown key 'colour'"),
        ("stride = 0", "stride = 0"),
        ("channels = 4", "channels = 4"),
        ('task = "count"', "task = 'count'"),
        ("std = 0", "must be above 0"),
        ("mean = [1, 2]", "one number or one per channel, not 2"),
        ("training_mpp = -1", "training_mpp = -1"),
        ("training_mpp = nan", "training_mpp = nan"),
        ('sha256 = "abc"', "sha256 = 'abc'"),
        ("stride = ", "not valid TOML"),
    ],
)
def test_a_bad_card_is_refused_naming_the_key(write, text, says):
    path = write(text)
    with pytest.raises(NetworkError) as caught:
        load_card(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(NetworkError, match="cannot read the card"):
        load_card(tmp_path / "card.toml")
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NetworkError, match="not valid TOML"):
        load_card(tmp_path / "card.toml")


def test_what_a_source_knows_yields_to_the_card_and_the_card_to_the_query():
    card = Card(stride=16).with_known({"stride": 32, "mean": (0.5,)})
    card = override(card, {"mean": [0.1]}, "spec")
    assert (card.stride, card.mean) == (16, (0.1,))


def test_a_wrong_number_of_classes_is_refused():
    with pytest.raises(NetworkError, match="returns 3 classes but its card lists 2: a, b"):
        name_classes(Card(classes=("a", "b")), 3, "net")
