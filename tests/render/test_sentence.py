"""The answer in words says what the report says, and nothing else."""

import pytest

from wsi_scale.render.sentence import explain, headline, number


def audited(status):
    """An audit of the pixels with that status."""
    return {
        "status": status,
        "claimed_mpp": 0.25,
        "claimed_source": "aperio.MPP",
        "slide_mpp": 0.5,
        "slide_mpp_interval": (0.4, 0.6),
        "octaves": -1.0,
        "fields": [{"source": "aperio.MPP", "mpp": 0.25, "octaves": -1.0, "status": status}],
        "reason": "the pixels look like it",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.0149, "4.01"),
        (0.98, "0.980"),
        (16, "16.0"),
        (352.8, "353"),
        (12345, "12345"),
        (1, "1.00"),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert number(value) == text


def test_the_headline_is_the_answer_in_one_line(make_report):
    assert headline(make_report()) == "scale 4.02 [3.87–4.18] · 0.978 µm/px · ok"


def test_magnification_is_a_range_after_the_micrometres(make_report):
    assert "· 0.978 µm/px, like 5–10× · ok" in headline(make_report(like_power=(5, 10)))
    assert "µm/px, like 20× · ok" in headline(make_report(like_power=(20, 20)))


def disputing(make_report, source="aperio.MPP", pixels=None, audit=()):
    report = make_report()
    found = [{"source": x, "says": "1", "mpp": 1.0, "status": "conflicts"} for x in audit]
    slide = report.slide.model_copy(update={"mpp_source": source})
    content = report.model_copy(update={"slide": slide}).model_dump(by_alias=True)
    content["slide"]["audit"] = found
    content["pixels"] = pixels
    return type(report).model_validate(content)


def test_a_disputed_pixel_size_has_its_owner_in_the_headline(make_report):
    report = disputing(make_report, pixels=audited("conflict"))
    assert "0.978 µm/px, by aperio.MPP (disputed by the tissue) · ok" in headline(report)
    assert "by aperio.MPP (disputed by the tissue)." in explain(report)
    fields = disputing(make_report, audit=["tiff.XResolution", "tiff.YResolution"])
    assert ", by aperio.MPP (disputed by tiff.XResolution) ·" in headline(fields)
    given = disputing(make_report, "given", audited("conflict"), ["aperio.MPP"])
    assert "by the µm/px given (disputed by the tissue and aperio.MPP)" in headline(given)


def test_a_pixel_size_that_nobody_disputes_needs_no_owner(make_report):
    assert "by" not in headline(disputing(make_report, pixels=audited("agree")))


def test_without_resolution_no_micrometre_is_named(make_report):
    report = make_report(mpp=None)
    assert headline(report) == "scale 4.02 [3.87–4.18] · ok"
    assert (
        "The slide does not state its pixel size, so the answer cannot be given in µm."
        in explain(report)
    )


def test_without_an_answer_the_headline_says_so_and_why(make_report):
    assert headline(make_report("flat", scale=None)) == "no answer: flat"
    assert headline(make_report("no_evidence", scale=None)) == "no answer: no evidence"


def test_every_verdict_is_explained_without_magnification(any_report):
    text = explain(any_report)
    assert text.endswith(".")
    assert "{" not in text
    assert not any(word in text for word in ("×", "20x", "magnification", "objective"))


def test_scale_and_its_direction_are_explained_wherever_a_scale_is_spoken_of(any_report):
    text = explain(any_report)
    if any_report.verdict == "blank":
        assert "scale" not in text
        return
    assert "A larger scale is a coarser view of more tissue." in text
    assert "along one side, become one pixel of" in text


def test_the_answer_is_one_sentence_with_its_direction(make_report):
    assert explain(make_report()).startswith(
        "The network sees this slide best at scale 4.02 (90 % interval 3.87–4.18): 4.02 slide "
        "pixels, along one side, become one pixel of its input. That pixel is 0.978 µm wide "
        "(0.941–1.02 µm). A larger scale is a coarser view of more tissue. Read level 1 of the "
        "slide as it is."
    )
    assert "1.00 slide pixel, along one side, becomes one pixel" in explain(make_report(scale=1.0))


def test_a_slide_outside_says_outside_of_what_and_what_may_help(make_report):
    by_profile = explain(make_report("outside", estimator="profile"))
    assert "the images that the profile was calibrated on" in by_profile
    assert "--free-colour" not in by_profile
    plain = explain(make_report("outside", estimator="fingerprint"))
    assert "anything the network was trained on" in plain
    assert "--free-colour" in plain


def test_a_chosen_baseline_is_not_blamed_on_the_network(make_report):
    voices = {"confidence": 3.0, "fingerprint": 4.0}
    asked = make_report("no_evidence", scale=None, estimator="confidence", voices=voices)
    assert "The chosen estimator, confidence, is a baseline" in explain(asked)
    assert "allows fingerprint; leave out --estimator to use that." in explain(asked)
    alone = make_report("no_evidence", scale=None, voices={"confidence": 3.0, "fingerprint": None})
    assert "a network with trained BatchNorm layers needs neither" in explain(alone)


def test_a_doubtful_answer_says_what_to_do_and_not_how_to_use_the_number(any_report):
    text = explain(any_report)
    assert ("Read level" in text) == (any_report.verdict == "ok")


def test_an_ambiguous_answer_names_its_candidates(make_report):
    candidates = [{"scale": 1.5, "score": -0.2}, {"scale": 4.02, "score": 0.0}]
    assert "(4.02 and 1.50)" in explain(make_report("ambiguous", candidates=candidates))
    alone = explain(make_report("ambiguous", candidates=candidates[1:]))
    assert "not enough to be sure" in alone
    assert "Several scales" not in alone


