import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError, SettingsError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import Card, build_network
from wsi_scale.networks.hooks import channel_axis
from wsi_scale.responses.measure import hooked, measure_responses
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.slide.reading import resample
from wsi_scale.testing.networks import analytic_network, batchnorm_network

GRID = ScaleGrid((1.0, 2.0, 4.0))
SIDE = 96


def pyramid(seed=0, indices=(0, 1, 2), side=SIDE):
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (len(indices), side, side, 3), np.uint8)
    return Pyramid(Site(seed, 2 * seed), GRID, tuple(indices), patches, (False,) * len(indices))


def training_patches():
    return np.random.default_rng(9).integers(0, 256, (4, 32, 32, 3), np.uint8)


@pytest.fixture
def network():
    return batchnorm_network(0, training_patches())


class Segmenter(nn.Module):
    """Features are the image's own channels; the head is a 1×1 convolution set by hand."""

    def __init__(self, weight):
        super().__init__()
        weight = torch.tensor(weight, dtype=torch.float32)
        self.body = nn.Conv2d(3, 3, 1, bias=False)
        self.head = nn.Conv2d(3, len(weight), 1, bias=False)
        with torch.no_grad():
            self.body.weight.copy_(torch.eye(3)[..., None, None])
            self.head.weight.copy_(weight[..., None, None])

    def forward(self, x):
        return self.head(self.body(x))


def segmenter(weight, **card):
    return build_network("seg", Segmenter(weight), Card(**card))


