"""The ruler beside the way of before, on one slide in one run: seconds, patches and answers.

    python benchmarks/ruler_time.py [SLIDE] [--rounds 3]

Before: `info --pixels` asked the network `histology` at 16 sites and took the pixel size from its
best scale. Both are asked in turn, in processes of their own, as a user starts them; the time of
Python's start is in it. Writes benchmarks/results/ruler_time.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "benchmarks" / "results" / "ruler_time.md"
SLIDE = "sample_data/CMU-1-Small-Region.svs"

RULER = """
import json, sys
from wsi_scale import ruler
size = ruler(sys.argv[1]).size
print(json.dumps([size.patches, size.mpp, size.verdict]))
"""
BEFORE = """
import json, sys
from wsi_scale import Settings, estimate_slide
report = estimate_slide(sys.argv[1], "histology", Settings(sites=16, as_is_sites=0, ruler=False))
print(json.dumps([report.provenance.patches, report.ruler.slide_mpp, report.verdict]))
"""


def timed(program: str, slide: str) -> tuple[float, list]:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, slide], capture_output=True, text=True, check=True
    )
    return time.monotonic() - begun, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", nargs="?", default=SLIDE)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    seconds: dict[str, list[float]] = {"the ruler": [], "before": []}
    told: dict[str, list] = {}
    for _ in range(args.rounds):
        for name, program in (("the ruler", RULER), ("before", BEFORE)):
            took, told[name] = timed(program, args.slide)
            seconds[name].append(took)
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    lines = ["| | seconds | of before | patches | µm/px | verdict |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | --- |")
    for name, (patches, mpp, verdict) in told.items():
        share = middle[name] / middle["before"]
        lines.append(
            f"| {name} | {middle[name]:.1f} | {share:.2f} | {patches} | {mpp:.3f} | {verdict} |"
        )
    lines += ["", f"{args.slide}, median of {args.rounds} rounds, Python's start included."]
    lines += ["", f"`python benchmarks/ruler_time.py {' '.join(sys.argv[1:])}`".replace(" `", "`")]
    OUT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
