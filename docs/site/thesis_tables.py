"""Tables 1–5 of the thesis beside ours: ``python docs/site/thesis_tables.py`` writes them anew.

The thesis's numbers are in docs/thesis_facts.toml, ours in benchmarks/results/thesis/tables.
"""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "thesis.md"
RESULTS = ROOT / "benchmarks" / "results" / "thesis" / "tables"
NETWORK = "figures-5-constant"
"""Trained as the thesis's network was: at scale 5, with a constant learning rate."""

START, END = "<!-- made by docs/site/thesis_tables.py: {} -->\n", "<!-- end of {} -->"
SHAPES = {"square": "rectangle", "circle": "ellipse", "cross": "cross", "triangle": "triangle"}


def facts() -> dict[str, Any]:
    """What the thesis reports."""
    with (ROOT / "docs" / "thesis_facts.toml").open("rb") as file:
        return tomllib.load(file)


def read(name: str) -> list[dict[str, str]]:
    """The rows of one of our tables."""
    with (RESULTS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(head: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *lines))


def table1() -> str:
    """Weights of the channels, largest first, because the order of channels means nothing."""
    rows = [row for row in read("table1_weights.csv") if row["network"] == NETWORK]
    lines = [["thesis", *(f"{x:.5f}" for x in sorted(facts()["table1"]["weights"], reverse=True))]]
    for when in ("before", "after"):
        (row,) = [x for x in rows if (x["softmax"], x["class"]) == (when, "green cross")]
        ours = sorted((abs(float(row[f"channel {n}"])) for n in range(1, 17)), reverse=True)
        lines.append([f"here, {when} softmax", *(f"{x:.3f}" for x in ours)])
    return table(["", *(str(n) for n in range(1, 17))], lines)


def by_settings(number: int, column: str, digits: int) -> str:
    """Table 2, 3 or 4: one row of the thesis and one of ours for each P."""
    told, sigmas = facts()[f"table{number}"], facts()["tables2to4"]["sigma"]
    ours = {}
    for row in read(f"tables2-4_{NETWORK}.csv"):
        kind = (row["responses"], row["gradient"], row["statistic"], row["lo"], row["hi"])
        if kind == ("measured", "before", "median", "0.5", "9.9"):
            ours[int(row["keep_percent"]), int(row["sigma"])] = float(row[column])
    lines = []
    for percent in (40, 50, 60):
        lines.append([f"P = {percent}, thesis", *(f"{x:.{digits}f}" for x in told[str(percent)])])
        here = (f"{ours[percent, sigma]:.{digits}f}" for sigma in sigmas)
        lines.append([f"P = {percent}, here", *here])
    return table(["σ", *(str(sigma) for sigma in sigmas)], lines)


def table5() -> str:
    """The answer for each class: the thesis's, then ours."""
    ours = {row["class"]: float(row[NETWORK]) for row in read("table5.csv") if row[NETWORK]}
    lines = []
    for colour, told in facts()["table5"].items():
        here = (f"{ours[f'{colour} {shape}']:.2f}" for shape in SHAPES.values())
        pairs = zip((f"{x:.2f}" for x in told), here, strict=True)
        lines.append([colour, *(cell for pair in pairs for cell in pair)])
    head = [f"{shape}, {whose}" for shape in SHAPES for whose in ("thesis", "here")]
    return table(["", *head], lines)


def tables() -> dict[str, str]:
    """Every table of the page, by its name."""
    return {
        "Table 1": table1(),
        "Table 2": by_settings(2, "squared_deviation", 3),
        "Table 3": by_settings(3, "within_0.5", 0),
        "Table 4": by_settings(4, "within_1", 0),
        "Table 5": table5(),
    }


def fill(page: str) -> str:
    """The page with its tables made anew."""
    for name, text in tables().items():
        before, rest = page.split(START.format(name))
        _, after = rest.split(END.format(name))
        page = f"{before}{START.format(name)}\n{text}\n{END.format(name)}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
