"""A default run as it is and as it was: processor time, first answer and error, side by side.

    OMP_NUM_THREADS=1 python benchmarks/default_run.py [--images 60] [--rounds 3]

As it was: all 46 sites, 32 patches at once, channels first, and the tissue searched twice. Both are
asked in turn. The sample slide is asked in processes of their own, as a user starts them; then
images of known µm/px, drawn evenly from all sources, each shrunk to two sizes. Rows are kept in
benchmarks/results/default_run.csv and not measured again. Writes benchmarks/results/default_run.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
OUT = ROOT / "benchmarks" / "results" / "default_run.md"
ROWS = OUT.with_suffix(".csv")
SLIDE = str(ROOT / "sample_data" / "CMU-1-Small-Region.svs")
WAYS = ("as it is", "as it was")

PROGRAM = """
import json, resource, sys, time
sys.path.insert(0, {here!r})
from default_run import as_it_was
if sys.argv[2] == "as it was":
    as_it_was()
from wsi_scale import iter_estimates
begun = first = None
for progress in iter_estimates(sys.argv[1], "histology"):
    now = time.monotonic()
    begun = begun or now
    if first is None and progress.estimate is not None and progress.estimate.scale is not None:
        first = now - begun
used = resource.getrusage(resource.RUSAGE_SELF)
report = progress.report()
print(json.dumps([used.ru_utime + used.ru_stime, first, len(report.sites), report.scale,
                  report.verdict]))
