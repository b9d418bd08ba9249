r"""How well a calibrated profile finds the scale on the model problem, from saved responses.

    wsi-scale thesis reproduce --preset full --out thesis-full
    python benchmarks/profile_figures.py gather --seed 1 --out build/profile_figures/seed1
    python benchmarks/profile_figures.py gather --seed 2 --out build/profile_figures/seed2 \
        --only decayed
    python benchmarks/profile_figures.py tables thesis-full build/profile_figures/seed*

Calibrated on the training images of all 20 classes (10 of each, one pyramid each), asked about the
test images, in windows whose middle is not the answer. One class = the pyramids of its five test
images, 50 of the networks of training seed 0 and 10 of the others; one pyramid = a slide looked at
in one place, as the reference was, which is what the interval is for. Beside it: chance (window
centre, responses shuffled over the scales), the same network with random weights, calibrated
alike, which legitimately measures something, and classes that the reference lacked: each colour
and each shape left out of it in turn.

Writes benchmarks/results/profile_figures.csv (classes) and .md (all).
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wsi_scale.estimators import Options
from wsi_scale.estimators.profile_file import About, Profile, keys_of
from wsi_scale.geometry import ScaleGrid
from wsi_scale.judgement.estimate import estimate
from wsi_scale.known_scale.calibrate import Sample, fit_profile
from wsi_scale.known_scale.evaluate.chance import shuffle_scales
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.known_scale.thesis.plan import PRESETS, THESIS_GRID, Plan, Preset, response_file
from wsi_scale.known_scale.thesis.thesis_windows import ScaleEnds, is_centred, middle, windows_of
from wsi_scale.responses.record import Responses, merge

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PER_OCTAVE = 8
SCHEDULES = ("decayed", "constant")
LIGHT = Preset(per_image=2, fewer_per_image=2, references=10)
"""How much the networks of the seeds 1 and 2 see."""

CLASSES = 20
COLOURS, SHAPES = 5, 4


@dataclass(frozen=True)
class Row:
    """One answer."""

    seed: int
    """Of the network's training."""
    network: str
    row: str
    what: str
    """``class``, ``image`` or ``pyramid``."""
    lo: float
    hi: float
    octaves: float
    """Signed error; NaN for none."""
    held: bool | None = None
    """Whether the 90 % interval holds the truth."""
    width: float | None = None
    """Of the interval, in octaves."""
    verdict: str = ""


def thinned(responses: Responses) -> Responses:
    """About PER_OCTAVE scales an octave, as `estimate` would ask, out of the thesis's 95."""
    scales = np.array(responses.grid.scales)
    count = int(np.log2(scales[-1] / scales[0]) * PER_OCTAVE) + 1
    wished = scales[0] * 2 ** (np.arange(count) / PER_OCTAVE)
    kept = np.unique([int(np.argmin(np.abs(scales - w))) for w in wished])
    return responses.at_scales([int(i) for i in kept])


def plan_of(folder: Path, seed: int) -> Plan:
    """What the networks of one training seed are asked: those of seed 0 by `thesis reproduce`, the
    others at PER_OCTAVE scales an octave."""
    if seed == 0:
        return Plan(folder, PRESETS["full"], grid=THESIS_GRID)
    trained = ROOT / "benchmarks" / "networks" / f"seed{seed}"
    names = [name for name in FAMILY if (trained / name / "card.toml").exists()]
    grid = ScaleGrid.geometric(0.5, 9.9, PER_OCTAVE)
    return Plan(folder, LIGHT, networks=tuple(names), grid=grid, trained=trained)


def gather(seed: int, out: Path, only: Sequence[str], workers: int) -> None:
    """Ask the networks of one training seed about every image, as `thesis reproduce` does."""
    from wsi_scale.known_scale.thesis.measure_images import gather as ask_networks

    plan = plan_of(out, seed)
    names = tuple(name for name in plan.networks if FAMILY[name].schedule in only)
    ask_networks(
        replace(plan, networks=names),
        workers,
        lambda step, done, count: print(f"{step}: {done} of {count}", file=sys.stderr, flush=True),
    )


