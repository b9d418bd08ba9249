"""Does `estimate` know when it knows? Data-free answers and verdicts on the model problem.

    python benchmarks/model_problem.py gather
    python benchmarks/model_problem.py tables

Networks of six training scales, three training seeds (those of seed 0 are shipped, the others lie
in benchmarks/networks, as far as they are trained) and two schedules look at slides in windows of
three octaves, whose centre lies 0.3 to 0.9 octaves off the right scale:

    mixed    slides of all 20 classes, in tiles as large as a patch at the right scale: genuine, an
             answer is due
    noise    white, blurred and coloured noise
    blank    bare glass with a scanner's noise
    random   mixed slides, after the network lost its weights and kept its BatchNorm statistics

and networks that were trained with scales between a quarter of theirs and four times that look at
the mixed slides (``indifferent``). Networks of one scale see the same slides. What they answered is
kept in build/model_problem, and tables are made from that, without torch:
benchmarks/results/model_problem_46_sites.md, or however many `--sites` are asked for, and
…_small.md where slides were `--small`.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from spread import near

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.judgement.estimate import estimate
from wsi_scale.judgement.evidence import Evidence, rise
from wsi_scale.known_scale.evaluate.chance import shuffle_scales
from wsi_scale.known_scale.evaluate.spread import median_interval
from wsi_scale.known_scale.thesis.names import SCALES
from wsi_scale.responses.record import Responses
from wsi_scale.slide.readers.synthetic import SyntheticSlide

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
HEAD = "| row | median abs. log2 error [90 %] | within 10 % | within 25 % | cases |"
BY_SCALE = "| trained at | median error | bias | ok | 90 % interval holds | median width | cases |"
OCTAVES = 3.0
SIDE = 67
"""Of a slide, in patches at the right scale: a slide is the same in network pixels at all scales,
and large, as slides are."""

SMALL_SIDE, SMALL_TILE = 20_000, 500
"""Of a slide with ``--small``, in level-0 px: at coarse scales patches lie over one another and
show many classes each, as the networks never saw them in training."""

SEEDS = (0, 1, 2)
SCHEDULES = ("decayed", "constant")
TURNS = {"figures": 40, "noise": 12, "blank": 12}
"""Slides of a sort for each training scale."""

ALL_ASKED = 12
"""So many of them are shown to all networks, the others to the genuine, decayed ones alone: how
often an interval holds the truth takes many slides to tell."""

CHOSEN_ON = 6
"""On the first so many slides of a scale, and networks of the seeds 0 and 1, it was chosen how wide
an interval is."""

KINDS = {"figures": ("mixed", "random", "indifferent"), "noise": ("noise",), "blank": ("blank",)}
"""What networks are asked about a slide of a sort."""


@dataclass(frozen=True)
class Scene:
    """One slide and the window it is looked at in."""

    sort: str
    scale: float
    turn: int
    small: bool = False

    @property
    def rng(self) -> np.random.Generator:
        sort = sorted(TURNS).index(self.sort)
        return np.random.default_rng([sort, round(self.scale * 10), self.turn])

    @property
    def window(self) -> tuple[float, float]:
        """Three octaves that hold the right scale, off their centre."""
        rng = self.rng
        centre = self.scale * 2 ** (rng.choice([-1, 1]) * rng.uniform(0.3, 0.9))
        return centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)

    def draw(self) -> SyntheticSlide | NDArray[np.uint8]:
        """What the networks are shown."""
        rng = self.rng
        if self.sort == "figures":
            seed = 50_000 + int(rng.integers(1_000_000))
            side, tile = round(SIDE * 224 * self.scale), 50 * round(224 * self.scale / 50)
            if self.small:
                side, tile = SMALL_SIDE, SMALL_TILE
            return SyntheticSlide.figures(seed=seed, width=side, height=side, tile=tile)
        side = min(round(self.window[1] * 224 * 1.3), 8000)
        if self.sort == "noise":
            return noise(rng, self.turn, side)
        side = min(side, 3000)  # glass is glass
        glass = rng.uniform(200, 255, 3) + rng.normal(0, 1.5, (side, side, 1))
        return np.clip(glass, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Case:
    """One network before one slide."""

    kind: str
    scene: Scene
    seed: int
    schedule: str = "decayed"

    @property
    def network(self) -> str:
        """Its name; the indifferent ones were all trained around 4."""
        if self.kind == "indifferent":
            return "figures-4-decayed-jitter-4"
        return f"figures-{self.scene.scale:g}-{self.schedule}"

    def kept(self, out: Path) -> Path:
        """Where its responses lie."""
        scene = f"{self.scene.scale:g}-{self.scene.turn:02}"
        return out / self.kind / f"seed{self.seed}-{self.schedule}-{scene}.npz"


def scenes(args: argparse.Namespace) -> Iterator[Scene]:
    """All slides, first one for every scale."""
    for sort in args.sorts:
        for turn in range(TURNS[sort]):
            yield from (Scene(sort, scale, turn, args.small) for scale in SCALES)


def cases(scene: Scene) -> Iterator[Case]:
    """Everything that is asked about one slide."""
    if scene.turn >= ALL_ASKED:
        yield from (Case("mixed", scene, seed) for seed in SEEDS)
        return
    for kind in KINDS[scene.sort]:
        for seed in SEEDS:
            schedules = SCHEDULES if kind == "mixed" else SCHEDULES[:1]
            yield from (Case(kind, scene, seed, schedule) for schedule in schedules)


def noise(rng: np.random.Generator, turn: int, side: int) -> NDArray[np.uint8]:
    """White, blurred or coloured noise by turns: ``side`` px square."""
    colours = 3 if turn % 3 == 2 else 1
    field = rng.standard_normal((side, side, colours), dtype=np.float32)
    if turn % 3:
        field = gaussian_filter(field, (rng.uniform(2, 12),) * 2 + (0,))
        field /= field.std()
    grey = 128 + rng.uniform(20, 70) * np.broadcast_to(field, (side, side, 3))
    return np.clip(grey, 0, 255).astype(np.uint8)


def find_card(case: Case, networks: Path) -> Path | None:
    """The card of a case's network; None while it is not trained."""
    from wsi_scale.known_scale.thesis.cards import card_of
    from wsi_scale.known_scale.thesis.names import FAMILY

    if case.seed == 0 and case.kind != "indifferent":
        return card_of(FAMILY[case.network], None)
    card = networks / f"seed{case.seed}" / case.network / "card.toml"
    return card if card.exists() else None


