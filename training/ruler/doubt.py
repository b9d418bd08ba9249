"""Learns how far the ruler's readings may be off, from laboratories that it has not seen.

    python -m training.ruler.doubt VOTES.npz... --out FOLDER

The votes are of networks that had not seen the images' sources (evaluate.py), one file a fold. The
doubt of a reading is a Laplace width that depends on what speaks against it; intervals are as wide
as errors were, in doubts, and ``ok`` ends where too many readings were off. Every source counts the
same, whatever its number of images, and so does every case of it. What is claimed is shown on a
fold whose errors nothing was chosen on: for each fold the doubt of the others is asked. What is
kept, ``doubt.json``, is learnt on all of them; ``results.json`` holds a line for each case. If the
answers called ``ok`` were not right often enough there, the ruler is not given the word.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from math import log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from training.ruler.evaluate import recall

from wsi_scale.pixel_size.judge import Doubt, features, judge
from wsi_scale.pixel_size.votes import Votes, read_votes

Array = NDArray[np.float64]

READABLE = 2.0
"""log2 of 4 µm/px: what is coarser cannot be read, only called coarse."""
LEVELS = ("0.9", "0.98")
BAD = ((1.25, 0.05), (1.6, 0.005))
"""Of the answers called ``ok`` at most these shares may be off by more than these factors."""
RIDGE = 0.02


@dataclass(frozen=True)
class Case:
    """One image in one size, and what the ruler said of it."""

    line: dict
    votes: Votes
    fold: str

    @property
    def truth(self) -> float:
        return float(self.line["truth"])

    @property
    def nuclei(self) -> float | None:
        return None if self.line["nuclei"] is None else float(self.line["nuclei"])


def cases_of(paths: list[Path]) -> list[Case]:
    """Cases with an answer that has a known truth the ruler can read."""
    return [
        Case(line, votes, path.stem)
        for path in paths
        for line, votes in zip(*recall(path), strict=True)
        if line["truth"] <= READABLE and line["sure"]
    ]


def weights_of(cases: list[Case]) -> Array:
    """Each source alike, and each known case of a source alike."""
    sources = [c.line["source"] for c in cases]
    slides = [(c.line["source"], c.line["case"], by_image(c)) for c in cases]
    found = []
    for source, slide in zip(sources, slides, strict=True):
        of_source = {x for x in slides if x[0] == source}
        found.append(1 / len(of_source) / slides.count(slide))
    return np.array(found) / sum(found)


def by_image(case: Case) -> str:
    """The image, if its source does not say which case it is of."""
    return case.line["file"] if case.line["case"].startswith("unknown") else ""


def learn(cases: list[Case]) -> Doubt:
    """The doubt that these cases teach."""
    readings = [read_votes(case.votes) for case in cases]
    kept = [(c, r) for c, r in zip(cases, readings, strict=True) if r and r.bound is None]
    cases = [case for case, _ in kept]
    each = [features(reading, case.nuclei) for case, reading in kept]
    names = list(each[0])
    found = np.array([[one[name] for name in names] for one in each])
    away = np.array([abs(reading.octaves - case.truth) for case, reading in kept])
    weights = weights_of(cases)
    middle, spread = found.mean(0), found.std(0) + 1e-6
    even = (found - middle) / spread

    def loss(w: Array) -> float:
        log_width = w[0] + even @ w[1:]
        fit = weights @ (log_width + away * np.exp(-log_width))
        return float(fit + RIDGE * (w[1:] ** 2).sum())

    more_is_worse = [(None, None), *[(0, None)] * len(names)]
    start = np.r_[-1.5, np.zeros(len(names))]
    best = minimize(loss, start, method="L-BFGS-B", bounds=more_is_worse).x
    plain = best[1:] / spread
    draft = Doubt(
        constant=float(best[0] - plain @ middle),
        weights=dict(zip(names, map(float, plain), strict=True)),
        half={"0.9": 1.0, "0.98": 1.0},
        ok_below=1e9,
    )
    doubts = np.array([draft.of(reading, case.nuclei) for case, reading in kept])
    half = {level: quantile(away / doubts, weights, float(level)) for level in LEVELS}
    fine = np.array([judge(c.votes, c.nuclei, (), draft).verdict == "ok" for c in cases])
    end = ok_end(doubts[fine], away[fine], weights[fine] / weights.sum())
    return draft.model_copy(update={"half": half, "ok_below": end})


def quantile(values: Array, weights: Array, level: float) -> float:
    """The value that a share ``level`` of the weights does not exceed."""
    order = np.argsort(values)
    heaped = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(np.searchsorted(heaped, level), len(values) - 1)])


def ok_end(doubts: Array, away: Array, weights: Array) -> float:
    """The doubt below which answers are right often enough; below all of them if none is."""
    order = np.argsort(doubts)
    heaped = np.cumsum(weights[order])
    fine = np.ones(len(order), bool)
    for factor, share in BAD:
        wrong = np.cumsum(weights[order] * (away[order] > log2(factor)))
        fine &= wrong <= share * heaped
    last = np.flatnonzero(fine)
    return float(doubts[order][last[-1]]) + 1e-9 if len(last) else 0.0


def shown(cases: list[Case]) -> list[dict]:
    """A line for each case, judged by the doubt that the other folds teach."""
    lines = []
    for fold in dict.fromkeys(case.fold for case in cases):
        doubt = learn([case for case in cases if case.fold != fold])
        for case in cases:
            if case.fold == fold:
                lines.append(case.line | {"fold": fold} | line_of(case, doubt))
    return lines


def line_of(case: Case, doubt: Doubt) -> dict:
    """What is said of a case, in octaves."""
    size = judge(case.votes, case.nuclei, (), doubt)
    line: dict = {"verdict": size.verdict, "patches": size.patches}
    if size.mpp is not None and size.interval is not None:
        line["error"] = round(log2(size.mpp) - case.truth, 3)
        line["half"] = round(log2(size.interval[1] / size.mpp), 3)
    if size.mpp is not None and size.surely is not None:
        line["sure_half"] = round(log2(size.surely[1] / size.mpp), 3)
    return line


def earned(lines: list[dict]) -> bool:
    """Whether ``ok`` meant what it says on the folds from which its end was not learnt."""
    away = np.array([abs(line["error"]) for line in lines if line["verdict"] == "ok"])
    return (
        all(np.mean(away > log2(factor)) <= share for factor, share in BAD) if len(away) else False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("votes", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = cases_of(args.votes)
    lines = shown(cases)
    doubt, note = learn(cases), "`ok` is earned: it held on folds that were not learnt from."
    if not earned(lines):
        doubt = doubt.model_copy(update={"ok_below": 0.0})
        wrong = [abs(x["error"]) > log2(BAD[0][0]) for x in lines if x["verdict"] == "ok"]
        note = (
            "`ok` is not earned, so the ruler does not say it: of "
            f"{len(wrong)} answers of {len(lines)} that a rule learnt on the other folds called "
            f"`ok`, {np.mean(wrong):.0%} were off by more than {BAD[0][0]} ×; at most "
            f"{BAD[0][1]:.0%} may be."
        )
        lines = [x | {"verdict": "ambiguous"} if x["verdict"] == "ok" else x for x in lines]
    print(note)
    (args.out / "ok.md").write_text(note + "\n")
    each = ",\n".join(json.dumps(line) for line in lines)
    (args.out / "results.json").write_text(f"[\n{each}\n]\n")
    (args.out / "doubt.json").write_text(doubt.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
