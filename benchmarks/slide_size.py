"""What a slide of 100 000 × 100 000 px costs beside one of 10 000 × 10 000: time and memory.

    python benchmarks/slide_size.py

Each estimate runs in a process of its own, turn about; ratios of the medians are printed and
written to benchmarks/results/slide_size.md.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
SIDES = (10_000, 100_000)
CODE = """
import resource, time, torch
from wsi_scale import estimate_slide, Settings
from wsi_scale.networks import load_network
from wsi_scale.slide.readers.synthetic import SyntheticSlide
torch.set_num_threads(1)
network = load_network("figures", device="cpu")
started = time.perf_counter()
slide = SyntheticSlide.figures(seed=5, stretch=0.9, width={side}, height={side})
report = estimate_slide(slide, network, Settings(dense=True))
seconds = time.perf_counter() - started
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, report.scale)
"""


def main(rounds: int = 3) -> None:
    measured: dict[int, list[tuple[float, float]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            code = CODE.format(side=side)
            out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
            seconds, mib, _ = out.stdout.split()
            measured[side].append((float(seconds), float(mib)))
    medians = {s: [statistics.median(x) for x in zip(*measured[s], strict=True)] for s in SIDES}
    lines = [
        "`python benchmarks/slide_size.py`",
        "",
        "| side, px | seconds | peak MiB |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {side} | {medians[side][0]:.1f} | {medians[side][1]:.0f} |" for side in SIDES]
    ratios = [medians[SIDES[1]][k] / medians[SIDES[0]][k] for k in (0, 1)]
    lines += [
        f"| ratio | {ratios[0]:.2f} | {ratios[1]:.2f} |",
        "",
        f"Medians of {rounds} runs each, turn about, one thread.",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "slide_size.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