def gather(args: argparse.Namespace) -> None:
    """Measure what is not there yet; networks that are not trained yet are left for later."""
    from wsi_scale.plumbing.processes import in_processes

    jobs = []
    for scene in scenes(args):
        due = [(x, find_card(x, args.networks)) for x in cases(scene) if x.schedule in args.only]
        todo = [(case, card) for case, card in due if card and not is_kept(case, args.out)]
        if todo:
            jobs.append((scene, todo, args.sites, args.per_octave, args.out))
    for done, (job, _) in enumerate(in_processes(measure, jobs, args.workers), 1):
        print(f"{done} of {len(jobs)}: {job[0]}", file=sys.stderr, flush=True)


def is_kept(case: Case, out: Path) -> bool:
    kept = case.kept(out)
    return kept.exists() or kept.with_suffix(".blank").exists()


def measure(job: tuple[Scene, list[tuple[Case, Path]], int, int, Path]) -> None:
    """Cut one slide's pyramids once and show them to every network."""
    import torch

    from wsi_scale.errors import NoTissueError
    from wsi_scale.networks import load_network
    from wsi_scale.networks.untrained import random_weights
    from wsi_scale.pipeline.planning import plan_run
    from wsi_scale.pipeline.settings import Settings
    from wsi_scale.pipeline.visit_sites import measure_site, read_ahead
    from wsi_scale.responses.record import merge
    from wsi_scale.slide.readers import open_slide

    torch.set_num_threads(1)
    scene, todo, sites, per_octave, out = job
    settings = Settings(
        sites=sites, scales=scene.window, per_octave=per_octave, seed=scene.turn, dense=True
    )
    drawn = scene.draw()
    slide = drawn if isinstance(drawn, SyntheticSlide) else open_slide(drawn)
    try:
        run = plan_run(slide, load_network(str(todo[0][1]), device="cpu"), settings)
    except NoTissueError:
        run = None
    stacks = [] if run is None else list(read_ahead(run, run.sites))
    for case, card in todo:
        kept = case.kept(out)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if run is None:
            kept.with_suffix(".blank").touch()
            continue
        network = load_network(str(card), device="cpu")
        if case.kind == "random":
            network = random_weights(network, scene.turn)
        network.module.to(memory_format=torch.channels_last)
        asked = replace(run, network=network)
        merge([measure_site(asked, stack) for stack in stacks]).save(kept)


