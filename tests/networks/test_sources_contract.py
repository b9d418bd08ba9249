"""What every source of networks promises; a new file is tested automatically."""

import numpy as np
import pytest

from wsi_scale.errors import NetworkError
from wsi_scale.networks import Network, all_sources, bundled_names, find_source, load_network


@pytest.fixture(params=all_sources(), ids=str)
def source(request):
    return all_sources()[request.param]


@pytest.fixture
def spec(source, tmp_path):
    if source.NAME == "bundled" and not bundled_names():
        pytest.skip("no network is bundled yet")
    return source.example(tmp_path)


@pytest.fixture
def network(spec) -> Network:
    try:
        return load_network(spec, device="cpu")
    except NetworkError as error:
        if "pip install" in str(error):
            pytest.skip(str(error))
        raise


def test_explains_its_grammar_and_accepts_its_own_example(source, tmp_path):
    assert source.GRAMMAR
    assert source.accepts(source.example(tmp_path))


def test_is_the_source_that_is_asked_for_its_example(source, spec):
    assert find_source(spec) is source


def test_loads_a_network_that_is_at_rest(network, spec):
    assert network.spec == spec
    assert network.name
    assert not network.module.training
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


def test_answers_one_logit_per_class_for_every_patch(network):
    size = network.choose_input_size(1000)
    patches = np.random.default_rng(1).integers(0, 256, (3, size, size, 3), np.uint8)
    logits = network.logits(network.prepare(patches))
    assert logits.shape[:2] == (3, len(network.classes))
    assert logits.ndim == (4 if network.task == "segment" else 2)


def test_has_layers_to_listen_to(network):
    assert network.layers()


@pytest.mark.parametrize("bad", ["non sense", "a/b/c", "net.h5", "?x=1", ""])
def test_accepts_no_nonsense(source, bad):
    assert not source.accepts(bad)