def load(plan: Plan, network: str, split: str) -> list[list[Responses]]:
    """By class and image."""
    out = []
    for kind in range(CLASSES):
        files = [response_file(plan, network, split, kind, n) for n in range(10)]
        out.append([thinned(Responses.load(path)) for path in files if path.exists()])
    return out


def calibrated(network: str, train: Sequence[Sequence[Responses]], kinds: Sequence[int]) -> Profile:
    """A profile from the training images of some classes."""
    samples = [
        Sample(f"{kind}-{number}", FAMILY[network].scale, one)
        for kind in kinds
        for number, one in enumerate(train[kind])
    ]
    about = About(
        network=network, sha256=None, input_size=224, layers=keys_of(samples[0].responses), sites=1,
        jitters=0, strength=0.0, images=(), version="0", seed=0,
    )  # fmt: skip
    return fit_profile(samples, about)


def ask(seed: int, network: str, plan: Plan) -> Iterator[Row]:
    """Everything one network is asked."""
    member = FAMILY[network]
    train, test = load(plan, network, "train"), load(plan, network, "test")
    profile = calibrated(network, train, range(CLASSES))
    name = "random weights" if member.random else "profile"
    windows = [w for w in windows_of(plan.grid, member.scale) if not is_centred(w, member.scale)]
    strangers = {} if member.random else dict(left_out(network, train))
    rng = np.random.default_rng([plan.seed, 11])
    for window in windows:
        for kind in range(CLASSES):
            cut = [one.between(*window) for one in test[kind]]
            yield pooled(seed, network, name, window, profile, cut)
            if member.random:
                continue
            yield from single(seed, network, window, profile, cut)
            stranger = strangers[kind]
            yield pooled(seed, network, "class unseen in calibration", window, stranger, cut)
            noise = [shuffle_scales(one, rng) for one in cut]
            yield pooled(seed, network, "chance: shuffled responses", window, profile, noise)
            off = float(np.log2(middle(window) / member.scale))
            yield Row(seed, network, "chance: window centre", "class", *window, off)