"""


RULER = """
import json, resource, sys
from wsi_scale import ruler
size = ruler(sys.argv[1]).size
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, None, size.patches, size.mpp, size.verdict]))
"""


def as_it_was() -> None:
    """Undo, in this process, what made a default run cheaper."""
    import torch

    from wsi_scale.networks import batches, load
    from wsi_scale.pipeline import ask_the_ruler, visit_loop
    from wsi_scale.pixel_size import ask, read_tissue

    visit_loop.sites_before_check = lambda settings: None
    batches.most_at_once = ask.most_at_once = lambda size, device: size
    load.lay_out = read_tissue.lay_out = lambda module, device: None
    ask_the_ruler.STAIN = "searched again"
    torch.set_num_threads(1)


def asked(source: Any, way: str) -> dict[str, Any]:
    """What one image gave, in this process."""
    from wsi_scale import estimate_slide

    begun = time.process_time()
    report = estimate_slide(source, "histology")
    return {
        "seconds": time.process_time() - begun,
        "sites": len(report.sites),
        "own": report.voices.get("recognition"),
        "scale": report.scale,
        "verdict": report.verdict,
    }


def serve(way: str) -> None:
    """Answer lines of JSON ``[path, factor]``, one after the other, until there are no more."""
    if way == "as it was":
        as_it_was()
    from wsi_scale.errors import WsiScaleError

    for line in sys.stdin:
        path, factor = json.loads(line)
        with Image.open(path) as image:
            image = image.convert("RGB")
            size = (round(image.width / factor), round(image.height / factor))
            pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
        try:
            found = asked(pixels, way)
        except WsiScaleError as error:
            found = {"refused": str(error)[:80]}
        print(json.dumps(found), flush=True)


def images(most: int, data: Path) -> list[dict[str, str]]:
    """H&E images of known µm/px, taken in turn from every source."""
    by_source: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (data / "images.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["stain"] == "H&E" and row["doubtful"] == "no" and row["file"].endswith(".png"):
                by_source[row["source"]].append(row)
    queues = [sorted(rows, key=lambda x: x["file"]) for _, rows in sorted(by_source.items())]
    turns = max(map(len, queues))
    return [rows[turn] for turn in range(turns) for rows in queues if turn < len(rows)][:most]


def measure_images(most: int, data: Path) -> list[dict[str, Any]]:
    """Rows of all images, both ways; those in the file are not measured again."""
    rows: list[dict[str, Any]] = []
    if ROWS.exists():
        with ROWS.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    known = {(row["file"], float(row["factor"]), row["way"]) for row in rows}
    servers = {
        way: subprocess.Popen(
            [sys.executable, __file__, "--serve", way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for way in WAYS
    }
    fields = ["file", "source", "factor", "truth", "way", "seconds", "sites", "own", "scale"]
    fields += ["verdict", "refused"]
    with ROWS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields)
        if not known:
            writer.writeheader()
        for image in images(most, data):
            for factor in (1.0, 1.6):
                for way, server in servers.items():
                    if (image["file"], factor, way) in known:
                        continue
                    assert server.stdin
                    assert server.stdout
                    server.stdin.write(json.dumps([str(data / image["file"]), factor]) + "\n")
                    server.stdin.flush()
                    found = json.loads(server.stdout.readline())
                    truth = 0.858 / (float(image["mpp"]) * factor)
                    about = {"file": image["file"], "source": image["source"], "factor": factor}
                    row = {**about, "truth": round(truth, 4), "way": way, **found}
                    writer.writerow(row)
                    file.flush()
                    rows.append(row)
    for server in servers.values():
        assert server.stdin
        server.stdin.close()
        server.wait()
    return rows


def of_images(rows: list[dict[str, Any]]) -> list[str]:
    """The table of images: only those that both ways answered."""
    pairs: dict[tuple[str, float], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if not row.get("refused"):
            pairs[row["file"], float(row["factor"])][row["way"]] = row
    both = [pair for pair in pairs.values() if len(pair) == len(WAYS)]
    lines = [
        "| | images × sizes | sites | processor time, of as it was | own answers "
        "| their median error, octaves | answers | median error, octaves | `ok` |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    total = sum(float(pair["as it was"]["seconds"]) for pair in both)
    for way in WAYS:
        some = [pair[way] for pair in both]
        share = sum(float(row["seconds"]) for row in some) / total
        own, answers = errors(some, "own"), errors(some, "scale")
        lines.append(
            f"| {way} | {len(some)} | {statistics.mean(int(x['sites']) for x in some):.1f} "
            f"| {share:.2f} | {len(own)} | {statistics.median(own):.3f} | {len(answers)} "
            f"| {statistics.median(answers):.3f} | {sum(x['verdict'] == 'ok' for x in some)} |"
        )
    moved = [
        abs(math.log2(float(pair[WAYS[0]]["own"]) / float(pair[WAYS[1]]["own"])))
        for pair in both
        if pair[WAYS[0]]["own"] and pair[WAYS[1]]["own"]
    ]
    lines += [
        "",
        f"From as it was to as it is, own answers move by {statistics.median(moved):.3f} octave in "
        f"the median, nine of ten by at most {np.quantile(moved, 0.9):.3f}.",
    ]
    return lines


def errors(rows: list[dict[str, Any]], key: str) -> list[float]:
    """Errors in octaves of those that gave a number."""
    return [abs(math.log2(float(x[key]) / float(x["truth"]))) for x in rows if x[key]]


def of_slide(rounds: int) -> list[str]:
    """The table of the sample slide."""
    program = PROGRAM.format(here=str(Path(__file__).parent))
    programs = dict.fromkeys(WAYS, program) | {"the ruler alone": RULER}
    found: dict[str, list[list[Any]]] = {way: [] for way in programs}
    for _ in range(rounds):
        for way in programs:
            command = [sys.executable, "-c", programs[way], SLIDE, way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way].append(json.loads(done.stdout))
    used = {way: min(x[0] for x in each) for way, each in found.items()}
    lines = [
        "| the sample slide | processor seconds | of as it was | first answer, s after the first "
        "patch | sites | scale | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for way in WAYS:
        _, first, sites, scale, verdict = min(found[way])
        lines.append(
            f"| {way} | {used[way]:.1f} | {used[way] / used['as it was']:.2f} "
            f"| {first:.1f} | {sites} | {scale:.3f} | {verdict} |"
        )
    _, _, patches, mpp, verdict = min(found["the ruler alone"])
    share = used["the ruler alone"] / used["as it was"]
    lines.append(
        f"| the ruler alone | {used['the ruler alone']:.1f} | {share:.2f} | – "
        f"| – ({patches} patches) | {mpp:.3f} µm/px | {verdict} |"
    )
    return [*lines, "", f"The fastest of {rounds} rounds, Python's start included."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
        return
    lines = []
    data = Path(os.environ.get("WSI_SCALE_TEST_DATA", "")) / "ruler"
    if args.images and (data / "images.csv").exists():
        lines = of_images(measure_images(args.images, data))
    lines = [*of_slide(args.rounds), "", *lines]
    words = " ".join(["python benchmarks/default_run.py", *sys.argv[1:]])
    lines += ["", f"{os.environ.get('OMP_NUM_THREADS', 'all')} thread(s). `{words}`"]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
