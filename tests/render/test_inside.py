"""One picture of a network at work, for every kind of network, whole or not at all."""

import io
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wsi_scale.errors import OutputError
from wsi_scale.geometry import Site
from wsi_scale.pipeline.explain.explanation import (
    HIDDEN_PARTS,
    ExcitedPatch,
    Explanation,
    ScaleView,
    TellingChannel,
)
from wsi_scale.render.inside import draw_explanation, render_explanation
from wsi_scale.render.inside_words import caption, channel_words, scale_words, share_words

VERMILION = (213, 94, 0)


def patch(seed=0, side=32):
    return np.random.default_rng(seed).integers(0, 200, (side, side, 3)).astype(np.uint8)


def view(scale, answer=4.0, found=None, heat=1.0):
    warm = np.zeros((7, 7), np.float32)
    warm[2, 3] = heat
    return ScaleView(scale, scale == answer, patch(), warm, found, 0.25)


def channel(layer="features.3", statistic="mean", trained=0.0, where=True, count=3):
    curve = np.array([0.1, 0.4, 0.9, 0.3, np.nan])
    mark = np.zeros((4, 4), bool)
    mark[1, 1] = where
    patches = tuple(
        ExcitedPatch(Site(1, 2), 4.0, k == 0, 1.0, patch(k), mark if where else None)
        for k in range(count)
    )
    nothing = np.full(5, np.nan)
    band = (curve - 0.1, curve + 0.1) if statistic == "mean" else (nothing, nothing)
    return TellingChannel(layer, 12, statistic, 0.073, curve, *band, trained, patches)


def explanation(**changes):
    usual = Explanation(
        site=Site(100, 200),
        target="tumour",
        task="classify",
        answer=4.0,
        views=(view(2.0), view(4.0), view(8.0)),
        map_from="layer4",
        way="score",
        scales=np.array([1.0, 2.0, 4.0, 8.0, 16.0]),
        channels=(channel(), channel("layer4.0.bn1", "spread", 1.0), channel("head")),
    )
    return replace(usual, **changes)


def pixels(report, found):
    return np.asarray(Image.open(io.BytesIO(render_explanation(report, found))).convert("RGB"))


def orange(picture):
    """Columns in the left half in which a frame runs down."""
    near = (abs(picture[:, :750].astype(int) - VERMILION) < 12).all(axis=2)
    return np.flatnonzero(near.sum(axis=0) > 150)


FOUND = np.zeros((32, 32), bool)
FOUND[4:20, 6:14] = True
CASES = {
    "classifier": {},
    "segmenter": {"task": "segment", "views": tuple(view(s, found=FOUND) for s in (2.0, 4.0, 8.0))},
    "no hooks": {"map_from": HIDDEN_PARTS, "channels": (channel(where=False, trained=None),)},
    "no channels": {"channels": (), "why_no_channels": "too few scales were measured to compare"},
    "two scales": {"views": (view(4.0), view(8.0))},
    "nothing speaks for it": {"views": (view(2.0, heat=0), view(4.0, heat=0), view(8.0))},
    "few patches": {"channels": (channel(count=1), channel(count=0))},
    "long names": {
        "target": "x" * 200,
        "map_from": "y" * 300,
        "channels": (channel("encoder." * 20),),
    },
    "formulas": {"target": "$a$ b_{", "map_from": "a$b$"},
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_network_is_drawn(case, make_report):
    assert len(render_explanation(make_report(), explanation(**CASES[case]))) > 10_000


def test_every_verdict_is_drawn(any_report):
    answer = any_report.scale
    found = explanation(answer=answer, views=tuple(view(s, answer) for s in (2.0, 4.02, 16.0)))
    assert pixels(any_report, found).shape[1] == 1500


def test_the_column_of_the_answer_alone_is_framed(make_report):
    columns = orange(pixels(make_report(), explanation()))
    assert columns.min() >= 150 * (0.2 + 1.52 + 0.11) - 4
    assert columns.max() <= 150 * (0.2 + 2 * 1.52 + 0.11) + 4
    nothing = explanation(answer=None, views=(view(2.0, None), view(4.0, None), view(8.0, None)))
    assert orange(pixels(make_report("flat", scale=None), nothing)).size == 0


def test_the_map_is_bright_where_its_value_is_large(make_report):
    """Cell (2, 3) of 7 × 7: in the lower left picture, 0.2 in from the left, 1.52 in wide."""
    dark, bright = (
        pixels(
            make_report(),
            explanation(views=(view(2.0, heat=heat), view(4.0), view(8.0))),
        ).astype(int)
        for heat in (1e-9, 1.0)
    )
    changed = np.argwhere(abs(bright - dark).sum(axis=2) > 60)
    y, x = changed.mean(axis=0) / 150
    assert x == pytest.approx(0.2 + 1.52 * 3.5 / 7, abs=0.05)
    assert y == pytest.approx(0.72 + 0.62 + 1.52 + 0.11 + 1.52 * 2.5 / 7, abs=0.05)


def test_the_same_explanation_gives_the_same_bytes(make_report):
    one, two = (render_explanation(make_report(), explanation(), kind="svg") for _ in range(2))
    assert one == two


@pytest.mark.parametrize("kind", ["png", "PDF", "svg"])
def test_the_suffix_decides_the_format(kind, make_report, tmp_path):
    draw_explanation(make_report(), explanation(), tmp_path / f"inside.{kind}")
    assert os.listdir(tmp_path) == [f"inside.{kind}"]


def test_another_suffix_is_one_sentence(make_report, tmp_path):
    with pytest.raises(OutputError, match=r"suffix must be \.png, \.pdf or \.svg"):
        draw_explanation(make_report(), explanation(), tmp_path / "inside.jpg")


def test_scales_are_named_by_factor_and_by_micrometres(make_report):
    found, report = explanation(), make_report(scale=4.0, mpp=0.25)
    assert scale_words(found.views[0], found, report) == ("scale 2.00", "× 0.5 · 0.500 µm/px")
    assert scale_words(found.views[1], found, report) == ("found: 4.00", "1.00 µm/px")
    assert scale_words(found.views[2], found, make_report(mpp=None)) == ("scale 8.00", "× 2")


@pytest.mark.parametrize(
    ("share", "says"),
    [(0, "tumour: 0 %"), (0.0012, "tumour: 0.12 %"), (0.25, "tumour: 25 %"), (1, "tumour: 100 %")],
)
def test_shares_keep_two_digits(share, says):
    assert share_words(replace(view(4.0), share=share), explanation()) == says


def test_a_channel_says_what_it_weighs():
    assert channel_words(channel(), "score") == (
        "features.3, channel 12",
        "mean: 7.3 % of the score",
    )
    assert channel_words(channel(), "response")[1] == "mean changes by 0.0730 s.d."


def test_the_caption_says_what_is_seen_and_what_it_does_not_prove():
    words = " ".join(caption(explanation()))
    assert "Grad-CAM by pixel, layer4" in words
    assert "not that it is right" in words
    assert "they are no evidence" in words
    assert "is hidden" in " ".join(caption(explanation(map_from=HIDDEN_PARTS)))
    assert caption(explanation(answer=None))[0].startswith("There is no answer")