@dataclass(frozen=True)
class Row:
    """What `estimate` says in one case; scales in octaves from the right one."""

    kind: str
    schedule: str
    scale: float
    seed: int
    turn: int
    verdict: str
    octaves: float
    """Of the fingerprint, whatever the verdict; NaN where it has no answer."""
    low: float
    high: float
    centre: float
    shuffled: float
    misfit: float
    """Nats per channel left at the best scale."""
    rise: float
    """Nats per channel more an octave away."""

    @property
    def held(self) -> bool:
        return self.low <= 0 <= self.high


def judge(case: Case, out: Path) -> Row:
    """One saved case, judged as `estimate` judges it."""
    about = (case.kind, case.schedule, case.scene.scale, case.seed, case.scene.turn)
    centre = float(np.log2(np.sqrt(np.prod(case.scene.window)) / case.scene.scale))
    kept = case.kept(out)
    if not kept.exists():
        return Row(*about, "blank", np.nan, np.nan, np.nan, centre, *[np.nan] * 3)
    responses = Responses.load(kept)
    answer = estimate(responses, seed=case.scene.turn)
    dealt = shuffle_scales(responses, np.random.default_rng(case.scene.turn))
    says = (
        *((None, None) if answer.interval is None else answer.interval),
        fingerprint.prepare(dealt, Options())(np.ones(len(responses.sites))).scale,
    )
    off = [np.nan if x is None else float(np.log2(x / case.scene.scale)) for x in says]
    voice = answer.voices.get("fingerprint")
    said = np.nan if voice is None else float(np.log2(voice / case.scene.scale))
    plain = fingerprint.prepare(responses, Options())(np.ones(len(responses.sites)))
    gained = rise(Evidence("fingerprint", np.array(responses.grid.scales), plain, ()))
    left = np.nan if plain.misfit is None else plain.misfit
    return Row(*about, answer.verdict, said, off[0], off[1], centre, off[2], left, gained)