def test_an_interval_that_is_too_wide_is_not_taken_for_several_scales(make_report):
    said = explain(make_report("ambiguous", reason="the 90% interval reaches too far"))
    assert "trust the interval more than the number" in said
    assert "Several scales" not in said


@pytest.mark.parametrize(
    ("residual", "advice"),
    [
        (1.001, "as it is."),
        (1.3, "and shrink it by a factor of 1.30."),
        (0.98, "and enlarge it by a factor of 1.02."),
    ],
)
def test_the_nearest_level_is_put_to_use(residual, advice, make_report):
    nearest = {"level": 1, "downsample": 4.0, "residual": residual}
    assert f"Read level 1 of the slide {advice}" in explain(make_report(nearest_level=nearest))


@pytest.mark.parametrize(
    ("kind", "keeps", "left"),
    [
        ("dice", "a Dice of 0.97", "Dice 0.20"),
        ("same class", "the class of 97% of the patches", "20% of the patches keep their class"),
    ],
)
def test_a_level_as_it_is_says_what_it_keeps_and_what_it_costs(kind, keeps, left, make_report):
    one = {"level": 1, "downsample": 4.0, "agreement": 0.97, "kind": kind, "work": 0.819}
    text = explain(make_report(scale=3.62, as_is=[one | {"sites": 8}]))
    reading = "Using level 1 without resizing (scale 4.00 instead of 3.62) would"
    assert f"{reading} keep {keeps} and cost 0.82 times as much." in text
    poor = explain(
        make_report(scale=8.1, as_is=[one | {"sites": 8, "agreement": 0.2, "work": 4.1}])
    )
    assert f"would change most predictions ({left}) and cost 4.1 times as much." in poor


def test_wider_is_advised_only_where_there_is_room(make_report):
    far = {"verdict": "edge", "scale": 16.0}
    assert "try a wider range with --scales" in explain(make_report(**far))
    full = make_report(**far, warnings=["the slide has room for scales up to 16 only, so …"])
    assert full.curve.scales[-1] == 16.0
    assert "use a larger image" in explain(full)


def test_a_level_that_is_the_answer_or_found_nothing_has_no_sentence(make_report):
    one = {"level": 1, "downsample": 4.0, "kind": "dice", "work": 1.0, "sites": 8}
    assert "Reading" not in explain(make_report(as_is=[one | {"agreement": 1.0}]))
    assert "Reading" not in explain(make_report(scale=3.5, as_is=[one | {"agreement": None}]))


@pytest.mark.parametrize("status", ["agree", "undecidable"])
def test_what_the_pixels_say_is_one_sentence(status, make_report):
    told = explain(make_report(pixels=audited(status)))
    assert told.endswith(" Check of the file's pixel size: the pixels look like it.")


def test_a_conflict_is_named_among_the_warnings_and_not_twice(make_report):
    assert "pixels look like" not in explain(make_report(pixels=audited("conflict")))


def test_enlarging_is_always_said(make_report):
    assert "enlarges the slide" in explain(make_report(scale=0.7))


def test_a_partial_answer_is_said_to_be_partial(make_report):
    report = make_report(partial=True)
    assert headline(report).endswith("(partial)")
    assert "cancelled" in explain(report)


def by_ruler(make_report, own, verdict="ok", **changes):
    """Scale 4.02 by the ruler, beside an answer of the network itself."""
    return make_report(
        estimator="ruler",
        **changes,
        network={"training_mpp": 0.978},
        verdict=verdict,
        voices={"profile": own, "fingerprint": 4.4, "extrema": 5.2},
    )


def test_the_network_itself_is_said_to_agree_where_it_does(make_report):
    says = "The network's own responses say about the same, less surely (profile: 4.1)."
    assert says in explain(by_ruler(make_report, 4.1))
    assert "responses say" not in explain(by_ruler(make_report, 5.1))
    assert "responses say" not in explain(by_ruler(make_report, 4.1, "ambiguous"))
    warned = ["the network's own answer (profile) 4.1 is outside: it is unlike all it saw"]
    assert "responses say" not in explain(by_ruler(make_report, 4.1, warnings=warned))


def test_a_run_that_stopped_early_says_why(make_report):
    settings = {"provenance": {"settings": {"precision": None}}, "stopped_early": True}
    said = explain(by_ruler(make_report, 4.1, **settings))
    assert "stopped after 2 sites, because the scale follows from µm/px that the tissue" in said
    said = explain(by_ruler(make_report, 4.1, "ambiguous", **settings))
    assert "because more would hardly change what the network itself says" in said
    assert "because more would hardly narrow the interval" in explain(make_report(**settings))


def test_where_the_file_is_right_and_the_user_wrong_that_is_the_advice(make_report):
    agrees = {"source": "aperio.MPP", "mpp": 0.499, "octaves": 0.0, "status": "agree"}
    pixels = audited("conflict") | {"claimed_source": "given", "fields": [agrees]}
    given = {"slide": {"mpp_source": "given"}, "pixels": pixels}
    report = by_ruler(make_report, 4.1, "ambiguous", **given)
    told = report.model_copy(update={"voices": report.voices | {"metadata": 1.0}})
    assert "states agrees with the tissue (aperio.MPP, 0.499), so leave out --mpp." in explain(told)


def test_what_stands_as_the_reason_is_not_said_again(make_report):
    why = "it shows no H&E tissue"
    checked = audited("undecidable") | {"reason": f"pixel size cannot be estimated: {why}"}
    said = explain(make_report("blank", None, reason=why, pixels=checked))
    assert why not in said
    assert "Check of the file's pixel size" in explain(make_report(pixels=checked))
