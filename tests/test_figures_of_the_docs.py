"""Figures in the pages are those that the benchmarks wrote, to the digit."""

import csv
import math
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


ESTIMATORS = [ROOT / "docs" / name for name in ("estimators.md", "estimators-drawn.md")]


def rows(*pages):
    """First cell -> other cells of every table row of some pages; of equal ones, of the last."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    lines = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {first.strip("`"): rest for first, *rest in cells}


NAMES = {
    "fingerprint": "answer",
    "confidence": "confidence (voice)",
    "extrema": "extrema (voice)",
    "chance: window centre": "chance: window centre",
    "chance: noise responses": "chance: noise responses",
    "chance: random weights": "chance: random weights",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_the_model_problem(name):
    measured = rows(RESULTS / "figures_accuracy.md")[NAMES[name]]
    told = rows(*ESTIMATORS)[name]
    assert told[:3] == [cell.replace("%", " %") for cell in measured[:3]]


def test_the_headline_of_the_readme():
    measured = rows(RESULTS / "figures_accuracy.md")["answer"][0].split()[0]
    assert f"**{measured}**" in rows(ROOT / "README.md")["fingerprint` (the default)"][0]


def test_single_classes_and_tissue_are_told_as_they_were_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    single = rows(RESULTS / "figures_single_class.md")
    assert f"median error {float(single['answer'][0].split()[0]):.2f} octave" in page
    text = (RESULTS / "real_slides.md").read_text(encoding="utf-8")
    ours, plain = re.search(
        r"slides\): ([\d.]+) octave; of the plain match ([\d.]+)\.", text
    ).groups()
    assert f"{ours} octave, of the plain match {plain}." in page


def test_the_profile_is_told_as_it_was_measured():
    written = rows(RESULTS / "profile_figures.md")
    told = rows(*ESTIMATORS)
    for name in ("profile", "class unseen in calibration", "chance: shuffled responses"):
        measured = [cell.replace("%", " %") for cell in written[name]]
        assert told[name] == [*measured[:3], measured[4]]
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    networks = {name: row for name, row in written.items() if ", figures-" in name}
    assert {row[0] for row in networks.values()} == {"20"}
    worst = max(float(row[1]) for row in networks.values())
    assert f"every one of the {len(networks)} networks, in every window; the worst median" in page
    assert f"is {worst:.3f} octave" in page
    held = [float(row[2].split("%")[0]) for row in networks.values()]
    near = sum(85 <= share <= 95 for share in held)
    assert f"held the truth in {min(held):.0f} to {max(held):.0f} % of 200 to 2000" in page
    assert f"(between 85 and 95 % for {near} of {len(networks)})" in page
    scales: dict[str, list[float]] = {}
    for name, row in networks.items():
        share, count = row[2].split("% of ")
        held, all_of_it = scales.setdefault(name.split("-")[1], [0.0, 0.0])
        scales[name.split("-")[1]] = [held + float(share) * int(count), all_of_it + int(count)]
    by_scale = [held / count for _, (held, count) in sorted(scales.items())]
    assert len(by_scale) == 6
    assert all(85 <= share <= 95 for share in by_scale)
    assert f"1.5 to 8, in {', '.join(f'{x:.0f}' for x in by_scale)} %;" in page


def test_the_table_of_tissue_freed_of_stain_is_the_one_that_was_written():
    measured = rows(RESULTS / "tissue_colour_seed3.md")
    told = rows(*ESTIMATORS)
    assert len(measured) > 10
    for name, cells in measured.items():
        if len(cells) == 6 and name not in ("row", "---", "case") and "×" not in name:
            ours = name.startswith(("plain", "colour-freed", "**colour-freed"))
            there = name if ours else f"tissue, {name}"
            assert told[there] == [cell.replace("%", " %") for cell in cells]


def test_the_other_windows_on_tissue_are_told_as_they_were_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    other = rows(RESULTS / "tissue_colour_seed2.md")
    summed = "colour-freed, layers summed, not their logarithms"
    names = ("**colour-freed** (what --free-colour asks)", summed, "plain")
    freed, sums, plain = (other[name][0].split()[0] for name in names)
    assert f"{freed} freed of colour, {sums} with the layers summed, {plain} plain" in page


def test_intervals_and_verdicts_on_tissue_are_told_as_they_were_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    text = (RESULTS / "tissue_colour_seed3.md").read_text(encoding="utf-8")
    ok, worst, held = re.search(
        r"ok × (\d+); where it is ok the worst answer is ([\d.]+) .* in (\d+)% of 27", text
    ).groups()
    assert f"{ok} of 27 were `ok`, the worst of them {worst} octave off" in page
    assert f"held the truth in {held} % of these 27 cases" in page


def model_problem():
    """Every case of the model problem, as it was judged."""
    with (RESULTS / "model_problem_46_sites.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def holds(cases):
    """Share of 90 % intervals that hold the truth, in per cent."""
    ends = [(float(x["low"]), float(x["high"])) for x in cases if x["low"] not in ("", "nan")]
    return round(100 * sum(low <= 0 <= high for low, high in ends) / len(ends)), len(ends)


def test_the_training_seeds_are_told_as_they_were_measured():
    measured = rows(RESULTS / "model_problem_46_sites.md")
    told = rows(*ESTIMATORS)
    scales = [name for name in measured if re.match(r"[\d.]+, (decayed|constant)$", name)]
    assert len(scales) == 12
    for name in scales:
        assert told[name] == [cell.replace("%", " %") for cell in measured[name]]


def test_what_intervals_hold_is_told_as_it_was_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    mixed = [x for x in model_problem() if x["kind"] == "mixed"]
    decayed = [x for x in mixed if x["schedule"] == "decayed"]
    share, count = holds(decayed)
    scales = [
        [x for x in decayed if x["scale"] == scale] for scale in {y["scale"] for y in decayed}
    ]
    by_scale = [holds(cases)[0] for cases in scales]
    assert len(by_scale) == 6
    told = f"in {share} % of {count} cases ({min(by_scale)} to {max(by_scale)} % by training scale)"
    assert f"held the truth {told}" in page
    share, count = holds([x for x in decayed if int(x["turn"]) >= 12])
    assert f"in {share} % of the {count} on slides that were drawn after" in page
    share, count = holds([x for x in mixed if x["schedule"] == "constant"])
    assert f"in {share} % of {count} where the learning rate never fell" in page


def test_what_networks_cannot_know_is_told_as_it_was_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)

    def fine(kind, **also):
        mine = [x for x in model_problem() if x["kind"] == kind]
        mine = [x for x in mine if all(x[key] == value for key, value in also.items())]
        return sum(x["verdict"] == "ok" for x in mine), len(mine)

    assert [fine(kind) for kind in ("random", "noise", "blank")] == [(0, 216)] * 3
    cases = [x for x in model_problem() if x["kind"] == "indifferent"]
    assert len(cases) == 216
    even, odd = (
        sum(x["verdict"] == "ok" and int(x["turn"]) % 2 == half for x in cases) for half in (0, 1)
    )
    assert f"`ok` in {even} of 108 cases on the slides of even number" in page
    assert f"and in {odd} of 108 on the others" in page
    settled, stale = (fine("mixed", schedule=x) for x in ("decayed", "constant"))
    assert f"Of {settled[1]} genuine cases {settled[1] - settled[0]} were refused" in page
    assert f"{stale[1] - stale[0]} of {stale[1]} where the learning rate never fell" in page


def test_what_sparing_loses_is_told_as_it_was_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    text = (RESULTS / "sparing_saved.md").read_text(encoding="utf-8")
    found = re.search(r"octaves \[90 %\]: ([\d.-]+) \[([\d.-]+), ([\d.-]+)\]", text).groups()
    loss, low, high = (part.replace("-", "−") for part in found)
    assert f"is {loss} octave [{low}, {high}]" in page


def test_what_was_tried_on_single_classes_is_told_as_it_was_measured():
    told = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    text = (RESULTS / "single_classes_saved.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| one class")]
    for _, curve, *cells in lines:
        if curve in ("like head", "sure", "margin", "match", "match + sure + like head"):
            assert " | ".join(cells).replace("%", " %") in told, curve
    assert len(lines) == 8


THESIS = RESULTS / "thesis" / "tables"


def test_the_tables_of_the_thesis_page_are_those_that_were_written():
    page = (ROOT / "docs" / "thesis-details.md").read_text(encoding="utf-8")
    written = {
        line
        for path in THESIS.glob("*.md")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    told = [line for line in page.splitlines() if line.count("|") > 5 and "---" not in line]
    assert len(told) > 200
    assert [line for line in told if line not in written] == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_stands_beside_the_thesis_is_what_was_measured(when):
    with (THESIS / "tables2-4_figures-5-constant.csv").open(newline="") as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if (row["responses"], row["gradient"], row["statistic"]) == ("measured", when, "median")
            and (row["sigma"], row["keep_percent"]) == ("8", "50")
            and (row["lo"], row["hi"]) == ("0.5", "9.9")
        ]
    words = {"before": "(its text)", "after": "(its program)"}[when]
    told = rows(ROOT / "docs" / "thesis-details.md")[f"here, {when} softmax {words}"]
    deviation = f"{float(row['squared_deviation']):.2f}"
    assert told == [deviation, row["within_0.5"], row["within_1"]]


def test_the_thesis_page_says_the_answers_and_errors_that_were_measured():
    page = (ROOT / "docs" / "thesis-details.md").read_text(encoding="utf-8")
    with (THESIS / "table5_beside_chance.csv").open(newline="") as file:
        middles = [
            f"{float(row['median_answer']):.1f}"
            for row in csv.DictReader(file)
            if row["row"] == "learning rate constant" and row["right_scale"] != "5.0"
        ]
    assert f"the method answers {', '.join(middles[:-1])} and {middles[-1]}" in page
    with (THESIS / "summary.csv").open(newline="") as file:
        errors = {
            (row["trained"], row["asked"], row["estimator"]): float(row["median_octaves"])
            for row in csv.DictReader(file)
        }
    for label, sentence in {
        ("constant", "all together", "fingerprint"): "({:.3f} octave)",
        ("constant", "one class", "fingerprint"): "({:.2f} octave)",
        ("constant", "one class", "thesis"): "from chance: {:.2f} octave",
        ("constant", "one class", "confidence"): "images, {:.2f} octave by class",
    }.items():
        assert sentence.format(errors[label]) in page


def test_auto_beside_its_voices_is_told_as_it_was_measured():
    page = "\n".join(page.read_text(encoding="utf-8") for page in ESTIMATORS)
    text = (RESULTS / "auto_saved.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (both|the profile|the fingerprint|neither): .*$", page, re.MULTILINE)
    assert len(told) == 4
    for knowing in ("both", "profile", "fingerprint", "neither"):
        line = re.search(rf"^\| (?:the )?{knowing}: (.*) \|$", page, re.MULTILINE)[1].split(" | ")
        medians = [
            re.search(rf"^\| {knowing} \| {voice} \| ([\d.]+) ", text, re.MULTILINE)[1]
            for voice in ("profile", "fingerprint", "auto")
        ]
        tail = re.search(
            rf"^\| {knowing} \| \w+ × [^|]*\| (.*) \| ([\d.]+) \|$", text, re.MULTILINE
        )
        assert line[1:] == [*medians, *tail.groups()]


def test_the_ruler_is_told_as_it_was_measured():
    """Every line between the marks of docs/tissue.md is one of the results."""
    page = (ROOT / "docs" / "tissue.md").read_text(encoding="utf-8")
    block = page.split("<!-- ruler: ")[1].split(" -->", 1)
    measured = (ROOT / block[0]).read_text(encoding="utf-8")
    told = block[1].split("<!-- end -->")[0].strip()
    assert told.count("\n") > 10
    assert told in measured


def test_the_traps_are_told_as_they_were_counted():
    text = (ROOT / "training" / "ruler" / "results" / "traps.md").read_text(encoding="utf-8")
    count, fine, accuse = re.match(
        r"Of (\d+) pictures (\d+) are `ok`.*?; (\d+) could", text
    ).groups()
    told = (ROOT / "docs" / "tissue.md").read_text(encoding="utf-8")
    assert (fine, accuse) == ("0", "2")
    assert f"None of {count} is `ok`" in told
    assert f"{int(count) - int(accuse)} are compared with nothing, and two" in told


def test_the_readme_on_the_ruler():
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    text = (ROOT / "training" / "ruler" / "results" / "left-out.md").read_text(encoding="utf-8")
    measured = rows(ROOT / "training" / "ruler" / "results" / "left-out.md")
    cases, median, _, near, *_, held, _ = measured["**all cases**"]
    assert f"{cases} cases of ten sources" in told

    def shares(*them):
        return [one.replace("%", " %") for one in them]

    table = rows(ROOT / "README.md")
    assert table["the ruler, all cases"] == shares(median, near, held)
    for name, line in (("the ruler", "the ruler"), ("histology, the network of before",) * 2):
        _, median, _, near, *_, held, _ = measured[line]
        words = "which did it before" if "histology" in name else "the ruler"
        row = next(x for first, x in table.items() if "of the same" in first and words in first)
        assert row == shares(median, near, held)
    seen = re.search(
        r"Of the (\d+) cases with ten .* error ([\d.]+), (\d+)% within .* holds (\d+)%", text
    )
    count, median, near, held = seen.groups()
    row = table[f"the ruler, ten nuclei or more in view ({count} cases)"]
    assert row == [f"**{median}**", f"{near} %", f"{held} %"]
    accused, half, double = re.search(
        r"in view: true .* conflict in ([\d.]+)% and .* conflict in ([\d.]+)%, .* double in "
        r"([\d.]+)%",
        text,
    ).groups()
    assert f"are called a conflict in {accused} %" in told
    assert f"the true value in {half} and {double} %" in told
    off = re.search(r"(\d+)% were off by more than 1.25 ×; at most", text).group(1)
    assert f"called `ok`, {off} % were off by more than 25 %" in told


def test_the_tables_of_real_tissue():
    told = (ROOT / "docs" / "tissue.md").read_text(encoding="utf-8")
    measured = (RESULTS / "histology.md").read_text(encoding="utf-8")
    for line in measured.split("| case |")[0].splitlines():
        if line.startswith("|"):
            assert line in told, line


def test_the_readme_on_real_tissue():
    with (RESULTS / "histology.csv").open(newline="") as file:
        asked = [x for x in csv.DictReader(file) if x["kind"] == "trained"]
    new = [x for x in asked if "CMU" not in x["case"]]
    off = [abs(math.log2(float(x["said_mpp"]) / float(x["true_mpp"]))) for x in new]
    fine = [one for one, x in zip(off, new, strict=True) if x["verdict"] == "ok"]
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| **{statistics.median(off):.2f}** (" in told
    assert f"{len(fine)} of {len(new)} are `ok`" in told
    assert f"the worst of them {2 ** max(fine):.2f} times off" in told


def test_what_a_pyramid_costs_is_told_as_it_was_measured():
    page = rows(ROOT / "docs" / "performance.md")
    text = (RESULTS / "pyramids.md").read_text(encoding="utf-8")
    kinds = [
        [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
        for part in re.split(r"^(?:JPEG|JPEG 2000|drawn), ", text, flags=re.M)[1:]
    ]
    best = "best level for each scale, OpenSlide and Pillow"
    names = {
        "its reads alone": "reads alone",
        "OpenSlide's reads of the same pixels": "OpenSlide's reads alone, of the same px",
        "OpenSlide's reads of each level's pixels": "OpenSlide's reads alone, of each level's px",
        "level 0 and Pillow": "level 0, Pillow",
        best: best,
        "TIAToolbox 2.1.3, `read_rect` at µm/px": "TIAToolbox 2.1.3",
        "MONAI 1.6.1, `WSIReader` and Pillow": "MONAI 1.6.1",
    }
    assert len(kinds) == 3
    for told, name in names.items():
        for cell, kind in zip(page[told], kinds, strict=True):
            measured = {row[0]: row for row in kind}
            assert cell == (measured[name][2] if name in measured else "–")
    for kind, measured in zip(("JPEG", "JPEG 2000"), kinds, strict=False):
        for who in ("wsi-scale", "best level", "TIAToolbox"):
            row = next(x for x in measured if x[0].startswith(who))
            name = f"{kind}: {'best level for each scale' if who == 'best level' else who}"
            assert page[name] == row[4:8]


def test_how_the_cost_grows_is_told_as_it_was_measured():
    told = rows(ROOT / "docs" / "performance.md")
    measured = rows(RESULTS / "growth.md")
    for name, cells in measured.items():
        if name in ("pixels of the slide", "sites", "slides", "scales"):
            here = told["scales, all measured" if name == "scales" else name][2].replace("−", "-")
            assert cells[4].startswith(here)
    assert abs(float(measured["pixels of the slide"][4].split()[0])) <= 0.05


def test_what_a_whole_estimate_and_the_overlap_are_worth_is_told_as_it_was_measured():
    told = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    stored, jpeg = (RESULTS / "whole_estimate.md").read_text(encoding="utf-8").split("JPEG:\n")
    whole = stored.split("| right |")[0]
    overlap = (RESULTS / "overlap.md").read_text(encoding="utf-8")
    lines = [line for line in (whole + overlap).splitlines() if line.startswith("|")]
    assert len(lines) >= 8
    for line in lines:
        assert line in told, line
    for way in ("sparing", "dense"):
        error = re.search(rf"^\| {way} \|.*\| ([\d.]+) \[", jpeg, re.MULTILINE).group(1)
        assert f"{error} octave" in told, way


def test_the_lead_in_fidelity_is_told_as_it_was_measured():
    told = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    measured = (RESULTS / "pyramids.md").read_text(encoding="utf-8")
    leads = [float(x) for x in re.findall(r"best of the others: ([-+][\d.]+) dB", measured)]
    jpeg, jpeg_2000 = leads
    assert min(leads) >= 0
    assert f"by at least {jpeg:.2f} dB on JPEG and {jpeg_2000:.2f} dB on JPEG 2000" in told