def tables(args: argparse.Namespace) -> None:
    """Judge everything that is kept, in as many processes as asked."""
    due = [x for scene in scenes(args) for x in cases(scene) if x.schedule in args.only]
    due = [case for case in due if is_kept(case, args.out)]
    with ProcessPoolExecutor(args.workers) as pool:
        rows = list(pool.map(judge, due, [args.out] * len(due), chunksize=8))
    name = f"model_problem_{args.sites}_sites" + ("_small" if args.small else "")
    with (RESULTS / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(vars(row) for row in rows)
    asked = f"--sites {args.sites} --per-octave {args.per_octave}"
    text = report(rows, asked + (" --small" if args.small else ""))
    (RESULTS / f"{name}.md").write_text(text)
    print(text)


def report(rows: list[Row], asked: str) -> str:
    lines = [f"`python benchmarks/model_problem.py tables {asked}`", ""]
    lines += ["Mixed slides, beside chance:", "", HEAD, "| --- | ---: | ---: | ---: | ---: |"]
    for schedule in SCHEDULES:
        mixed = [x for x in rows if (x.kind, x.schedule) == ("mixed", schedule)]
        if mixed:
            named = f"learning rate {schedule}"
            lines.append(line(f"fingerprint, {named}", mixed))
            fine = [x for x in mixed if x.verdict == "ok"]
            lines.append(line(f"the same, where it is ok, {named}", fine))
            lines.append(line(f"chance: window centre, {named}", mixed, "centre"))
            lines.append(line(f"chance: shuffled responses, {named}", mixed, "shuffled"))
    random = [x for x in rows if x.kind == "random"]
    if random:
        lines.append(line("chance: random weights", random))
    lines += ["", "By training scale, three training seeds together:", "", BY_SCALE]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for schedule in SCHEDULES:
        for scale in SCALES:
            here = [x for x in rows if (x.kind, x.schedule, x.scale) == ("mixed", schedule, scale)]
            if here:
                lines.append(of_scale(f"{scale:g}, {schedule}", here))
    lines += ["", *coverage(rows)]
    lines += ["", "Verdicts:", "", "| kind | cases | ok | others |", "| --- | ---: | ---: | --- |"]
    for kind in ("mixed", "noise", "blank", "random", "indifferent"):
        seen = [x.verdict for x in rows if x.kind == kind]
        if seen:
            others = Counter(x for x in seen if x != "ok").most_common()
            words = ", ".join(f"{verdict} × {count}" for verdict, count in others)
            share = seen.count("ok") / len(seen)
            lines.append(f"| {kind} | {len(seen)} | {share:.1%} | {words} |")
    lines += ["", "What the thresholds of `outside` and `flat` see, 5 to 95 % of cases:", ""]
    lines += ["| kind | nats left | nats an octave adds | ratio |", "| --- | --- | --- | --- |"]
    for kind in ("mixed", "noise", "random", "indifferent"):
        seen = [(x.misfit, x.rise) for x in rows if x.kind == kind and np.isfinite(x.misfit)]
        if seen:
            left, gained = np.array(seen).T
            spread = [np.quantile(x, [0.05, 0.95]) for x in (left, gained, gained / left)]
            cells = [f"{low:.2g} to {high:.2g}" for low, high in spread]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def line(name: str, rows: list[Row], column: str = "octaves") -> str:
    """One row: median with its 90 % bootstrap interval (slides, which several networks see, are
    drawn again), shares, count."""
    slides: dict[str, list[float]] = {}
    for row in rows:
        if np.isfinite(off := getattr(row, column)):
            slides.setdefault(f"{row.scale:g} {row.turn}", []).append(abs(off))
    error = np.concatenate(list(slides.values()))
    (low, high), within = median_interval(slides), near(error)
    return (
        f"| {name} | {np.median(error):.3f} [{low:.3f}, {high:.3f}] | {within[0]:.0%} | "
        f"{within[1]:.0%} | {len(error)} |"
    )


def coverage(rows: list[Row]) -> list[str]:
    """Whom the 90 % interval was chosen on, and how it does elsewhere."""
    out = ["| 90 % interval holds: learning rate, training seed, slides | "]
    out[0] += " | ".join(f"{scale:g}" for scale in SCALES) + " | all | cases |"
    out.append("| --- |" + " ---: |" * (len(SCALES) + 2))
    groups = (
        (f"first {CHOSEN_ON}", range(CHOSEN_ON)),
        (f"next {ALL_ASKED - CHOSEN_ON}", range(CHOSEN_ON, ALL_ASKED)),
        (f"last {TURNS['figures'] - ALL_ASKED}", range(ALL_ASKED, TURNS["figures"])),
    )
    for schedule in SCHEDULES:
        for seed in SEEDS:
            for name, turns in groups:
                mine = [
                    x for x in rows
                    if (x.kind, x.schedule, x.seed) == ("mixed", schedule, seed)
                    and x.turn in turns and np.isfinite(x.low)
                ]  # fmt: skip
                if mine:
                    parts = [[x.held for x in mine if x.scale == scale] for scale in SCALES]
                    cells = [f"{np.mean(held):.0%}" if held else "–" for held in parts]
                    cells += [f"{np.mean([x.held for x in mine]):.0%}", str(len(mine))]
                    what = f"{schedule}, seed {seed}, {name}"
                    out.append(f"| {what} | {' | '.join(cells)} |")
    return out


def of_scale(name: str, rows: list[Row]) -> str:
    error = np.array([x.octaves for x in rows])
    ok = np.mean([x.verdict == "ok" for x in rows])
    numbered = [x for x in rows if np.isfinite(x.low)]
    held = np.mean([x.held for x in numbered])
    width = np.median([x.high - x.low for x in numbered])
    return (
        f"| {name} | {np.median(np.abs(error)):.3f} | {np.median(error):+.3f} | {ok:.0%} | "
        f"{held:.0%} | {width:.2f} | {len(rows)} |"
    )


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("gather", "tables"))
    parser.add_argument("--networks", type=Path, default=ROOT / "benchmarks" / "networks")
    parser.add_argument("--sites", type=int, default=46)
    parser.add_argument("--per-octave", type=int, default=4, help="scales, as `estimate` ends with")
    parser.add_argument("--small", action="store_true", help="slides of 20 000 px, tiles of 500")
    parser.add_argument("--out", type=Path, help="default: in build/model_problem")
    parser.add_argument("--sorts", nargs="+", choices=TURNS, default=list(TURNS))
    parser.add_argument("--only", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    folder = f"{args.sites} sites" + (", small" if args.small else "")
    args.out = args.out or ROOT / "build" / "model_problem" / folder
    {"gather": gather, "tables": tables}[args.step](args)


if __name__ == "__main__":
    main()
