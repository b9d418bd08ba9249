"""An ONNX file answers, and is heard, as the network that it was exported from."""

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import build_network, load_network
from wsi_scale.networks.architectures import NucleiUNet
from wsi_scale.networks.untrained import random_weights
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.testing.networks import BatchNormNet

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

helper, numpy_helper = onnx.helper, onnx.numpy_helper


def train(module):
    """Statistics that are not those of a new network."""
    torch.manual_seed(0)
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(torch.rand(4, 3, 96, 96))
    return module.eval()


def export(module, path, side=None, batch=None, **options):
    """The module as torch writes it; any batch and multiples of 8 px unless they are given."""
    pytest.importorskip("onnxscript")
    if side is None:
        height, width = (8 * torch.export.Dim(name, min=1, max=128) for name in "hw")
        free = {2: height, 3: width} | ({} if batch else {0: torch.export.Dim("n", min=1)})
        options["dynamic_shapes"] = (free,)
    image = torch.zeros(batch or 2, 3, side or 96, side or 96)
    settings = {"dynamo": True, "optimize": False, "external_data": False, "verbose": False}
    torch.onnx.export(module, (image,), str(path), **settings | options)
    return str(path)


def patches(side=96, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def pyramid(side=96):
    return Pyramid(Site(500, 500), ScaleGrid((1.0, 2.0)), (0, 1), patches(side), (False, False))


@pytest.fixture
def unet():
    return train(NucleiUNet(4))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_exported_unet_is_heard_as_its_eager_twin(unet, tmp_path):
    network = load_network(export(unet, tmp_path / "unet.onnx"), device="cpu")
    twin = build_network("twin", unet)
    x = network.prepare(patches())
    assert torch.allclose(network.logits(x), twin.logits(x), atol=1e-4)
    found, wanted = (measure_responses(one, [pyramid()]) for one in (network, twin))
    assert [layer.name for layer in found.layers] == [layer.name for layer in wanted.layers]
    assert len(found.of_kind("batchnorm")) == 14
    for one, other in zip(found.layers, wanted.layers, strict=True):
        assert (one.kind, one.encoder) == (other.kind, other.encoder)
        for key in ("mean", "var", "running_mean", "running_var", "gradient"):
            a, b = getattr(one, key), getattr(other, key)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_classifier_of_one_size_and_batch_serves_any_batch(tmp_path):
    module = train(BatchNormNet())
    path = export(nn.Sequential(module, nn.Softmax(1)).eval(), tmp_path / "c.onnx", 96, 2)
    network = load_network(path, device="cpu")
    assert (network.input_size, network.task, network.activation) == (96, "classify", "softmax")
    x = torch.rand(5, 3, 96, 96)
    assert torch.allclose(network.logits(x), module(x), atol=1e-4)
    assert "Softmax, is left out" in network.read_as[0]
    with pytest.raises(NetworkError, match="cannot be replaced"):
        random_weights(network, 0)
    head = measure_responses(network, [pyramid()]).layer(network.head)
    assert np.abs(head.gradient).max() > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_batchnorms_folded_on_export_are_told(unet, tmp_path):
    network = load_network(export(unet, tmp_path / "u.onnx", 96, optimize=True), device="cpu")
    assert "14 of 15 convolutions were rewritten on export" in network.notes[0]
    assert not [layer for layer in network.layers() if layer.kind == "batchnorm"]
    assert len(network.layers()) == 4


def small(path, nodes, image=(1, ["n", 3, "h", "w"]), stored=(), domains=(), outputs=("y",)):
    """A model of a few nodes, from ``image`` to ``y``."""
    given = helper.make_tensor_value_info("image", *image)
    said = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph(nodes, "small", [given], said, list(stored))
    opsets = [helper.make_opsetid(name, 17 if not name else 1) for name in ("", *domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return str(path)


def weight(shape, name="w"):
    return numpy_helper.from_array(np.random.default_rng(1).random(shape, np.float32), name)


def test_channels_last_are_fed_and_answered_in_their_order(tmp_path):
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["b"], pads=[1] * 4),
        helper.make_node("Transpose", ["b"], ["y"], perm=[0, 2, 3, 1]),
    ]
    kernel = weight((2, 3, 3, 3))
    path = small(tmp_path / "last.onnx", nodes, (1, ["n", "h", "w", 3]), [kernel])
    network = load_network(path, device="cpu")
    x = torch.rand(2, 3, 64, 64)
    wanted = nn.functional.conv2d(x, torch.tensor(numpy_helper.to_array(kernel)), padding=1)
    assert network.task == "segment"
    assert torch.allclose(network.logits(x), wanted, atol=1e-4)


def test_a_network_of_bytes_is_fed_bytes(tmp_path):
    nodes = [
        helper.make_node("Cast", ["image"], ["a"], to=1),
        helper.make_node("ReduceMean", ["a"], ["y"], axes=[2, 3], keepdims=0),
    ]
    path = small(tmp_path / "bytes.onnx", nodes, (2, ["n", 3, "h", "w"]))
    network = load_network(path, device="cpu")
    shown = patches()
    assert network.card.scaling == "byte"
    found = network.logits(network.prepare(shown))
    np.testing.assert_allclose(found.numpy(), shown.mean((1, 2)), rtol=1e-4)


def test_weights_in_a_file_beside_it_are_found(tmp_path):
    nodes = [helper.make_node("Conv", ["image", "w"], ["y"])]
    path = small(tmp_path / "out.onnx", nodes, stored=[weight((2, 3, 1, 1))])
    inside = load_network(path, device="cpu").logits(torch.ones(1, 3, 96, 96))
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="out.bin", size_threshold=0)
    assert (tmp_path / "out.bin").exists()
    outside = load_network(path, device="cpu").logits(torch.ones(1, 3, 96, 96))
    assert torch.equal(inside, outside)


