"""Many slides through a Dask cluster that is shot at: every slide exactly one row.

    python benchmarks/batch_faults.py --slides 1000 --seed 0

Draws slides of seven kinds, 2 % of them bad in ten ways, starts a scheduler and two workers, and
hands them to `wsi-scale batch --scheduler`. Workers are killed (SIGKILL) at random moments; after a
third of the rows batch, scheduler and workers are killed all at once and the batch is resumed;
after two thirds the scheduler alone is killed and comes back. Then rows are counted, reasons looked
at, and memory. The last is written to benchmarks/results/batch_faults.md unless --check is given.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import tifffile
from PIL import Image

from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.testing import write_pyramid_tiff

HERE = Path(__file__).parent
MINUTES = "1"  # for a slide; a starved machine takes a hundred times as long as an idle one
NETWORK = "faulty:build?input_size=64"
OPTIONS = (
    *("--network", NETWORK, "--sites", "4", "--scales", "1:4", "--per-octave", "2"),
    *("--memory", "1.5", "--minutes", MINUTES, "--device", "cpu"),
)
SIDE = (420, 360)

BAD = {
    "missing": "there is no file",
    "empty": "is empty",
    "text": "no reader can open",
    "truncated": "is a damaged TIFF",
    "garbled": "could be read|cannot|could not",
    "tiny": "too small",
    "folder": "is a folder",
    "crash": "SIGSEGV",
    "memory": "held more than 1.5 GiB",
    "endless": f"did not finish within {MINUTES} min",
}
"""Ways to be bad, and what the reason must say."""

SLOW = ("crash", "memory", "endless")
"""Of these a process dies or waits, which takes many times as long as a slide."""

PURE = {"crash": (255, 0, 0), "memory": (0, 255, 0), "endless": (0, 0, 255)}
GOOD = ("zlib tiff", "jpeg tiff", "png", "jpeg", "figures", "tissue", "white")


def make_slides(folder: Path, count: int, seed: int, ways: list[str]) -> dict[str, tuple[str, str]]:
    """Draw the slides, the bad ones in these ways; path -> (cohort, kind)."""
    rng = random.Random(seed)
    pictures = []
    for number in range(8):
        drawn = SyntheticSlide.figures(seed=number, stretch=0.5, width=SIDE[0], height=SIDE[1])
        pictures.append(drawn.read(0, 0, 0, *SIDE))
    bad = max(len(ways), round(count * 0.02))
    kinds = [ways[i % len(ways)] for i in range(bad)]
    kinds += [GOOD[i % len(GOOD)] for i in range(count - bad)]
    rng.shuffle(kinds)
    made = {}
    for number, kind in enumerate(kinds):
        cohort = f"cohort {number % 5}"
        name = _make(folder / f"{number:05}", kind, pictures[number % 8], seed + number)
        made[name] = (cohort, kind)
    return made


def _make(stem: Path, kind: str, picture: np.ndarray, seed: int) -> str:
    width, height = SIDE
    if kind in ("figures", "tissue"):
        stretch = "&stretch=0.5" if kind == "figures" else "&mpp=0.5"
        return f"synthetic:{kind}?seed={seed}&width={width}&height={height}{stretch}"
    path = stem.with_suffix(".tif" if kind in ("truncated", "garbled") else ".png")
    if kind.endswith("tiff"):
        how = "jpeg" if kind == "jpeg tiff" else "zlib"
        path = write_pyramid_tiff(stem.with_suffix(".tif"), picture, mpp=0.5, compression=how)
    elif kind == "png":
        Image.fromarray(picture).save(path)
    elif kind == "jpeg":
        path = stem.with_suffix(".jpg")
        Image.fromarray(picture).save(path)
    elif kind == "white":
        Image.new("RGB", SIDE, (255, 255, 255)).save(path)
    elif kind in PURE:
        Image.new("RGB", SIDE, PURE[kind]).save(path)
    elif kind == "tiny":
        Image.new("RGB", (40, 30), (90, 60, 120)).save(path)
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no picture")
    elif kind == "folder":
        path = stem
        path.mkdir()
    elif kind == "truncated":
        write_pyramid_tiff(path, picture)
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "garbled":
        write_pyramid_tiff(path, picture, compression="jpeg")
        _garble(path)
    return str(path)


def _garble(path: Path) -> None:
    """Overwrite every tile; the headers stay."""
    with tifffile.TiffFile(path) as tiff:
        places = [
            place
            for page in tiff.pages
            for place in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
    with path.open("r+b") as file:
        for offset, length in places:
            file.seek(offset)
            file.write(b"\x5a" * length)


class Cluster:
    """A scheduler and workers, as one starts them by hand; what ends is started again."""

    def __init__(self, folder: Path, workers: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.folder, self.workers, self.killed = folder, workers, 0
        self.log = (folder / "cluster.log").open("ab")
        self.scheduler = self._scheduler()
        self.nannies = [self._worker() for _ in range(workers)]

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            stdout=self.log,
            stderr=self.log,
            cwd=self.folder,
        )

    def _scheduler(self) -> subprocess.Popen[bytes]:
        place = ("--host", "127.0.0.1", "--port", str(self.port))
        return self._start("scheduler", *place, "--no-dashboard")

    def _worker(self) -> subprocess.Popen[bytes]:
        words = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        return self._start("worker", self.address, *words)

    def tend(self) -> None:
        """Start again what has ended, as SLURM and Kubernetes do."""
        if self.scheduler.poll() is not None:
            self.scheduler = self._scheduler()
        self.nannies = [x if x.poll() is None else self._worker() for x in self.nannies]

    def kill_worker(self, rng: random.Random) -> None:
        """Kill one worker under its nanny, which starts another."""
        found = []
        for nanny in self.nannies:
            try:
                found += psutil.Process(nanny.pid).children()
            except psutil.NoSuchProcess:
                continue
        running = [x for x in found if "spawn_main" in " ".join(_words(x))]
        if running:
            rng.choice(running).kill()
            self.killed += 1

    def kill(self) -> None:
        """Kill everything at once."""
        for process in (self.scheduler, *self.nannies):
            for child in _below(process.pid):
                child.kill()
            process.kill()
            process.wait()


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def start_batch(folder: Path, out: Path, address: str) -> subprocess.Popen[bytes]:
    """The command, as a user types it; resuming is no different from beginning."""
    words = ("batch", str(folder / "slides.csv"), "--out", str(out), "--scheduler", address)
    with (folder / "batch.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "wsi_scale.cli", *words, "--resume", *OPTIONS],
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def count_rows(out: Path) -> int:
    """Whole rows so far, wherever they are kept."""
    file, parts = out, 0
    if out.suffix == ".parquet":
        file = out / "_journal.jsonl"
        parts = sum(pq.read_metadata(part).num_rows for part in out.glob("part-*"))
    return parts + (file.read_bytes().count(b"\n") if file.exists() else 0)


def shoot(folder: Path, out: Path, total: int, workers: int, every: float, seed: int) -> dict:
    """Run the batch to its end among all that is done to it."""
    rng = random.Random(seed)
    cluster = Cluster(folder, workers)
    batch = start_batch(folder, out, cluster.address)
    started = time.monotonic()
    next_shot = rng.expovariate(1 / every)
    told = {"all": 0, "scheduler": 0}
    try:
        while batch.poll() is None:
            time.sleep(0.3)
            rows = count_rows(out)
            if not told["all"] and rows >= total / 3:
                batch.kill()
                batch.wait()
                cluster.kill()
                told["all"] = rows
                cluster.tend()
                batch = start_batch(folder, out, cluster.address)
            elif told["all"] and not told["scheduler"] and rows >= total * 2 / 3:
                cluster.scheduler.kill()
                cluster.scheduler.wait()
                told["scheduler"] = rows
                time.sleep(2)
            elif rows > next_shot:
                cluster.kill_worker(rng)
                next_shot = rows + rng.expovariate(1 / every)
            cluster.tend()
    finally:
        if batch.poll() is None:
            batch.send_signal(signal.SIGKILL)
        cluster.kill()
    told |= {"workers": cluster.killed, "code": batch.returncode}
    return told | {"seconds": time.monotonic() - started}


def check(rows: list[dict], made: dict[str, tuple[str, str]]) -> list[str]:
    """Everything that is not as it must be, a sentence each; none is what is hoped for."""
    wrong = []
    counts = Counter(row["path"] for row in rows)
    wrong += [f"{path} has {counts[path]} rows" for path in made if counts[path] != 1]
    wrong += [f"{path} was not asked for" for path in counts if path not in made]
    for row in rows:
        cohort, kind = made.get(row["path"], ("", ""))
        if row["cohort"] != cohort:
            wrong.append(f"{row['path']} is of cohort {row['cohort']!r}, not {cohort!r}")
        if kind in BAD:
            said = row["error"] or ""
            if row["scale"] is not None or not any(x in said for x in BAD[kind].split("|")):
                wrong.append(f"{kind} {row['path']} has the reason {said!r}")
        elif row["error"] is not None or row["verdict"] is None:
            wrong.append(f"{kind} {row['path']} failed: {row['error']}")
    return wrong + check_memory(rows)


def check_memory(rows: list[dict]) -> list[str]:
    """Whether processes held more after a slide in the last quarter of the rows than in the first.

    rows: in the order they came. A tenth more is no growth.
    """
    rest = [x for row in rows if (x := row["process.rest_mib"]) is not None]
    if not rest:
        return []
    quarter = max(1, len(rest) // 4)
    first, last = statistics.median(rest[:quarter]), statistics.median(rest[-quarter:])
    return [f"memory grew from {first:.0f} to {last:.0f} MiB"] if last > 1.1 * first else []


def report(rows: list[dict], made: dict, told: dict, command: str) -> str:
    """Markdown of what happened."""
    kinds = Counter(kind for _, kind in made.values())
    tries = Counter(row["process.attempts"] for row in rows)
    good = [row for row in rows if row["error"] is None]
    size = -(-len(good) // 4)
    lines = [f"`{command}`", ""]
    lines += [
        f"{len(made)} slides ({', '.join(f'{kinds[x]} {x}' for x in GOOD)}; bad: "
        f"{', '.join(f'{kinds[x]} {x}' for x in BAD if kinds[x])}), two workers of one thread, "
        f"{told['seconds'] / 60:.1f} minutes on {os.cpu_count()} cores.",
        "",
        f"Done to it: {told['workers']} workers killed at random; batch, scheduler and workers "
        f"killed at once after {told['all']} rows and the batch resumed; the scheduler killed "
        f"and back after {told['scheduler']} rows. Exit code {told['code']} (3: some slides "
        "failed).",
        "",
        f"Rows: {len(rows)}, of {len({row['path'] for row in rows})} slides; with an error: "
        f"{sum(row['error'] is not None for row in rows)}. Tries within one process: "
        f"{', '.join(f'{count} slides in {number}' for number, count in sorted(tries.items()))}.",
        "",
        "| bad slide | reason, of the first |",
        "| --- | --- |",
    ]
    for kind in (x for x in BAD if kinds[x]):
        row = next(row for row in rows if made[row["path"]][1] == kind)
        folder = str(Path(row["path"]).parent)
        lines.append(f"| {kind} | {row['error'].replace(folder, '…').replace('|', ' ')} |")
    lines += [
        "",
        "Memory of the processes that read slides, in the order the rows came:",
        "",
        "| rows | after a slide, median MiB | after a slide, most | ever, most |",
        "| --- | ---: | ---: | ---: |",
    ]
    for start in range(0, len(good), size):
        part = good[start : start + size]
        rest = [row["process.rest_mib"] for row in part]
        peak = max(row["process.peak_mib"] for row in part)
        lines.append(
            f"| {start + 1}–{start + len(part)} | {statistics.median(rest):.0f} | {max(rest):.0f} "
            f"| {peak:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--slides", type=int, default=1000)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--every", type=float, default=100, help="rows between killed workers, mean")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--kind", choices=("jsonl", "parquet"), default="jsonl")
    asked.add_argument("--quick", action="store_true", help="no slide of which a process dies")
    asked.add_argument("--check", action="store_true", help="write no results")
    args = asked.parse_args()
    paths = [str(HERE / "networks"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(x for x in paths if x)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = [way for way in BAD if way not in SLOW or not args.quick]
        made = make_slides(folder, args.slides, args.seed, ways)
        with (folder / "slides.csv").open("w", newline="") as file:
            lines = ((path, cohort) for path, (cohort, _) in made.items())
            csv.writer(file).writerows([("slide", "cohort"), *lines])
        out = folder / f"rows.{args.kind}"
        told = shoot(folder, out, len(made), args.workers, args.every, args.seed)
        if not out.exists():
            print((folder / "cluster.log").read_text()[-3000:])
            rows = []
        elif out.suffix == ".parquet":
            from wsi_scale.batch.store import open_store

            rows = list(open_store(out).rows())
        else:
            rows = [json.loads(line) for line in out.read_text().splitlines()]
        wrong = check(rows, made)
        if told["code"] != 3:
            wrong.append(f"the exit code is {told['code']}, not 3")
        if wrong:
            print((folder / "batch.log").read_text()[-3000:])
            print("\n".join(wrong[:50]))
            return 1
        text = report(
            rows,
            made,
            told,
            f"python benchmarks/batch_faults.py --slides {args.slides} --seed {args.seed}",
        )
    print(text)
    if not args.check:
        (HERE / "results" / "batch_faults.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
