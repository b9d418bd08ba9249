"""Asks the network of before (`histology`) about the same images as the ruler, for comparison.

python -m training.ruler.before IMAGES --every 4 --out before.json
"""

from __future__ import annotations

import argparse
import json
import sys
from math import log2
from pathlib import Path

import torch
from training.ruler.evaluate import cases_of
from training.ruler.folds import FOLDS, read_rows

from wsi_scale import Settings, estimate_slide, load_network
from wsi_scale.errors import WsiScaleError

SETTINGS = Settings(ruler=False, as_is_sites=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--every", type=int, default=4, help="one image in so many of a source")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, lines = load_network("histology", device="cpu"), []
    rows = [row for row in read_rows(args.images) if row.sure]
    for source in sorted({name for names in FOLDS.values() for name in names}):
        for row in [row for row in rows if row.source == source][:: args.every]:
            for pixels, truth in cases_of(row):
                line = {"source": source, "case": row.case, "file": row.path.name}
                line |= {"truth": truth, "side": min(pixels.shape[:2]), "verdict": "refused"}
                try:
                    report = estimate_slide(pixels, network, SETTINGS)
                except WsiScaleError as error:
                    lines.append(line | {"reason": str(error)})
                    continue
                line["verdict"] = report.verdict
                found, interval = report.ruler.slide_mpp, report.ruler.slide_mpp_interval
                if found is not None and interval is not None:
                    line["error"] = round(log2(found) - truth, 3)
                    low, high = interval
                    held = low <= 2**truth <= high
                    line["half"] = round(log2(high / low) / 2, 3) if held else 0.0
                lines.append(line)
        print(f"{source}: {len(lines)} cases so far", file=sys.stderr, flush=True)
        args.out.write_text(json.dumps(lines, indent=0) + "\n")


if __name__ == "__main__":
    main()
