"""How good profiles of the witnesses are on sources that their reference lacks.

    python -m benchmarks.witnesses.profile_table build/witnesses \\
        --out benchmarks/results/witness_profiles.md
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.witnesses.profiles import Told
from benchmarks.witnesses.table import OFF

HEAD = (
    "witness", "cases in the reference", "weights", "median error", "interval holds",
    "half width", "if it counts images", "`ok` before", "of these off by > 25 %", "`ok` now",
    "of these off", "own error told", "answers",
)  # fmt: skip


def profile_lines(told: list[Told]) -> list[str]:
    """ "all" is every witness."""
    told = [*told, *(replace(one, witness="**all**") for one in told)]
    lines = [f"| {' | '.join(HEAD)} |", "| --- |" + " --- |" * (len(HEAD) - 1)]
    groups: dict[tuple[str, str, str], list[Told]] = defaultdict(list)
    for one in told:
        few = "7" if one.cases < 15 else "15 or more"
        few += ", sources left out" if one.grouped else ""
        groups[(one.witness, few, "random" if one.random else "trained")].append(one)
    for names, some in sorted(groups.items()):
        off = np.median([abs(one.error) for one in some])
        before = [abs(one.error) for one in some if one.ok_before]
        now = [abs(one.error) for one in some if one.verdict == "ok"]
        known = [one for one in some if one.held is not None]
        cells = [*names, f"{off:.2f}", *_intervals(known)]
        for oks in (before, now):
            cells += [str(len(oks)), str(sum(x > OFF for x in oks))]
        cells += [f"{np.median([one.own for one in some]):.2f}", str(len(some))]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _intervals(known: list[Told]) -> list[str]:
    """How often the intervals hold, how wide they are, and how often others would hold."""
    if not known:
        return ["–"] * 3
    half, by_images = np.median([x.half for x in known]), np.mean([x.held_by_images for x in known])
    return [held_by_source(known), f"{half:.2f}", f"{by_images:.0%}"]


def held_by_source(known: list[Told]) -> str:
    """Share of intervals that hold the truth, and its 90 % interval from drawing sources anew."""
    by_source: dict[str, list[bool]] = defaultdict(list)
    for one in known:
        by_source[one.source].append(bool(one.held))
    groups, rng = list(by_source.values()), np.random.default_rng(0)
    drawn = (rng.integers(len(groups), size=len(groups)) for _ in range(500))
    shares = [np.mean(np.concatenate([groups[i] for i in chosen])) for chosen in drawn]
    low, high = np.quantile(shares, [0.05, 0.95])
    return f"{np.mean(np.concatenate(groups)):.0%} [{low:.0%}, {high:.0%}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    told = (args.folder / "profiles.jsonl").read_text().splitlines()
    page = [
        "`python -m benchmarks.witnesses.profile_table build/witnesses "
        "--out benchmarks/results/witness_profiles.md` "
        "(benchmarks/witnesses/README.md)",
        "",
        "Errors in octaves. *If it counts images*: the same intervals, if every image left out "
        "counts for itself, not its laboratory. *`ok` before*: without the rules that were chosen "
        "on this bench (fewer than 15 cases, fewer than three folders, a wide interval or one "
        "that reaches the window, a control that is as good). Answers called `flat` have no "
        "interval.",
        "",
        *profile_lines([Told(**one) for one in map(json.loads, told)]),
    ]
    args.out.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
