"""A package of BioImage.IO is fed as its description says."""

import zipfile

import numpy as np
import pytest
import torch
import yaml

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.sources import bioimage


@pytest.fixture
def package(tmp_path):
    """A package of spec 0.5 and its content, to be changed and written."""
    bioimage.example(tmp_path)
    return tmp_path, yaml.safe_load((tmp_path / "rdf.yaml").read_text())


def write(package):
    folder, said = package
    (folder / "rdf.yaml").write_text(yaml.safe_dump(said))
    return str(folder)


def load(package):
    return load_network(write(package), device="cpu")


def refusal(spec):
    with pytest.raises(NetworkError) as caught:
        load_network(spec, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pixel_size_sizes_classes_and_licence_become_the_card(package):
    network = load(package)
    assert (network.card.training_mpp, network.stride, network.channels) == (0.5, 32, 3)
    assert (network.task, network.classes) == ("segment", ("background", "nucleus"))
    assert (network.card.license, network.card.scaling, network.card.mean) == ("MIT", "unit", None)


def test_a_zip_is_the_same_network(package, tmp_path):
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("rdf.yaml", "weights.pt"):
            archive.write(package[0] / name, f"model/{name}")
    x = torch.rand(1, 3, 96, 96)
    found, wanted = (load_network(str(p), device="cpu") for p in (path, package[0]))
    assert torch.equal(found.logits(x), wanted.logits(x))


def test_a_zip_that_would_write_elsewhere_is_refused(package, tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(package[0] / "rdf.yaml", "rdf.yaml")
        archive.writestr("../outside.txt", "x")
    assert "'../outside.txt', which would lie outside" in refusal(str(path))


def prepared(package, *steps):
    """What two patches of noise become."""
    package[1]["inputs"][0]["preprocessing"] = list(steps)
    shown = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    return shown.transpose(0, 3, 1, 2).astype(float), load(package).prepare(shown).numpy()


def test_linear_steps_are_composed(package):
    raw, found = prepared(
        package,
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
        {"id": "scale_linear", "kwargs": {"gain": 1 / 255, "offset": 0.1}},
        {
            "id": "fixed_zero_mean_unit_variance",
            "kwargs": {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 4], "axis": "channel"},
        },
    )
    mean, std = (np.array(x).reshape(3, 1, 1) for x in ((0.1, 0.2, 0.3), (1, 2, 4)))
    np.testing.assert_allclose(found, (raw / 255 + 0.1 - mean) / std, atol=1e-5)


@pytest.mark.parametrize("axes", [None, ["channel", "y", "x"], ["y", "x"], "xy", "cxy"])
def test_statistics_are_taken_over_the_axes_that_are_named(package, axes):
    arguments = {} if axes is None else {"axes": axes}
    raw, found = prepared(package, {"id": "zero_mean_unit_variance", "kwargs": arguments})
    over = (2, 3) if axes in (["y", "x"], "xy") else (1, 2, 3)
    wanted = (raw - raw.mean(over, keepdims=True)) / raw.std(over, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_range_of_percentiles_becomes_0_to_1(package):
    arguments = {"min_percentile": 1, "max_percentile": 99.8, "axes": ["y", "x"]}
    raw, found = prepared(package, {"id": "scale_range", "kwargs": arguments})
    low, high = np.percentile(raw, (1, 99.8), axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(found, (raw - low) / (high - low), atol=1e-4)


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ({"id": "binarize", "kwargs": {"threshold": 3}}, "binarize"),
        ({"id": "clip", "kwargs": {"min": 10, "max": 20}}, "clip to 10"),
        ({"id": "scale_range", "kwargs": {"reference_tensor": "x"}}, "scale_range by another"),
        ({"id": "my_step"}, "my_step"),
    ],
)
def test_a_step_that_is_not_understood_is_named(package, step, name):
    package[1]["inputs"][0]["preprocessing"] = [step]
    assert f"the step {name}" in refusal(write(package))


def test_spec_0_4_is_read_too(package):
    package[1]["inputs"] = [
        {
            "name": "raw",
            "axes": "bcyx",
            "shape": {"min": [1, 3, 64, 64], "step": [0, 0, 16, 16]},
            "data_type": "float32",
            "preprocessing": [
                {"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "xy"}}
            ],
        }
    ]
    package[1]["outputs"] = [{"name": "y", "axes": "bcyx", "postprocessing": [{"name": "sigmoid"}]}]
    network = load(package)
    assert (network.stride, network.channels, network.activation) == (16, 3, "sigmoid")
    assert (network.card.scaling, network.task) == ("standardise", "segment")


def test_probabilities_are_told_from_logits(package):
    package[1]["outputs"][0]["postprocessing"] = [{"id": "softmax"}]
    assert load(package).card.output == "logits"
    del package[1]["outputs"][0]["postprocessing"]
    package[1]["outputs"][0]["data"] = {"range": [0, 1]}
    folder, said = package
    assert "not probabilities" in refusal(write((folder, said)))  # the example gives logits


def axes_of(*names):
    kinds = {"batch": "batch", "channel": "channel"}
    return [{"type": kinds.get(name, "space"), "id": name, "size": 64} for name in names]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["inputs"][0].update(axes=axes_of("batch", "channel", "z", "y", "x")), "axes"),
        (lambda s: s["inputs"].append(dict(s["inputs"][0], id="other")), "takes 2 inputs"),
        (lambda s: s["inputs"][0]["axes"][1].update(channel_names=list("abcd")), "4 channels"),
        (lambda s: s.update(weights={"keras_hdf5": {"source": "w.h5"}}), "convert them"),
        (lambda s: s["weights"]["torchscript"].update(sha256="0" * 64), "SHA-256"),
        (lambda s: s["weights"]["torchscript"].update(source="../weights.pt"), "its folder"),
        (lambda s: s["weights"]["torchscript"].update(source="http://x/w.pt"), "download"),
        (lambda s: s.update(inputs=None), "lists no inputs"),
        (lambda s: s.pop("weights"), "lists no weights"),
    ],
    ids=["3-d", "two", "four", "keras", "hash", "outside", "address", "inputs", "weights"],
)
def test_what_cannot_be_followed_is_told(package, change, says):
    change(package[1])
    assert says in refusal(write(package))


def test_a_state_dict_whose_architecture_is_a_file_is_not_run(package):
    folder, said = package
    (folder / "net.py").write_text("raise SystemExit('run')")
    made = {"callable": "Net", "source": "net.py"}
    said["weights"] = {"pytorch_state_dict": {"source": "weights.pt", "architecture": made}}
    assert "allow an architecture of an installed library" in refusal(write(package))
    assert "is code in a file, which is not run" in refusal(
        write(package) + "?weights=pytorch_state_dict"
    )
    made.pop("source")
    made["import_from"] = "os"
    assert "its architecture is os:Net; only those of" in refusal(
        write(package) + "?weights=pytorch_state_dict"
    )


@pytest.mark.real
def test_the_real_unet_answers_its_own_test_output(real_data):
    folder = real_data / "networks" / "unet2d_nuclei_broad"
    network = load_network(str(folder), device="cpu")
    assert (network.channels, network.input_size, network.activation) == (1, 512, "sigmoid")
    given = torch.from_numpy(np.load(folder / "test_input.npy"))
    with torch.no_grad():
        found = torch.sigmoid(network.logits(network.normalise(given))).numpy()
    assert np.allclose(found, np.load(folder / "test_output.npy"), atol=1e-4)
