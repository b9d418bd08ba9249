"""The table of what rulers said of sources that they had not seen.

    python -m training.ruler.table VOTES.npz... --out results/NAME

writes NAME.json, a line for each case, and NAME.md, a row for each source.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from training.ruler.ask import answer
from training.ruler.evaluate import recall

WITHIN = (1.25, 1.6, 2.0)
SUREST = 0.7
"""Share of the cases."""
COARSEST = 2.0
"""log2 of 4 µm/px: what is coarser is not to be read, only to be called coarse."""
HEAD = "| source | cases | median | bias | ≤ 1.25 × | ≤ 1.6 × | ≤ 2 × | rank | constant |"
LEGEND = (
    "Median error and bias of log2 µm/px in octaves, shares in per cent. Rank: Spearman's between "
    "the spread of the fused votes and the error. Constant: median error of the best constant of "
    "all cases."
)


def answers(paths: list[Path]) -> list[dict]:
    """A line for each case, with what was said; cases without a vote say nothing."""
    lines = []
    for path in paths:
        for line, votes in zip(*recall(path), strict=True):
            found = answer(votes)
            line["votes"] = len(votes.octaves)
            if found is not None:
                line["answer"] = round(found.octaves, 3)
                line["spread"] = round(found.spread, 3)
                line["scatter"] = round(found.scatter, 3)
            lines.append(line)
    return lines


def row(name: str, lines: list[dict], constant: float) -> str:
    """What the lines come to, beside a constant answer in log2 µm/px."""
    lines = [line for line in lines if "answer" in line]
    truth = np.array([line["truth"] for line in lines])
    error = np.array([line["answer"] for line in lines]) - truth
    away = np.abs(error)
    shares = " | ".join(f"{100 * np.mean(away <= np.log2(w)):.0f}" for w in WITHIN)
    spread = [line["spread"] for line in lines]
    told = len(lines) > 5 and np.ptp(spread) > 0
    rank = f"{spearmanr(spread, away).statistic:.2f}" if told else "–"
    return (
        f"| {name} | {len(lines)} | {np.median(away):.2f} | {np.median(error):+.2f} | {shares} "
        f"| {rank} | {np.median(np.abs(truth - constant)):.2f} |"
    )


def surest(lines: list[dict]) -> str:
    """A sentence about the cases that the network is surest of."""
    lines = [line for line in lines if "answer" in line]
    lines = sorted(lines, key=lambda line: line["spread"])[: round(SUREST * len(lines))]
    away = np.array([abs(line["answer"] - line["truth"]) for line in lines])
    off = ", ".join(f"{100 * np.mean(away > np.log2(w)):.1f} % by more than {w} ×" for w in WITHIN)
    limit = f"the {100 * SUREST:.0f} % whose votes spread least (up to {lines[-1]['spread']:.2f})"
    return f"Of {limit}, {off.replace(' %', ' % are off', 1)}; median {np.median(away):.2f}."


def table(lines: list[dict]) -> str:
    """One row for each source and one for all cases; those too coarse to be read are counted."""
    coarse = [line for line in lines if line["truth"] > COARSEST]
    called = sum(line.get("answer", 0) > COARSEST - 0.3 for line in coarse)
    lines = [line for line in lines if line["truth"] <= COARSEST]
    names = sorted({line["source"] for line in lines})
    constant = float(np.median([line["truth"] for line in lines]))
    rows = [
        row(name, [line for line in lines if line["source"] == name], constant) for name in names
    ]
    told = [HEAD, "| --- |" + " ---: |" * 8, *rows, row("**all cases**", lines, constant)]
    told += ["", LEGEND, "", surest(lines)]
    if coarse:
        told += ["", f"Of {len(coarse)} cases coarser than 4 µm/px, {called} were called coarse."]
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("votes", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    lines = answers(args.votes)
    told = table(lines)
    print(told)
    if args.out:
        each = ",\n".join(json.dumps(line) for line in lines)
        args.out.with_suffix(".json").write_text(f"[\n{each}\n]\n")
        command = f"`python -m training.ruler.table {' '.join(sys.argv[1:])}`"
        args.out.with_suffix(".md").write_text(f"{told}\n\n{command}\n")


if __name__ == "__main__":
    main()
