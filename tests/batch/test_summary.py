"""Counts, medians and outliers, by hand; page and picture show what the rows say."""

import pytest
from matplotlib.figure import Figure

from wsi_scale.batch.summary import find_outliers, markdown, short_names, summarize
from wsi_scale.render.batch_page import batch_page, batch_png


@pytest.fixture
def cohort(row_of):
    """Rows of one cohort with the given µm/px, all ok, intervals of ±5 %."""

    def make(mpps, cohort="/s/x", name="", **values):
        return [
            row_of(
                f"{cohort}/{name}{i}",
                cohort,
                mpp=mpp,
                scale=2 * mpp,
                mpp_interval=[0.95 * mpp, 1.05 * mpp],
                **values,
            )
            for i, mpp in enumerate(mpps)
        ]

    return make


def test_counts_and_medians_of_a_group(cohort, row_of):
    rows = [
        *cohort([0.4, 0.5, 0.6]),
        row_of("f", "/s/x", error="bad"),
        *cohort([9.0], "/s/x", name="edge", verdict="edge"),
    ]
    summary = summarize(rows)
    (group,) = summary.cohorts
    assert (group.name, group.slides, group.failed) == ("x", 5, 1)
    assert group.verdicts == {"ok": 3, "edge": 1}
    assert (group.mpp, group.scale) == (0.5, 1.0)
    assert group.mpp_quartiles == pytest.approx((0.45, 0.55))
    assert [x.name for x in summary.scanners] == ["aperio 20×", "unknown"]


def test_a_slide_twice_as_coarse_as_its_cohort_stands_out(cohort):
    (found,) = summarize(cohort([0.50, 0.51, 0.49, 0.50, 0.52, 1.0])).outliers
    assert found.slide.path == "/s/x/5"
    assert found.octaves == pytest.approx(0.986, abs=1e-3)  # log2(1.0 / 0.505)
    assert found.reason == "µm/px 1 (ok); the median of the 6 ok answers of its cohort is 0.505"


def test_a_slide_is_held_against_its_own_cohort_only(cohort):
    rows = [*cohort([0.5] * 5, "/s/a"), *cohort([1.0] * 5, "/s/b")]
    assert summarize(rows).outliers == ()


def test_few_answers_make_no_outlier(cohort):
    assert summarize(cohort([0.5, 0.5, 0.5, 1.0])).outliers == ()


def test_a_wide_cohort_has_no_outlier_within_its_width(cohort):
    assert summarize(cohort([0.25, 0.35, 0.5, 0.7, 1.0])).outliers == ()


def test_an_interval_that_holds_the_median_is_no_disagreement(cohort):
    rows = cohort([0.5] * 5) + cohort([1.0], name="wide")
    rows[-1]["mpp_interval"] = [0.4, 2.0]
    assert summarize(rows).outliers == ()


def test_slides_without_a_pixel_size_are_compared_by_scale(row_of):
    rows = [row_of(str(i), "c") for i in range(5)]
    rows.append(row_of("far", "c", scale=8.0, scale_interval=[7.0, 9.0]))
    (found,) = summarize(rows).outliers
    assert (found.slide.path, found.octaves) == ("far", 2.0)
    assert found.reason.startswith("scale 8 (ok)")


def test_metadata_that_conflict_with_the_pixels_stand_out_and_the_farthest_comes_first(cohort):
    rows = cohort([0.5] * 5 + [0.25])
    rows[0] |= {"pixels.status": "conflict", "pixels.octaves": 2.0}
    rows[1] |= {"pixels.status": "agree", "pixels.octaves": 0.1}
    first, second = summarize(rows).outliers
    assert (first.slide.path, first.octaves) == ("/s/x/0", 2.0)
    assert first.reason == "its pixels look 4 times smaller than the µm/px it states"
    assert (second.slide.path, second.octaves) == ("/s/x/5", -1.0)


def test_outliers_hang_on_no_order(cohort):
    slides = summarize(cohort([0.5] * 5 + [1.0, 2.0])).slides
    assert find_outliers(slides) == find_outliers(slides[::-1])


def test_cohorts_that_are_folders_lose_what_all_begin_with():
    assert short_names(["/s/a/x", "/s/a/y"]) == {"/s/a/x": "x", "/s/a/y": "y"}
    assert short_names(["/s/a", "/s/a/y", "named"]) == {
        "/s/a": "a",
        "/s/a/y": "y",
        "named": "named",
    }
    assert short_names(["/s/a"]) == {"/s/a": "a"}


def test_the_summary_begins_with_what_to_look_at(cohort, row_of):
    rows = [*cohort([0.5] * 5 + [1.0]), row_of("/s/x/f|g", "/s/x", error="bad | worse")]
    text = markdown(summarize(rows))
    assert text.startswith("7 slides: 6 ok, 1 failed; 1 flagged.\n\n## Look at these first")
    assert text.index("Look at these") < text.index("Failed: 1 slide") < text.index("By cohort")
    assert r"| /s/x/f\|g | slide | bad \| worse |" in text
    assert "| x | 7 | 1 | 6 ok | 1.000 | 0.500 | 0.500–0.500 |" in text


def test_the_most_memory_counts_failed_slides_too_and_what_is_not_known_is_said(row_of):
    rows = [row_of("a", **{"process.peak_mib": 300.0})]
    rows.append(row_of("b", error="it held too much", **{"process.peak_mib": 8200.0}))
    assert "; no process held more than 8200 MiB." in markdown(summarize(rows))
    rows.append(row_of("c", error="its workers died"))
    assert "no process held more than 8200 MiB, as far as is known." in markdown(summarize(rows))
    assert "held" not in markdown(summarize([row_of("a")]))


def test_the_page_holds_the_same_and_escapes_what_it_is_told(cohort, row_of):
    rows = [*cohort([0.5] * 5 + [1.0], "/s/<b>"), row_of("/s/x", error="<script>")]
    summary = summarize(rows)
    png = batch_png(summary)
    assert png.startswith(b"\x89PNG")
    page = batch_page(summary, png, "rows & more")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "rows &amp; more" in page
    assert "7 slides: 6 ok, 1 failed; 1 flagged" in page


def test_paths_break_anywhere_on_the_page_and_words_do_not(row_of):
    page = batch_page(summarize([row_of("/s/x", "/s", error="no")]), b"", "t")
    assert '<td>/s/x</td><td class="whole">slide</td><td>no</td>' in page
    assert "td.whole { overflow-wrap: normal; }" in page


def test_the_picture_explains_its_marks_itself(cohort, monkeypatch):
    named = []
    legend = Figure.legend

    def spy(figure, marks, names, **options):
        named.extend(names)
        return legend(figure, marks, names, **options)

    monkeypatch.setattr(Figure, "legend", spy)
    batch_png(summarize(cohort([0.5] * 5)))
    assert named == ["ok", "another verdict", "flagged", "median of ok"]


def test_names_that_mean_something_to_others_are_drawn_as_they_are(cohort):
    rows = [*cohort([0.5] * 2, "/s/$x_1$"), *cohort([0.5] * 2, "/s/\udcff")]
    summary = summarize(rows)
    assert batch_png(summary)
    assert "\\udcff" in batch_page(summary, b"", "t")
    markdown(summary).encode()


def test_rows_without_any_answer_make_a_page_too(row_of):
    summary = summarize([row_of("a", error="bad")])
    assert batch_png(summary).startswith(b"\x89PNG")
    assert "1 slide: 1 failed" in markdown(summary)
