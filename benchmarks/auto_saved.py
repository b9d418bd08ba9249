"""Whether `auto` is as good as the better of its voices, on responses that were measured before.

    wsi-scale thesis reproduce --preset full --out thesis-full
    python benchmarks/auto_saved.py thesis-full

Slides are put together from what six networks answered about single test images of the model
problem: 46 sites of all 20 classes (mixed), or of one class, in a window of up to 3 octaves whose
centre lies 0.5 to 1 octave from the truth. The profile is calibrated on the training images of all
classes, or of the rectangles only. So of the two voices both can know the scale, or only one, or
neither:

    both        mixed slide, profile of all classes
    profile     slide of one class, profile of all classes
    fingerprint mixed slide, profile of the rectangles
    neither     slide of one class that is no rectangle, profile of the rectangles

Writes benchmarks/results/auto_saved.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from profile_figures import CLASSES, SHAPES, calibrated, load, plan_of
from sparing_saved import TRAINED_AT, window
from spread import near, told

from wsi_scale.estimators import Options
from wsi_scale.judgement.estimate import estimate
from wsi_scale.responses.record import Responses, merge

RESULT = Path(__file__).parent / "results" / "auto_saved.md"
SITES = 46
RECTANGLES = tuple(range(0, CLASSES, SHAPES))
OTHERS = tuple(kind for kind in range(CLASSES) if kind not in RECTANGLES)
KNOWING = ("both", "profile", "fingerprint", "neither")
VOICES = ("profile", "fingerprint", "auto")


@dataclass(frozen=True)
class Row:
    """One slide; errors in octaves, NaN where a voice has no answer."""

    knowing: str
    truth: float
    followed: str
    verdict: str
    error: dict[str, float]
    centre: float


def ask(job: tuple[Path, float, int, int]) -> list[Row]:
    """All slides of one network."""
    folder, truth, draws, seed = job
    network = f"figures-{truth:g}-decayed"
    plan = plan_of(folder, 0)
    train, test = (load(plan, network, split) for split in ("train", "test"))
    profiles = {
        wide: calibrated(network, train, range(CLASSES) if wide else RECTANGLES)
        for wide in (True, False)
    }
    rows = []
    for number, knowing in enumerate(KNOWING):
        for draw in range(draws):
            rng = np.random.default_rng([seed, round(10 * truth), number, draw])
            if knowing in ("both", "fingerprint"):
                images = [test[kind][draw % len(test[kind])] for kind in range(CLASSES)]
            else:
                images = test[int(rng.choice(OTHERS))]
            lo, hi = window(truth, rng)
            whole = merge(images).between(lo, hi)
            seen = whole.of_sites(rng.permutation(len(whole.sites))[:SITES])
            options = Options(profile=profiles[knowing in ("both", "profile")])
            rows.append(judge(seen, options, knowing, truth, seed=draw))
    print(network, file=sys.stderr, flush=True)
    return rows


def judge(seen: Responses, options: Options, knowing: str, truth: float, seed: int) -> Row:
    """What `auto` makes of one slide, and what its voices say."""
    answer = estimate(seen, options=options, seed=seed)
    said = {name: answer.voices.get(name) for name in VOICES[:2]}
    said["auto"] = answer.voices[answer.estimator]
    error = {
        name: np.nan if scale is None else float(abs(np.log2(scale / truth)))
        for name, scale in said.items()
    }
    scales = seen.grid.scales
    centre = float(abs(np.log2(np.sqrt(scales[0] * scales[-1]) / truth)))
    return Row(knowing, truth, answer.estimator, answer.verdict, error, centre)


def report(rows: list[Row], command: str) -> str:
    out = [f"`{command}`", ""]
    head = ("who can know", "row", "median error, octaves [90 %]", "within 10 %", "within 25 %")
    out += [f"| {' | '.join((*head, 'cases'))} |", "| --- | --- |" + " ---: |" * 4]
    for knowing in KNOWING:
        mine = [row for row in rows if row.knowing == knowing]
        for name in VOICES:
            out.append(line(knowing, name, [row.error[name] for row in mine]))
        best = [float(np.nanmin([row.error[x] for x in VOICES[:2]])) for row in mine]
        out.append(line(knowing, "the better voice, chosen knowing the truth", best))
        out.append(line(knowing, "chance: window centre", [row.centre for row in mine]))
    out += ["", "| who can know | `auto` followed | verdicts | worst `ok`, octaves |"]
    out += ["| --- | --- | --- | ---: |"]
    for knowing in KNOWING:
        mine = [row for row in rows if row.knowing == knowing]
        counts = [
            ", ".join(f"{name} × {count}" for name, count in Counter(words).most_common())
            for words in ([row.followed for row in mine], [row.verdict for row in mine])
        ]
        sure = [row.error["auto"] for row in mine if row.verdict == "ok"]
        worst = f"{max(sure):.2f}" if sure else "–"
        out.append(f"| {knowing} | {counts[0]} | {counts[1]} | {worst} |")
    out += ["", "Error of `auto` less that of each voice, mean of pairs [90 %], octaves:", ""]
    out += ["| who can know | less profile's | less fingerprint's |", "| --- | --- | --- |"]
    for knowing in KNOWING:
        mine = [row for row in rows if row.knowing == knowing]
        cells = [against([r.error["auto"] - r.error[x] for r in mine]) for x in VOICES[:2]]
        out.append(f"| {knowing} | {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def line(knowing: str, name: str, errors: list[float]) -> str:
    known = np.array([x for x in errors if np.isfinite(x)])
    within = near(known)
    return (
        f"| {knowing} | {name} | {told(known)} | {within[0]:.0%} | {within[1]:.0%} | {len(known)} |"
    )


def against(differences: list[float]) -> str:
    return told(np.array([x for x in differences if np.isfinite(x)]), np.mean, "+.3f")


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    jobs = [(args.folder, truth, args.draws, args.seed) for truth in TRAINED_AT]
    with ProcessPoolExecutor(args.workers) as pool:
        rows = [row for some in pool.map(ask, jobs) for row in some]
    shown = f"thesis-full --draws {args.draws} --seed {args.seed}"
    text = report(rows, f"python benchmarks/auto_saved.py {shown}")
    RESULT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
