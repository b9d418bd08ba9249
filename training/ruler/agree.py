"""Whether rulers that have seen different laboratories disagree where they are wrong.

    python -m training.ruler.agree VOTES.npz VOTES.npz...

The files are answers about the same cases by rulers of one fold.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from training.ruler.table import COARSEST, SUREST, WITHIN, answers

Floats = NDArray[np.float64]


def errors(paths: list[Path]) -> Floats:
    """(R, C) octaves, of each ruler about each case that all of them answered."""
    told = [answers([path]) for path in paths]
    names = {tuple((line["file"], line["truth"]) for line in lines) for lines in told}
    if len(names) > 1:
        raise ValueError("these files are not about the same cases")
    found = [[line.get("answer", np.nan) - line["truth"] for line in lines] for lines in told]
    kept = np.array([line["truth"] <= COARSEST for line in told[0]])
    off = np.array(found)[:, kept]
    return off[:, ~np.isnan(off).any(0)]


def report(off: Floats) -> str:
    """What the mean of the answers comes to, and what their disagreement tells of it."""
    away, apart = np.abs(off.mean(0)), off.std(0)
    sure = away[np.argsort(apart)[: round(SUREST * len(apart))]]
    near, far = WITHIN[:2]
    alike = np.corrcoef(off)[np.triu_indices(len(off), 1)].round(2)
    return "\n".join(
        [
            *(f"ruler {n}: median {np.median(np.abs(one)):.2f}" for n, one in enumerate(off, 1)),
            f"mean of all: median {np.median(away):.2f}, {_share(away <= np.log2(near))} "
            f"within {near} ×",
            f"disagreement: median {np.median(apart):.3f} octave, rank correlation with the error "
            f"{spearmanr(apart, away).statistic:.2f}",
            f"the {100 * SUREST:.0f} % that agree best: {_share(sure <= np.log2(near))} within "
            f"{near} ×, {_share(sure > np.log2(far))} off by more than {far} ×",
            f"correlation of errors: {', '.join(map(str, alike))}",
        ]
    )


def _share(those: NDArray[np.bool_]) -> str:
    return f"{100 * those.mean():.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("votes", type=Path, nargs="+")
    print(report(errors(parser.parse_args().votes)))


if __name__ == "__main__":
    main()
