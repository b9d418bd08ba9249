"""The tables of what rulers said of sources that they had not seen.

    python -m training.ruler.table results.json [--beside NAME=OTHER.json]... --out results/NAME.md

results.json: of doubt.py. OTHER.json holds lines of the same cases by something else, such as the
network of before (``before.py``).
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from math import log2
from pathlib import Path

import numpy as np

from wsi_scale.pixel_size.audit import StatedMpp, audit_pixels
from wsi_scale.report import PixelSize

WITHIN = (1.25, 1.6, 2.0)
HEAD = (
    "| source | cases | median | bias | ≤ 1.25 × | ≤ 1.6 × | ok | of those off by > 1.25 × "
    "| 90 % interval holds | half width |"
)

LEGEND = (
    "Median error and bias (below 0: read too fine) of the pixel size and half width of the 90 % "
    "interval in octaves; shares of all cases with an answer, of the `ok` among all cases."
)


def row(name: str, lines: list[dict], width: bool = True) -> str:
    """What the lines of one source come to. width: whether the half widths are known of all."""
    told = [line for line in lines if "error" in line]
    if not told:
        return f"| {name} | {len(lines)} |" + " – |" * 8
    error = np.array([line["error"] for line in told])
    away, half = abs(error), np.array([line["half"] for line in told])
    ok = np.array([line["verdict"] == "ok" for line in told])
    wide = f"{np.median(half):.2f}" if width else "–"
    shares = " | ".join(percent(away <= log2(w)) for w in WITHIN[:2])
    return (
        f"| {name} | {len(lines)} | {np.median(away):.2f} | {np.median(error):+.2f} | {shares} "
        f"| {ok.sum() / len(lines):.0%} | {percent(away[ok] > log2(1.25))} "
        f"| {percent(away <= half)} | {wide} |"
    )


def percent(them: np.ndarray) -> str:
    return f"{np.mean(them):.0%}" if len(them) else "–"


def by_source(lines: list[dict]) -> list[str]:
    names = sorted({line["source"] for line in lines})
    rows = [row(name, [x for x in lines if x["source"] == name]) for name in names]
    return [HEAD, "| --- |" + " ---: |" * 9, *rows, row("**all cases**", lines)]


def of_sources(lines: list[dict], figure: Callable[[np.ndarray], float]) -> list[float]:
    """A figure of the errors of each source."""
    errors: dict[str, list[float]] = {}
    for line in lines:
        if "error" in line:
            errors.setdefault(line["source"], []).append(line["error"])
    return [figure(np.array(errors[name])) for name in sorted(errors)]


def in_words(lines: list[dict]) -> list[str]:
    """The figures that are asked for."""
    told = [line for line in lines if "error" in line]
    sure = [line for line in told if line["verdict"] == "ok"]
    away = np.array([abs(line["error"]) for line in sure])
    middles = of_sources(lines, lambda e: float(np.median(abs(e))))
    off = ", ".join(f"{percent(away > log2(w))} by more than {w} ×" for w in WITHIN)
    seen = [line for line in told if "sure_half" in line]
    last = f"; the worst by {2 ** away.max():.2f} ×." if len(sure) else "."
    verdicts = f"{len(sure)} of {len(lines)} cases are `ok`"
    verdicts += f"; of those are off: {off}{last}" if len(sure) else "."
    return [
        f"Median over {len(middles)} sources of the median error: **{np.median(middles):.2f}** "
        f"octave; worst source {max(middles):.2f}.",
        verdicts,
        f"Best constant: {constant(told):.2f} octave in the median.",
        in_view(seen),
        f"The audit, on the {len(seen)} cases with ten nuclei or more in view: {claimed(seen)}",
        f"The audit, on all {len(told)} cases with an answer: {claimed(told)}",
    ]


def in_view(seen: list[dict]) -> str:
    """How good it is where the second witness found nuclei."""
    away = np.array([abs(line["error"]) for line in seen])
    half = np.array([line["half"] for line in seen])
    return (
        f"Of the {len(seen)} cases with ten nuclei or more in view: median error "
        f"{np.median(away):.2f}, {percent(away <= log2(1.25))} within 1.25 ×, "
        f"{percent(away <= log2(1.6))} within 1.6 ×; the 90 % interval holds "
        f"{percent(away <= half)}."
    )


def claimed(told: list[dict]) -> str:
    """What the audit says of true and of falsified metadata, in words."""
    claims = audits(told)
    return (
        f"true metadata are called a conflict in {claims['true conflict']} and `agree` in "
        f"{claims['true agree']}; half the true value is called a conflict in "
        f"{claims['half conflict']}, `agree` in {claims['half agree']}; double in "
        f"{claims['double conflict']} and {claims['double agree']}. What the tissue cannot see: a "
        f"value 1.3 times too large or too small is called `agree` in {claims['1.3 agree']} and a "
        f"conflict in {claims['1.3 conflict']}, one 1.5 times off in {claims['1.5 agree']} and "
        f"{claims['1.5 conflict']}."
    )


def constant(told: list[dict]) -> float:
    truth = np.array([line["truth"] for line in told])
    return float(np.median(abs(truth - np.median(truth))))


def audits(told: list[dict]) -> dict[str, str]:
    """How often the audit says what of true metadata, and of false ones."""
    found = {}
    stated = {"true": [1.0], "half": [0.5], "double": [2.0]}
    stated |= {"1.3": [1.3, 1 / 1.3], "1.5": [1.5, 1 / 1.5]}
    for name, values in stated.items():
        said = [
            audit_pixels(StatedMpp(value, None, ()), size_of(line)).status
            for line in told
            for value in values
        ]
        for status in ("agree", "conflict"):
            found[f"{name} {status}"] = f"{said.count(status) / len(said):.1%}"
    return found


def size_of(line: dict) -> PixelSize:
    """What was read of a case, as if its right size were 1 µm/px."""
    error, half, sure = line["error"], line["half"], line.get("sure_half")
    return PixelSize(
        mpp=2.0**error,
        interval=(2.0 ** (error - half), 2.0 ** (error + half)),
        surely=None if sure is None else (2.0 ** (error - sure), 2.0 ** (error + sure)),
        verdict=line["verdict"],
        reason="",
    )


START, END = "<!-- ruler: training/ruler/results/left-out.md -->", "<!-- end -->"


def put_on_page(page: Path, told: list[str]) -> None:
    """Replace what stands between the marks on a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} lacks the marks {START} and {END}")
    block = "\n".join(told)
    page.write_text(f"{before}{START}\n\n{block}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--beside", nargs="*", default=[], help="NAME=OTHER.json")
    parser.add_argument("--page", type=Path, help="a page to put the table on too")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    lines = json.loads(args.results.read_text())
    told = [*by_source(lines), "", LEGEND, "", *(f"- {one}" for one in in_words(lines))]
    note = args.results.with_name("ok.md")
    if note.exists():
        told.append(f"- {note.read_text().strip()}")
    if args.page:
        put_on_page(args.page, told)
    for one in args.beside:
        name, _, path = one.partition("=")
        others = json.loads(Path(path).read_text())
        same = {(x["file"], x["side"]) for x in others}
        mine = [x for x in lines if (x["file"], x["side"]) in same]
        told += ["", f"**{name}**, on {len(others)} of the same cases:", ""]
        told += [
            HEAD,
            "| --- |" + " ---: |" * 9,
            row(name, others, width=False),
            row("the ruler", mine),
        ]
    told += ["", f"`python -m training.ruler.table {shlex.join(sys.argv[1:])}`"]
    args.out.write_text("\n".join(told) + "\n")
    print("\n".join(told))


if __name__ == "__main__":
    main()
