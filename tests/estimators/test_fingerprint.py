"""The fingerprint: exact on a slide mixed like the training data, robust where it is not."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.estimators import Options, Unavailable
from wsi_scale.estimators.fingerprint import in_groups, prepare, remix, settled_layers
from wsi_scale.geometry import ScaleGrid
from wsi_scale.responses.colour_fit import add_freed

PLAIN = Options(match_mixture=False)


def ask(responses, options=PLAIN):
    return prepare(responses, options)(np.ones(len(responses.sites)))


@pytest.mark.parametrize("options", [PLAIN, Options()], ids=["plain", "mixture"])
@pytest.mark.parametrize("truth", [0.9, 2.0, 3.3, 7.1])
def test_finds_the_scale_at_which_the_moments_are_the_stored_ones(responses_of, truth, options):
    answer = ask(responses_of(truth), options)
    assert answer.scale == pytest.approx(truth, rel=1e-3)
    assert answer.layer_scales == pytest.approx({"bn1": truth}, rel=1e-3)
    assert answer.misfit == pytest.approx(0, abs=5e-3)


def test_the_divergence_is_that_of_two_normals_to_second_order(responses_of):
    """One standard deviation off in every channel is ½ nat; far off, it is not an octave law."""
    answer = ask(responses_of(slope=0, shift=1.0))
    assert answer.score == pytest.approx(np.full(41, -0.5))
    wider = responses_of(slope=0)
    layer = replace(wider.layers[0], var=wider.layers[0].var * 1.2)
    exact = 0.5 * (1.2 - 1 - np.log(1.2))
    assert -ask(replace(wider, layers=(layer,))).score[0] == pytest.approx(exact, rel=0.2)


def test_stretching_the_grid_stretches_the_answer(responses_of):
    near = ask(responses_of(2.0, grid=ScaleGrid.geometric(0.5, 8, 8)))
    far = ask(responses_of(6.0, grid=ScaleGrid.geometric(1.5, 24, 8)))
    assert far.scale == pytest.approx(3 * near.scale, rel=1e-6)


def test_the_order_of_channels_is_irrelevant(responses_of):
    responses = responses_of(3.0, content=0.4)
    layer = responses.layers[0]
    order = [3, 1, 5, 0, 2, 4]
    turned = replace(layer, mean=layer.mean[:, order], var=layer.var[:, order])
    again = replace(responses, layers=(turned,))
    assert ask(again, Options()).scale == pytest.approx(ask(responses, Options()).scale, rel=1e-5)


def test_a_mixture_unlike_the_training_data_is_not_held_against_the_scale(responses_of):
    """Sites of one kind of content outnumber the others; the plain match is misled, more."""
    responses = responses_of(3.0, content=0.6, sites=24, seed=1)
    kinds = responses.on_grid(responses.layers[0].mean)[:, 0, 2]
    weights = np.where(kinds > np.median(kinds), 5.0, 1.0)
    plain, mixed = (prepare(responses, o)(weights).scale for o in (PLAIN, Options()))
    assert abs(np.log2(mixed / 3)) < 0.05
    assert abs(np.log2(mixed / 3)) < abs(np.log2(plain / 3)) / 2


def test_remixing_is_ridge_regression():
    rng = np.random.default_rng(0)
    off, change, price = rng.normal(size=30), rng.normal(size=(5, 30)), 0.7
    rest, paid = remix(off, change, price)
    stacked = np.vstack([change.T, np.sqrt(price) * np.eye(5)])
    u = np.linalg.lstsq(stacked, -np.concatenate([off, np.zeros(5)]), rcond=None)[0]
    assert rest == pytest.approx(off + change.T @ u)
    assert paid == pytest.approx(price * u @ u)


def test_remixing_never_does_worse_than_leaving_the_sites_alone():
    rng = np.random.default_rng(1)
    for _ in range(20):
        off, change = rng.normal(size=12), rng.normal(size=(4, 12))
        rest, paid = remix(off, change, 0.01)
        assert rest @ rest + paid <= off @ off + 1e-12


def test_many_sites_are_weighted_anew_in_groups_at_the_same_price(monkeypatch):
    change = np.arange(12.0).reshape(6, 2)
    monkeypatch.setattr("wsi_scale.estimators.fingerprint.MAX_PARTS", 3)
    pairs = in_groups(change)
    assert pairs == pytest.approx((change[::2] + change[1::2]) / np.sqrt(2))


def test_a_slide_of_many_sites_is_answered_alike(responses_of):
    answer = ask(responses_of(3.0, sites=150, content=0.4), Options())
    assert answer.scale == pytest.approx(3.0, rel=0.02)


def test_an_infinite_price_leaves_everything_as_it_is():
    off = np.array([1.0, 2.0])
    rest, paid = remix(off, np.ones((3, 2)), np.inf)
    assert (rest == off).all()
    assert paid == 0


def test_scales_that_no_site_reaches_have_no_score(responses_of):
    responses = responses_of(2.0)
    keep = responses.scale_index < 30
    rows = ("site_index", "scale_index", "variant", "outputs", "share", "entropy", "contrast")
    cut = {name: getattr(responses, name)[keep] for name in (*rows, "target", "upsampled")}
    layer = replace(
        responses.layers[0],
        mean=responses.layers[0].mean[keep],
        var=responses.layers[0].var[keep],
    )
    answer = ask(replace(responses, layers=(layer,), **cut))
    assert np.isnan(answer.score[30:]).all()
    assert answer.scale == pytest.approx(2.0, rel=1e-3)


def test_constant_responses_give_none(responses_of):
    assert ask(responses_of(slope=0)).scale is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": ()}, "no BatchNorm"),
        ({"batchnorm_batches": 3}, "3 batches and have not settled"),
    ],
)
def test_says_what_it_lacks(responses_of, change, says):
    with pytest.raises(Unavailable, match=says):
        prepare(responses_of(**change), Options())


def test_untrained_statistics_are_no_fingerprint(responses_of):
    responses = responses_of()
    layer = replace(
        responses.layers[0], running_mean=np.zeros(6, "f4"), running_var=np.ones(6, "f4")
    )
    with pytest.raises(Unavailable, match="never trained"):
        prepare(replace(responses, layers=(layer,)), Options())


def test_a_converted_checkpoint_without_its_counter_is_still_read(responses_of):
    assert settled_layers(responses_of(batchnorm_batches=0))
    assert settled_layers(responses_of(batchnorm_batches=None))


def test_channels_that_never_fired_in_training_are_left_out(responses_of):
    responses = responses_of(3.0)
    layer = responses.layers[0]
    stored = np.asarray(layer.running_var).copy()
    stored[4] = 0
    answer = ask(replace(responses, layers=(replace(layer, running_var=stored),)))
    assert answer.scale == pytest.approx(3.0, rel=1e-3)


def test_colour_freed_patches_are_judged_where_they_were_measured(responses_of):
    both = add_freed(responses_of(6.0), responses_of(3.0))
    assert ask(both).scale == pytest.approx(3, rel=0.02)
    assert ask(both, Options()).scale == pytest.approx(3, rel=0.02)
    assert ask(both, Options(colour_freed=False)).scale == pytest.approx(6, rel=1e-3)


def two_layers(responses_of, encoder, decoder):
    """Responses whose encoder fits best at one scale and whose decoder at another."""
    first, second = responses_of(encoder), responses_of(decoder).layers[0]
    layers = (replace(first.layers[0], encoder=True), replace(second, name="bn2"))
    return replace(first, layers=layers)


def test_colour_freed_patches_are_judged_on_the_encoder(responses_of):
    plain = two_layers(responses_of, 2.0, 4.0)
    assert set(ask(plain).layer_scales) == {"bn1", "bn2"}
    both = add_freed(plain, plain)
    assert ask(both).layer_scales == pytest.approx({"bn1": 2}, rel=1e-3)
    everything = Options(encoder_only=False, match_mixture=False)
    assert set(ask(both, everything).layer_scales) == {"bn1", "bn2"}
    assert 2 * 0.98 < ask(both, everything).scale < 4 * 1.02
    assert set(ask(plain, Options(encoder_only=True)).layer_scales) == {"bn1"}


def test_without_a_marked_encoder_every_layer_is_judged(responses_of):
    both = add_freed(responses_of(3.0), responses_of(3.0))
    assert set(ask(both).layer_scales) == {"bn1"}


def test_a_site_that_was_not_freed_is_left_out(responses_of):
    plain = responses_of(6.0, sites=4)
    both = add_freed(plain, responses_of(3.0, sites=4))
    rows = (both.variant == 0) | (both.site_index > 0)
    scorer = prepare(both._at(rows), PLAIN)
    assert scorer(np.array([0.0, 1, 1, 1])).scale == pytest.approx(3, rel=0.02)
    assert np.isnan(scorer(np.array([1.0, 0, 0, 0])).score).all()


def test_freed_of_colour_a_layer_that_is_far_off_everywhere_does_not_decide(responses_of):
    clean = [responses_of(3.0, slope=0.3, seed=k).layers[0] for k in range(3)]
    strange = responses_of(6.0, slope=2.0, shift=2.0).layers[0]
    layers = [replace(x, name=f"bn{k}", encoder=True) for k, x in enumerate([*clean, strange])]
    plain = replace(responses_of(3.0), layers=tuple(layers))
    both = add_freed(plain, plain)
    unmixed = Options(match_mixture=False)
    freed = ask(both, unmixed).scale
    summed = ask(both, unmixed.model_copy(update={"colour_freed": False})).scale
    assert freed == pytest.approx(3, rel=0.05)
    assert abs(np.log2(summed / 3)) > 4 * abs(np.log2(freed / 3))


def test_layers_can_be_drawn_anew_like_sites(responses_of):
    plain = two_layers(responses_of, 2.0, 4.0)
    scorer = prepare(plain, PLAIN)
    everyone = np.ones(len(plain.sites))
    assert scorer.layers == 2
    assert scorer(everyone, np.array([2.0, 0.0])).scale == pytest.approx(2, rel=1e-3)
    assert scorer(everyone, np.array([0.0, 2.0])).scale == pytest.approx(4, rel=1e-3)
    assert scorer(everyone, np.ones(2)).scale == scorer(everyone).scale
