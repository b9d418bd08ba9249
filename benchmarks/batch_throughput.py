"""Slides per minute of a default ``batch`` on two processes, as it is and as it was.

    git worktree add /tmp/before COMMIT     # as it was: before a run stopped at 16 sites
    python benchmarks/batch_throughput.py --before /tmp/before [--slides 24]

Every slide is a part of the sample slide, stored as a JPEG pyramid in Aperio's layout, so that both
ways read the same files. Both do them in turn, half of the slides first, on two processes of one
thread each. Written are slides per minute, processor seconds of each slide, the share of them that
reading takes (reads and resampling alone, measured again in one process), the share of the two
processors' time that was used, and each process's largest memory by number of slides done. Writes
benchmarks/results/batch_throughput.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).parents[1]
OUT = ROOT / "benchmarks" / "results" / "batch_throughput.md"
SAMPLE = ROOT / "sample_data" / "CMU-1-Small-Region.svs"
WORKERS = 2
HEAD = (
    "Aperio Image Library v11.2.1\n{0}x{1} [0,0 {0}x{1}] (240x240) {2}x{3}|AppMag = 20|MPP = 0.499"
)

READING = """
import json, sys, time
from wsi_scale.slide import pyramid
spent, plain = [0.0], pyramid.sample_pyramid
def timed(*args, **more):
    start = time.thread_time()
    try:
        return plain(*args, **more)
    finally:
        spent[0] += time.thread_time() - start
pyramid.sample_pyramid = timed  # before anyone takes it from there
from wsi_scale import estimate_slide
estimate_slide(sys.argv[1], "histology")
print(json.dumps([spent[0], time.process_time()]))
"""


def make_slides(folder: Path, count: int, seed: int) -> list[Path]:
    """Parts of the sample slide of 1400 to 2000 px, two levels each."""
    with tifffile.TiffFile(SAMPLE) as tiff:
        whole = tiff.pages[0].asarray()
    places = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        width, height = places.integers(1400, 2000, 2)
        x = places.integers(0, whole.shape[1] - width + 1)
        y = places.integers(0, whole.shape[0] - height + 1)
        piece = Image.fromarray(whole[y : y + height, x : x + width])
        path = folder / f"part_{number:02}.svs"
        with tifffile.TiffWriter(path) as tiff:
            for level in (piece, piece.reduce(4)):
                tiff.write(
                    np.asarray(level),
                    tile=(240, 240),
                    description=HEAD.format(width, height, *level.size),
                    metadata=None,
                    software=False,
                    photometric="rgb",
                    compression="jpeg",
                    subsampling=(2, 1),
                    compressionargs={"level": 80},
                )
        paths.append(path)
    return paths


def environment(source: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1"}


def run_batch(source: Path, slides: list[Path], out: Path) -> dict[str, Any]:
    """One batch by the code in ``source``: its rows and what it cost."""
    options = ("--out", str(out), "--workers", str(WORKERS), "--device", "cpu")
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "wsi_scale.cli", "batch", *map(str, slides), *options],
        env=environment(source),
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return {
        "seconds": time.monotonic() - begun,
        "used": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "rows": [row for row in rows if row.get("path")],
    }


def share_of_reading(source: Path, slide: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", READING, str(slide)],
        env=environment(source),
        check=True,
        capture_output=True,
        text=True,
    )
    reading, all_of_it = json.loads(done.stdout)
    return float(reading / all_of_it)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="checkout of the older code")
    parser.add_argument("--slides", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sources = {"as it is": ROOT, "as it was": args.before.resolve()}
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in sources}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slides = make_slides(folder, args.slides, args.seed)
        half = max(1, len(slides) // 2)
        for turn, some in enumerate((slides[:half], slides[half:])):
            for way, source in sources.items():
                out = folder / f"{way.replace(' ', '_')}_{turn}.jsonl"
                if some:
                    found[way].append(run_batch(source, some, out))
        reading = {way: share_of_reading(source, slides[0]) for way, source in sources.items()}
    text = "\n".join([*table(found, reading), "", *memory(found), "", *about(args)])
    OUT.write_text(text + "\n", encoding="utf-8")
    print(text)


def table(found: dict[str, list[dict[str, Any]]], reading: dict[str, float]) -> list[str]:
    lines = [
        "| | slides | slides/min | × as it was | processor s/slide | of as it was "
        "| reading | processors used | failed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rate, cost = {}, {}
    for way, runs in found.items():
        count = sum(len(run["rows"]) for run in runs)
        seconds, used = (sum(run[key] for run in runs) for key in ("seconds", "used"))
        rate[way], cost[way] = 60 * count / seconds, used / count
    for way, runs in found.items():
        rows = [row for run in runs for row in run["rows"]]
        busy = sum(run["used"] for run in runs) / sum(run["seconds"] for run in runs) / WORKERS
        lines.append(
            f"| {way} | {len(rows)} | {rate[way]:.1f} | {rate[way] / rate['as it was']:.2f} "
            f"| {cost[way]:.1f} | {cost[way] / cost['as it was']:.2f} | {reading[way]:.1%} "
            f"| {busy:.0%} | {sum(bool(row.get('error')) for row in rows)} |"
        )
    return lines


def memory(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What a process still held after a slide, MiB, by how many slides had been done."""
    lines = ["MiB held between slides, by number of slides done (medians of up to three):", ""]
    for way, runs in found.items():
        longest = max(runs, key=lambda run: len(run["rows"]))["rows"]
        held = [row["process.rest_mib"] for row in longest if row.get("process.rest_mib")]
        parts = [held[at : at + 3] for at in range(0, len(held), 3)]
        cells = ", ".join(f"{statistics.median(part):.0f}" for part in parts)
        peak = max(row["process.peak_mib"] or 0 for row in longest)
        lines.append(f"- {way}: {cells}; most while working {peak:.0f}")
    return lines


def about(args: argparse.Namespace) -> list[str]:
    return [
        f"{WORKERS} processes of one thread; processors used below 100 % is waiting, for other "
        "programs on the machine too.",
        "",
        f"`python benchmarks/batch_throughput.py --before COMMIT --slides {args.slides}`",
    ]


if __name__ == "__main__":
    main()
