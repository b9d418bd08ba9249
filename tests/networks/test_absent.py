"""Networks that are not here, by their µm/px or by the name of a published model."""

import numpy as np
import pytest

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.absent import spec_for
from wsi_scale.networks.published_models import all_published

SEVERAL = next(model for model in all_published() if len(model.mpps) > 1)


def test_a_size_in_micrometres_is_enough():
    network = load_network("mpp:0.5", device="cpu")
    assert (network.absent, network.card.training_mpp) == (True, 0.5)
    assert network.name == "a network of 0.5 µm/px"


def test_a_published_model_is_found_by_its_name():
    network = load_network("for:uni", device="cpu")
    assert (network.name, network.card.training_mpp, network.input_size) == ("UNI", 0.5, 256)
    assert load_network("for:uni?mpp=0.4", device="cpu").card.training_mpp == 0.4


def test_another_size_than_the_published_one_is_told():
    (note,) = load_network("for:uni?mpp=1", device="cpu").notes
    assert note == "UNI is published with 0.5 µm/px, and 1 was given; the given one is used"
    (note,) = load_network("for:virchow2?mpp=0.7", device="cpu").notes
    assert note.startswith("Virchow2 is published with 0.25, 0.5, 1, 2 µm/px")
    assert load_network("for:virchow2?mpp=1", device="cpu").notes == ()
    with pytest.raises(NetworkError, match="leave out --for or --network-mpp"):
        spec_for("timm:vit_tiny_patch16_224", 1.0, "uni", "histology")


def test_a_published_name_in_the_place_of_a_network_is_pointed_to_the_table():
    with pytest.raises(NetworkError, match=r"uni is a published model.*--for uni"):
        load_network("uni", device="cpu")
    with pytest.raises(NetworkError, match=r"give the µm/px that it wants \(--network-mpp"):
        spec_for(None, None, "nonsense", "histology")


def test_it_cannot_be_shown_a_patch():
    network = load_network("mpp:0.5", device="cpu")
    patch = network.prepare(np.zeros((1, 96, 96, 3), np.uint8))
    with pytest.raises(NetworkError, match="is not here, only its µm/px is known"):
        network.logits(patch)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mpp:-1", "'-1' is not a size in µm/px; for example mpp:0.5"),
        ("mpp:nan", "not a size"),
        ("mpp:0.5?mpp=0.4", "given twice"),
        ("mpp:0.5?weights=a.pt", "weights belongs to a network that is here"),
        ("mpp:0.5?depth=3", "does not take 'depth'"),
        ("for:no-such-model", "no-such-model"),
        (f"for:{SEVERAL.name}", "add ?mpp=X"),
    ],
)
def test_what_names_none_is_refused_in_one_sentence(spec, says):
    with pytest.raises(NetworkError) as caught:
        load_network(spec, device="cpu")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_become_one_spec():
    assert spec_for("unet.pt", None, None, "histology") == "unet.pt"
    assert spec_for("unet.pt", 0.25, None, "histology") == "unet.pt?mpp=0.25"
    assert spec_for("unet.pt", None, "virchow", "histology") == "unet.pt?mpp=0.5"
    # UNI cuts 256 px and shows its network 224 px of them
    assert spec_for("unet.pt", None, "uni", "histology") == f"unet.pt?mpp={0.5 * 256 / 224:.9g}"
    assert spec_for(None, None, "uni", "histology") == "for:uni"
    assert spec_for(None, 0.25, "uni", "histology") == "for:uni?mpp=0.25"
    with pytest.raises(NetworkError, match="say which with --network-mpp"):
        spec_for(None, None, SEVERAL.name, "histology")