def left_out(network: str, train: Sequence[Sequence[Responses]]) -> Iterator[tuple[int, Profile]]:
    """For every class a profile that never saw its colour, nor its shape."""
    for kind in range(CLASSES):
        colour, shape = divmod(kind, SHAPES)
        others = [k for k in range(CLASSES) if k // SHAPES != colour and k % SHAPES != shape]
        yield kind, calibrated(network, train, others)


def pooled(
    seed: int,
    network: str,
    name: str,
    window: ScaleEnds,
    profile: Profile,
    parts: Sequence[Responses],
) -> Row:
    """One answer from all pyramids of a class."""
    options = Options(profile=profile)
    judged = estimate(merge(list(parts)), estimator="profile", options=options, resamples=0)
    answer = judged.voices["profile"]
    off = np.nan if answer is None else float(np.log2(answer / FAMILY[network].scale))
    return Row(seed, network, name, "class", *window, off, verdict=judged.verdict)


def single(
    seed: int, network: str, window: ScaleEnds, profile: Profile, images: Sequence[Responses]
) -> Iterator[Row]:
    """One answer from every pyramid by itself, judged as a slide is."""
    truth = FAMILY[network].scale
    for image in images:
        for site in range(len(image.sites)):
            one = image.of_sites([site])
            judged = estimate(one, estimator="profile", options=Options(profile=profile))
            if judged.scale is None or judged.interval is None:
                yield Row(
                    seed, network, "profile", "pyramid", *window, np.nan, verdict=judged.verdict
                )
                continue
            low, high = judged.interval
            off, width = np.log2(judged.scale / truth), np.log2(high / low)
            held = bool(low <= truth <= high)
            yield Row(
                seed, network, "profile", "pyramid", *window, float(off), held, float(width),
                judged.verdict,
            )  # fmt: skip


def line(name: str, rows: Sequence[Row]) -> str:
    """One line of the table."""
    off = np.abs([row.octaves for row in rows])
    wrong = [row for row in rows if row.verdict and not abs(row.octaves) <= np.log2(1.25)]
    cells = [
        name,
        f"{np.nanmedian(off):.3f}",
        f"{np.mean(off <= np.log2(1.1)):.0%}",
        f"{np.mean(off <= np.log2(1.25)):.0%}",
        str(len(rows)),
        "–" if not rows[0].verdict else f"{np.mean([row.verdict == 'ok' for row in rows]):.0%}",
        "–" if not wrong else f"{np.mean([row.verdict == 'ok' for row in wrong]):.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def report(rows: Sequence[Row], command: str) -> str:
    """The Markdown page."""
    pyramids = "50 pyramids (10 of random weights, and of training seeds 1 and 2)"
    out = [f"`{command}`", "", f"One class at a time, its {pyramids}:", ""]
    head = "median abs. log2 error | within 10 % | within 25 % | answers | called ok | "
    head += "called ok though over 25 % off |"
    out += [f"| row | {head}", "| --- |" + " ---: |" * 6]
    for name in dict.fromkeys(row.row for row in rows if row.what == "class"):
        out.append(line(name, [row for row in rows if (row.row, row.what) == (name, "class")]))
    out += ["", "Classes within 10 %, of 20, in the worse of its windows, and the interval of a "]
    out[-1] += "single pyramid:"
    titles = ("network", "classes within 10 %", "median error", "holds the truth", "median width")
    out += ["", "| " + " | ".join((*titles, "ok")) + " |", "| --- |" + " ---: |" * 5]
    for seed, network in dict.fromkeys((x.seed, x.network) for x in rows if x.row == "profile"):
        mine = [row for row in rows if (row.seed, row.network) == (seed, network)]
        out.append(of_network(f"seed {seed}, {network}", mine))
    return "\n".join(out) + "\n"


def of_network(name: str, rows: Sequence[Row]) -> str:
    """One line: accuracy by class, and the interval of single pyramids."""
    mine = [row for row in rows if row.row == "profile"]
    classes = [row for row in mine if row.what == "class"]
    near = Counter((row.lo, row.hi) for row in classes if abs(row.octaves) <= np.log2(1.1))
    worst = min(near[row.lo, row.hi] for row in classes)
    alone = [row for row in mine if row.what == "pyramid"]
    held = [row.held for row in alone if row.held is not None]
    cells = [
        name,
        str(worst),
        f"{np.median(np.abs([row.octaves for row in classes])):.3f}",
        f"{np.mean(held):.1%} of {len(held)}",
        f"{np.median([row.width for row in alone if row.width is not None]):.2f}",
        f"{np.mean([row.verdict == 'ok' for row in alone]):.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def tables(folders: Sequence[Path]) -> None:
    """Judge what lies in the folders, the networks of training seed 0 first."""
    rows: list[Row] = []
    for folder in folders:
        named = re.fullmatch(r"seed(\d+)", folder.name)
        seed = int(named[1]) if named else 0
        plan = plan_of(folder, seed)
        for network in plan.networks:
            asked = (plan.out / "responses" / network).is_dir()
            if asked and not FAMILY[network].wide:
                rows += ask(seed, network, plan)
                print(seed, network, file=sys.stderr, flush=True)
    with (RESULTS / "profile_figures.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ("seed", "network", "row", "what", "lo", "hi", "octaves", "verdict")
        writer.writerow(columns)
        whole = [row for row in rows if row.what == "class"]  # 20 000 pyramids are in the .md
        writer.writerows([[getattr(row, column) for column in columns] for row in whole])
    names = " ".join(folder.name for folder in folders)
    text = report(rows, f"python benchmarks/profile_figures.py tables {names}")
    (RESULTS / "profile_figures.md").write_text(text, encoding="utf-8")


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    step = parser.add_subparsers(dest="step", required=True)
    ask_step = step.add_parser("gather")
    ask_step.add_argument("--seed", type=int, required=True, choices=(1, 2))
    ask_step.add_argument("--out", type=Path, required=True)
    ask_step.add_argument("--only", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    ask_step.add_argument("--workers", type=int, default=2)
    table_step = step.add_parser("tables")
    table_step.add_argument("folders", type=Path, nargs="+")
    args = parser.parse_args()
    if args.step == "gather":
        gather(args.seed, args.out, args.only, args.workers)
    else:
        tables(args.folders)


if __name__ == "__main__":
    main()
