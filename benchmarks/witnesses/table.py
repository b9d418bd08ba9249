"""The tables of the bench, from the rows of ``judged`` and the kept responses.

python -m benchmarks.witnesses.table build/witnesses --out benchmarks/results/witnesses.md
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from spread import best_constant, interval, near

CHOSEN_ON = ("unet_he_05", "unet_bn_lung", "resnet_bn_colon")
"""Witnesses on which rules were chosen; the others only show them."""
INDIFFERENT = ("unet_bn_any", "unet_none_any")
"""Taught three octaves of scale: they have no right scale."""
OFF = math.log2(1.25)

Row = dict[str, Any]
HEAD = (
    "| witness | row | median error [90 %] | bias | within 25 % | `ok` | `ok`, off by > 25 % | "
    "interval holds | cases, sources |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def error(row: Row, scale: float | None) -> float:
    return math.nan if scale is None else math.log2(scale / row["truth"])


def line(witness: str, name: str, rows: list[Row], said: list[Row]) -> str:
    """said: for each row ``scale``, ``verdict``, ``interval``."""
    off = np.array([error(row, one["scale"]) for row, one in zip(rows, said, strict=True)])
    known = off[np.isfinite(off)]
    if not len(known):
        return ""
    low, high = interval(np.abs(known))
    ok = [abs(x) for x, one in zip(off, said, strict=True) if one.get("verdict") == "ok"]
    held = [
        one["interval"][0] <= row["truth"] <= one["interval"][1]
        for row, one in zip(rows, said, strict=True)
        if one.get("interval")
    ]
    judged = any("verdict" in one for one in said)
    return (
        f"| {witness} | {name} | {np.median(np.abs(known)):.2f} [{low:.2f}, {high:.2f}] | "
        f"{np.median(known):+.2f} | {near(np.abs(known))[1]:.0%} | "
        + (f"{len(ok)} | {sum(x > OFF for x in ok)} | " if judged else "– | – | ")
        + (f"{np.mean(held):.0%} | " if held else "– | ")
        + f"{len(known)}, {len({row['source'] for row in rows})} |"
    )


def _with_freed(rows: list[Row]) -> list[Row]:
    return [row for row in rows if "freed" in row]


def constant(rows: list[Row]) -> list[Row]:
    """The answer that is best if it is given always."""
    if not rows:
        return []
    one = best_constant([row["truth"] for row in rows])
    return [{"scale": one} for _ in rows]


def centre(rows: list[Row]) -> list[Row]:
    return [{"scale": math.sqrt(row["scales"][0] * row["scales"][-1])} for row in rows]


def fingerprints(by_witness: dict[str, list[Row]]) -> list[str]:
    """Every BatchNorm witness, its chance rows, and its copy with random weights."""
    lines = [HEAD]
    names = [x for x in by_witness if not _aside(x)]
    groups = [(name, [name]) for name in names]
    groups.append(("**those chosen on**", [x for x in names if x in CHOSEN_ON]))
    groups.append(("**the others**", [x for x in names if x not in CHOSEN_ON]))
    for name, members in groups:
        rows = [row for x in members for row in _with_freed(by_witness[x])]
        if not rows:
            continue
        lines.append(line(name, "plain", rows, [row["plain"] for row in rows]))
        lines.append(line(name, "freed of colour", rows, [row["freed"] for row in rows]))
        fixed = [one for x in members for one in constant(_with_freed(by_witness[x]))]
        lines.append(line(name, "chance: best constant", rows, fixed))
        lines.append(line(name, "chance: window centre", rows, centre(rows)))
        lines.append(line(name, "confidence", rows, [{"scale": r["confidence"]} for r in rows]))
        lost = [row for x in members for row in by_witness.get(f"{x}, random", [])]
        both = [row for row in lost if "freed" in row]
        lines.append(line(name, "random weights, plain", *_voices(lost, "plain")))
        lines.append(line(name, "random weights, freed", *_voices(both, "freed")))
        own = [row for x in members for row in by_witness.get(f"{x}, own tissue", [])]
        lines.append(line(name, "images it was taught, plain", *_voices(own, "plain")))
        lines.append(line(name, "images it was taught, freed", *_voices(own, "freed")))
    return [x for x in lines if x]


def _voices(rows: list[Row], name: str) -> tuple[list[Row], list[Row]]:
    there = [row for row in rows if name in row]
    return there, [row[name] for row in there]


def _aside(name: str) -> bool:
    """Random weights, own tissue and the indifferent have rows of their own."""
    return ", " in name or name in INDIFFERENT


def by_source(by_witness: dict[str, list[Row]]) -> list[str]:
    """Error of the colour-freed answer by source, over witnesses."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    names = [x for x in by_witness if not _aside(x)]
    names = [x for x in names if any("freed" in row for row in by_witness[x])]
    for name in names:
        for row in by_witness[name]:
            if "freed" in row:
                found[row["source"]][name].append(error(row, row["freed"]["scale"]))
    lines = ["| source | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for source in sorted(found):
        cells = [found[source].get(name, []) for name in names]
        told = [f"{np.nanmedian(x):+.2f}" if x else "" for x in cells]
        lines.append(f"| {source} | " + " | ".join(told) + " |")
    return lines


def steadiest(row: Row, sign: str) -> float | None:
    """Scale around which the outputs change least from scale to scale."""
    curve = (row.get("steadiness") or {}).get(sign)
    if not curve:
        return None
    values = np.array([math.nan if x is None else x for x in curve], float)
    if not np.isfinite(values).any():
        return None
    best = int(np.nanargmax(values) if sign == "dice" else np.nanargmin(values))
    return math.sqrt(row["scales"][best] * row["scales"][best + 1])


def outputs(by_witness: dict[str, list[Row]]) -> list[str]:
    """What the outputs say of scale, with and without BatchNorm."""
    lines = [HEAD]
    for name, rows in by_witness.items():
        if _aside(name):
            continue
        lost = by_witness.get(f"{name}, random", [])
        for sign in ("dice", "border", "change"):
            for told, some in ((f"steadiest, {sign}", rows), (f"random, {sign}", lost)):
                said = [{"scale": steadiest(row, sign)} for row in some]
                if some and any(one["scale"] for one in said):
                    lines.append(line(name, told, some, said))
        lines.append(line(name, "confidence", rows, [{"scale": r["confidence"]} for r in rows]))
        lines.append(line(name, "chance: best constant", rows, constant(rows)))
    return [x for x in lines if x]


def dice_kept(by_witness: dict[str, list[Row]]) -> list[str]:
    """Dice at several answers, as a share of the best in the window."""
    lines = [
        "| witness | at its own µm/px | freed of colour | window centre | octaves within 5 % of "
        "the best | cases |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, rows in by_witness.items():
        rows = [row for row in rows if row.get("dice")]
        if ", " in name or not rows:
            continue
        cells: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            octaves, dice = np.log2(row["scales"]), np.array(row["dice"], float)
            best = np.nanmax(dice)
            answers = {"own": row["truth"], "centre": centre([row])[0]["scale"]}
            if "freed" in row and name not in INDIFFERENT:
                answers["freed"] = row["freed"]["scale"]
            for key, scale in answers.items():
                if scale is not None:
                    cells[key].append(float(np.interp(math.log2(scale), octaves, dice) / best))
            near_best = octaves[dice >= 0.95 * best]
            cells["wide"].append(float(near_best.max() - near_best.min()))
        told = [
            f"{np.median(cells[k]):.0%}, {min(cells[k]):.0%}" if cells[k] else "–"
            for k in ("own", "freed", "centre")
        ]
        lines.append(
            f"| {name} | " + " | ".join(told) + f" | {np.median(cells['wide']):.1f} | {len(rows)} |"
        )
    return lines


def write_csv(path: Path, by_witness: dict[str, list[Row]]) -> None:
    """One line a question: octaves from the truth, 90 % interval and verdict of both answers."""
    names = ("scale", "verdict", "interval", "misfit", "rise")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["witness", "place", "source", "truth", "lo", "hi", "answer", *names])
        for rows in by_witness.values():
            for row in rows:
                about = [row["witness"], row["place"], row["source"], row["truth"]]
                about += [row["scales"][0], row["scales"][-1]]
                for answer in ("plain", "freed"):
                    if answer in row:
                        told = [row[answer][name] for name in names]
                        table.writerow(map(rounded, [*about, answer, *told]))


def rounded(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(str(rounded(x)) for x in value)
    return round(value, 4) if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    by_witness: dict[str, list[Row]] = defaultdict(list)
    for text in (args.folder / "rows.jsonl").read_text().splitlines():
        row = json.loads(text)
        by_witness[row["witness"]].append(row)
    verdicts = Counter(
        row["freed"]["verdict"]
        for name, rows in by_witness.items()
        for row in rows
        if not _aside(name) and "freed" in row
    )
    page = [
        "`python -m benchmarks.witnesses.table build/witnesses --out "
        "benchmarks/results/witnesses.md` (benchmarks/witnesses/README.md)",
        "",
        "Errors in octaves. A case is one image, or one bundle of small ones, of a source that the "
        "witness never saw.",
        "",
        "## Fingerprint",
        "",
        *fingerprints(by_witness),
        "",
        "Verdicts, freed of colour: " + ", ".join(f"{k} × {n}" for k, n in verdicts.most_common()),
        "",
        "Median error by source, freed of colour:",
        "",
        *by_source(by_witness),
        "",
        "## What the outputs say",
        "",
        *outputs(by_witness),
        "",
        "## Dice against people's masks, as a share of the best: median, worst",
        "",
        *dice_kept(by_witness),
    ]
    args.out.write_text("\n".join(page) + "\n")
    write_csv(args.out.with_suffix(".csv"), by_witness)


if __name__ == "__main__":
    main()