def place_outside(path, location):
    model = onnx.load(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "", "missing.bin"])
def test_weights_outside_its_folder_are_refused(tmp_path, location):
    nodes = [helper.make_node("Conv", ["image", "w"], ["y"])]
    path = small(tmp_path / "x.onnx", nodes, stored=[weight((2, 3, 1, 1))])
    (tmp_path.parent / "secret").write_bytes(b"0" * 24)
    place_outside(path, location)
    with pytest.raises(NetworkError, match=r"names|does not lie in its folder"):
        load_network(path, device="cpu")


def test_operators_of_a_library_are_refused_by_name(tmp_path):
    nodes = [helper.make_node("Magic", ["image"], ["y"], domain="my.ops")]
    path = small(tmp_path / "m.onnx", nodes, domains=["my.ops"])
    with pytest.raises(NetworkError, match=r"uses Magic of 'my.ops'.*none is loaded"):
        load_network(path, device="cpu")


@pytest.mark.parametrize("content", [b"", b"\x08\x01 no onnx", b"\xff" * 64, b"PK\x03\x04"])
def test_what_is_no_onnx_file_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(NetworkError, match="is not an ONNX file") as caught:
        load_network(str(path), device="cpu")
    assert "\n" not in str(caught.value)


def damage_name(content):
    return content.replace(b"logits_of_it", b"logits_of_i\xff")


def damage_sizes(content):
    model = onnx.load_from_string(content)
    model.graph.initializer[0].dims[0] += 1
    return model.SerializeToString()


def lose_inputs(content):
    model = onnx.load_from_string(content)
    del model.graph.node[0].input[1:]
    return model.SerializeToString()


def lose_outputs(content):
    model = onnx.load_from_string(content)
    del model.graph.node[0].output[:]
    return model.SerializeToString()


def answer_nothing(content):
    model = onnx.load_from_string(content)
    del model.graph.output[:]
    return model.SerializeToString()


@pytest.mark.parametrize(
    "damage", [damage_name, damage_sizes, lose_inputs, lose_outputs, answer_nothing]
)
@pytest.mark.parametrize("kind", ["Conv", "Gemm", "BatchNormalization"])
def test_a_damaged_graph_is_one_sentence(tmp_path, damage, kind):
    shapes = {"Conv": [(2, 3, 1, 1)], "Gemm": [(3, 2)], "BatchNormalization": [(3,)] * 4}[kind]
    stored = [weight(shape, f"w{i}") for i, shape in enumerate(shapes)]
    last = helper.make_node(kind, ["image", *(one.name for one in stored)], ["logits_of_it"])
    path = tmp_path / "damaged.onnx"
    small(path, [last], stored=stored, outputs=["logits_of_it"])
    bad = damage(path.read_bytes())
    assert bad != path.read_bytes()
    path.write_bytes(bad)
    with pytest.raises(NetworkError) as caught:
        load_network(str(path), device="cpu")
    assert str(caught.value).isprintable()


def test_a_flat_matrix_is_no_head_that_can_be_read(tmp_path):
    nodes = [helper.make_node("Gemm", ["image", "w"], ["y"])]
    path = small(tmp_path / "flat.onnx", nodes, stored=[weight((6,))])
    with pytest.raises(NetworkError, match="onnxruntime cannot run this network"):
        load_network(path, device="cpu")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ((1, ["n", 5, "h", "w"]), "5 channels"),
        ((1, ["n", 3, 64, 96]), "not square"),
        ((1, ["n", 3]), "not images"),
        ((7, ["n", 3, "h", "w"]), "no image"),
    ],
)
def test_inputs_that_are_no_image_are_refused(tmp_path, image, says):
    path = small(tmp_path / "i.onnx", [helper.make_node("Identity", ["image"], ["y"])], image)
    with pytest.raises(NetworkError, match=says):
        load_network(path, device="cpu")