def painted(*colours):
    """One pyramid; patch i is painted in vertical stripes of equal width."""
    patches = np.zeros((len(colours), SIDE, SIDE, 3), np.uint8)
    for patch, stripes in zip(patches, colours, strict=True):
        for k, colour in enumerate(stripes):
            patch[:, k * SIDE // len(stripes) : (k + 1) * SIDE // len(stripes)] = colour
    count = len(colours)
    return Pyramid(Site(0, 0), GRID, tuple(range(count)), patches, (False,) * count)


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_moments_at_a_batchnorm_are_those_of_its_input(network):
    one = pyramid()
    found = measure_responses(network, [one])
    x = network.module.conv1(network.prepare(one.patches)).detach().numpy().astype(np.float64)
    layer = found.layer("norm1")
    assert np.allclose(layer.mean, x.mean((2, 3)), atol=1e-5)
    assert np.allclose(layer.var, x.var((2, 3)), atol=1e-5)
    assert np.array_equal(layer.running_mean, network.module.norm1.running_mean.numpy())
    assert np.array_equal(layer.running_var, network.module.norm1.running_var.numpy())


def test_the_training_patches_have_the_moments_that_the_batchnorms_store(network):
    patches = training_patches()
    grid = ScaleGrid((1.0, 2.0, 3.0, 4.0))
    given = Pyramid(Site(0, 0), grid, (0, 1, 2, 3), patches, (False,) * 4)
    for layer in measure_responses(network, [given]).of_kind("batchnorm"):
        mean = layer.mean.mean(0)
        var = (layer.var + layer.mean**2).mean(0) - mean**2
        assert np.allclose(mean, layer.running_mean, atol=1e-4)
        assert np.allclose(var, layer.running_var, rtol=1e-2)


def test_the_gradient_of_a_linear_head_is_the_weight_row_of_the_target(network):
    found = measure_responses(network, [pyramid()], target="class 2")
    row = network.module.head.weight[2].detach().numpy()
    assert np.array_equal(found.layer("head").gradient, np.tile(row, (3, 1)))
    assert found.target.tolist() == [2, 2, 2]


def test_the_gradient_of_the_probability_follows_the_quotient_rule_of_softmax(network):
    """dp_c / da_k = p_c · (W_ck − Σ_j p_j W_jk)."""
    layer = measure_responses(network, [pyramid()], target="class 2", probability_gradient=True)
    rows = network.module.head.weight.detach().numpy()
    p = layer.share
    expected = p[:, 2:3] * (rows[2] - p @ rows)
    assert np.allclose(layer.layer("head").probability_gradient, expected, atol=1e-6)
    assert np.array_equal(layer.layer("head").gradient, np.tile(rows[2], (3, 1)))


def test_either_gradient_can_be_asked_for_alone(network):
    only = measure_responses(network, [pyramid()], gradient=False, probability_gradient=True)
    assert only.layer("head").gradient is None
    assert only.layer("head").probability_gradient is not None


def test_only_the_head_has_a_gradient(network):
    found = measure_responses(network, [pyramid()])
    assert [layer.name for layer in found.layers if layer.gradient is not None] == ["head"]
    without = measure_responses(network, [pyramid()], gradient=False)
    assert all(layer.gradient is None for layer in without.layers)


def test_the_gradient_of_a_nonlinear_head_is_the_finite_difference():
    class Squares(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)
            self.head = nn.Conv2d(4, 2, 3, padding=1)

        def forward(self, x):
            return (self.head(self.conv(x)) ** 2).mean((2, 3))

    network = build_network("squares", Squares())
    one = pyramid()
    found = measure_responses(network, [one], target=1).layer("head").gradient
    module = network.module.double()
    a = module.conv(network.prepare(one.patches).double())
    step = 1e-4
    for k in range(4):
        more = a.clone()
        more[:, k] += step
        slope = ((module.head(more) ** 2).mean((2, 3)) - (module.head(a) ** 2).mean((2, 3))) / step
        assert np.allclose(found[:, k], slope[:, 1].detach().numpy(), rtol=1e-2, atol=1e-4)


def test_the_target_of_a_classifier_is_the_most_probable_class_over_the_site():
    class Shown(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 3, bias=False)
            with torch.no_grad():
                self.head.weight.copy_(10 * torch.eye(3))

        def forward(self, x):
            return self.head(x.mean((2, 3)))

    network = build_network("shown", Shown(), Card(classes=("r", "g", "b")))
    found = measure_responses(
        network, [painted([RED], [GREEN], [GREEN]), painted([BLUE], [BLUE], [RED])]
    )
    assert found.target.tolist() == [1, 1, 1, 2, 2, 2]
    assert found.share.argmax(1).tolist() == [0, 1, 1, 2, 2, 0]
    assert found.layer("head").gradient[4].tolist() == [0, 0, 10]


def test_the_target_of_a_segmenter_is_its_most_frequent_class_but_the_background():
    network = segmenter(np.eye(3), classes=("background", "g", "b"))
    found = measure_responses(
        network, [painted([RED, RED, GREEN], [RED, BLUE], [RED, RED, RED, BLUE])]
    )
    assert found.target.tolist() == [2, 2, 2]
    assert np.allclose(found.share, [[2 / 3, 1 / 3, 0], [1 / 2, 0, 1 / 2], [3 / 4, 0, 1 / 4]])
    assert np.allclose(found.outputs, found.share)
    # a mean over pixels: adding 1 to a channel adds the head's weight to the score
    assert np.allclose(found.layer("head").gradient, np.tile([0, 0, 1], (3, 1)))


def test_a_segmenter_that_sees_only_background_still_has_a_target():
    network = segmenter(np.eye(3))
    found = measure_responses(network, [painted([RED], [RED], [RED])])
    assert found.target.tolist() == [1, 1, 1]
    assert np.allclose(found.layer("head").gradient, np.tile([0, 1, 0], (3, 1)))


def test_the_score_of_a_segmenter_is_taken_over_the_pixels_of_the_target():
    class Squares(Segmenter):
        def forward(self, x):
            return self.head(self.body(x)) ** 2

    network = build_network("seg", Squares([[1, 0, 0], [0, 1, 0]]), Card(background=0))
    found = measure_responses(network, [painted([RED, GREEN])])
    # d mean(a²)/da over the green half, where a = 1, is 2; over all pixels it would be 1
    assert np.allclose(found.layer("head").gradient, [[0, 2, 0]])


def test_a_single_class_segmenter_sets_foreground_against_background():
    network = segmenter([[1, -1, 0]])
    found = measure_responses(network, [painted([RED, GREEN, GREEN, GREEN])])
    assert network.classes == ("foreground",)
    assert found.share.tolist() == [[0.25]]
    assert found.target.tolist() == [0]
    assert np.allclose(found.layer("head").gradient, [[1, -1, 0]])


def test_the_batch_size_does_not_change_the_answer(network):
    pyramids = [pyramid(1), pyramid(2, (0, 2))]
    one = measure_responses(network, pyramids, batch_size=1)
    all_ = measure_responses(network, pyramids, batch_size=32)
    for a, b in zip(one.layers, all_.layers, strict=True):
        assert np.allclose(a.mean, b.mean, atol=1e-6)
        assert np.allclose(a.var, b.var, atol=1e-6)
    assert np.allclose(one.outputs, all_.outputs, atol=1e-6)
    assert np.allclose(one.layer("head").gradient, all_.layer("head").gradient)


def test_a_segmenter_measured_in_batches_keeps_one_target_per_site():
    network = segmenter(np.eye(3))
    pyramids = [painted([RED, GREEN], [RED, BLUE], [BLUE, BLUE])]
    one, all_ = (measure_responses(network, pyramids, batch_size=n) for n in (1, 32))
    assert one.target.tolist() == all_.target.tolist() == [2, 2, 2]
    assert np.allclose(one.layer("head").gradient, all_.layer("head").gradient)


def test_rows_say_which_site_and_scale_they_are(network):
    found = measure_responses(network, [pyramid(1, (0, 2)), pyramid(2, ()), pyramid(3, (1,))])
    assert found.site_index.tolist() == [0, 0, 2]
    assert found.scale_index.tolist() == [0, 2, 1]
    assert found.sites == (Site(1, 2), Site(2, 4), Site(3, 6))
    assert found.input_size == SIDE
    assert found.batchnorm_batches == 1
    assert np.isnan(found.on_grid(found.entropy)[1]).all()
    assert all(layer.mean.dtype == np.float32 for layer in found.layers)


def test_measurements_are_saved_and_read_back(network, tmp_path):
    found = measure_responses(network, [pyramid()])
    found.save(tmp_path / "r.npz")
    assert np.array_equal(type(found).load(tmp_path / "r.npz").entropy, found.entropy)


def test_contrast_is_the_spread_of_the_luminance(network):
    found = measure_responses(network, [painted([(0, 0, 0), (255, 255, 255)], [RED])])
    assert found.contrast == pytest.approx([127.5, 0], abs=1e-4)


def test_the_same_patches_give_the_same_bits(network):
    a, b = (measure_responses(network, [pyramid()]) for _ in range(2))
    assert np.array_equal(a.outputs, b.outputs)
    assert np.array_equal(a.layer("norm2").var, b.layer("norm2").var)


def hook_count(module):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


def test_no_hook_survives_and_every_flag_is_restored(network):
    network.module.conv2.train()
    network.module.head.weight.requires_grad = True
    measure_responses(network, [pyramid()])
    assert hook_count(network.module) == 0
    assert network.module.conv2.training
    assert not network.module.norm2.training
    assert network.module.head.weight.requires_grad
    assert network.module.head.weight.grad is None


def test_no_hook_survives_an_exception_inside_the_network(network):
    network.module.train()
    network.module.conv2.weight.requires_grad = True

    def fail(*_):
        raise RuntimeError("inside")

    handle = network.module.norm2.register_forward_pre_hook(fail)
    with pytest.raises(NetworkError, match="RuntimeError: inside"):
        measure_responses(network, [pyramid()])
    handle.remove()
    assert hook_count(network.module) == 0
    assert all(m.training for m in network.module.modules())
    assert network.module.conv2.weight.requires_grad


def test_no_hook_survives_an_interrupt(network):
    def interrupted():
        with hooked(network.module, network.layers()):
            assert hook_count(network.module) > 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert hook_count(network.module) == 0


def test_moments_can_be_differentiated_down_to_the_colours(network):
    colours = torch.full((1, 3, 32, 32), 100.0, requires_grad=True)
    with hooked(network.module, network.layers()) as heard:
        network.logits(network.feed(colours))
    (slope,) = torch.autograd.grad(heard.moments["norm1"][0].sum(), colours)
    assert slope.abs().sum() > 0


def test_answers_that_are_not_finite_are_refused(network):
    network.module.head.weight.data[0, 0] = torch.nan
    with pytest.raises(NetworkError, match="returned NaN or infinite"):
        measure_responses(network, [pyramid()])


def test_a_class_that_is_not_there_is_refused_with_a_short_list(network):
    with pytest.raises(SettingsError, match="no class 'tumour'; choose from class 0, class 1"):
        measure_responses(network, [pyramid()], target="tumour")
    with pytest.raises(SettingsError, match="no class 3"):
        measure_responses(network, [pyramid()], target=3)
    many = build_network(
        "many", nn.Sequential(nn.Conv2d(3, 50, 96), nn.Flatten()), Card(input_size=96)
    )
    with pytest.raises(SettingsError, match=r"class 11, … \(50 in all\)"):
        measure_responses(many, [pyramid()], target="tumour")


@pytest.mark.parametrize(
    ("pyramids", "options", "says"),
    [
        ([], {}, "there is no pyramid"),
        ([pyramid(1, ())], {}, "no pyramid has a patch"),
        ([pyramid(1), pyramid(2, side=128)], {}, "need the same scale grid and patch side"),
        ([pyramid(1)], {"batch_size": 0}, "at least 1 patch, got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(network, pyramids, options, says):
    with pytest.raises(SettingsError, match=says):
        measure_responses(network, pyramids, **options)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((2, 5), 1),
        ((2, 9, 5), 2),
        ((2, 5, 7, 7), 1),
        ((2, 7, 7, 5), 3),
        ((2, 7, 7, 7), 1),
        ((2, 5, 1, 1), 1),
    ],
)
def test_channels_are_found_before_or_after_the_pixels(shape, axis):
    assert channel_axis(shape) == axis


@pytest.mark.parametrize(("sigma", "radius"), [(3.0, 30.0), (4.0, 40.0), (4.0, 80.0)])
def test_the_analytic_network_peaks_where_theory_says(sigma, radius):
    network = analytic_network(sigma)
    size = network.choose_input_size(1000)
    truth = radius / (sigma * np.sqrt(2))
    grid = ScaleGrid.geometric(truth / 3, truth * 2.5, 8)
    y, x = np.mgrid[:1600, :1600] + 0.5
    disc = np.where((x - 800) ** 2 + (y - 800) ** 2 <= radius**2, 0, 255).astype(np.uint8)
    slide = np.repeat(disc[..., None], 3, 2)
    halves = [size * scale / 2 for scale in grid.scales]
    patches = np.stack(
        [resample(slide, (800 - h, 800 - h, 800 + h, 800 + h), size, size) for h in halves]
    )
    count = len(grid)
    given = Pyramid(Site(800, 800), grid, tuple(range(count)), patches, (False,) * count)
    found = measure_responses(network, [given]).layer("head").mean[:, 0]
    i = int(found.argmax())
    a, b, _ = np.polyfit(np.log(grid.scales[i - 1 : i + 2]), found[i - 1 : i + 2], 2)
    assert np.exp(-b / (2 * a)) == pytest.approx(truth, rel=0.02)


def test_threads_that_share_a_network_take_turns():
    from concurrent.futures import ThreadPoolExecutor

    from wsi_scale.geometry import ScaleGrid, Site
    from wsi_scale.networks import load_network
    from wsi_scale.slide.pyramid import sample_pyramid
    from wsi_scale.slide.readers.synthetic import SyntheticSlide

    network = load_network("figures", device="cpu")
    slide = SyntheticSlide.figures(width=1500, height=1500)
    grid = ScaleGrid((0.5, 1.0, 2.0, 3.0))
    pyramids = [sample_pyramid(slide, Site(600 + 60 * i, 700), grid, size=224) for i in range(4)]
    alone = [measure_responses(network, [pyramid]) for pyramid in pyramids]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda p: measure_responses(network, [p]), pyramids * 3))
    for found, expected in zip(together, alone * 3, strict=True):
        assert found.outputs == pytest.approx(expected.outputs, abs=1e-4)
        for layer, other in zip(found.layers, expected.layers, strict=True):
            assert layer.mean == pytest.approx(other.mean, abs=1e-4)


class Narrow(Segmenter):
    """The same, in bfloat16."""

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x).float()


def test_a_network_that_works_in_bfloat16_is_measured_like_others():
    weight = [[1, 0, 0], [0, 1, 0]]
    found, wanted = (
        measure_responses(build_network("seg", module(weight), Card()), [pyramid()])
        for module in (Narrow, Segmenter)
    )
    for layer, other in zip(found.layers, wanted.layers, strict=True):
        assert np.allclose(layer.mean, other.mean, rtol=0.02, atol=0.02)
        assert layer.mean.dtype == np.float32
        if other.gradient is not None:
            assert np.allclose(layer.gradient, other.gradient, rtol=0.02, atol=0.02)
