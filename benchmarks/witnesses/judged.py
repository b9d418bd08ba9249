"""What the fingerprint, plain and freed of colour, says to every kept question, one row each.

python -m benchmarks.witnesses.judged build/witnesses --out build/witnesses/rows.jsonl
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.witnesses.ask import PACKAGED

from wsi_scale.estimators import Options, fingerprint
from wsi_scale.estimators.contract import Unavailable
from wsi_scale.judgement.estimate import estimate
from wsi_scale.judgement.evidence import Evidence, rise
from wsi_scale.judgement.tolerance import steady_band
from wsi_scale.responses.record import COLOUR_FREED, Responses


def judged(about: dict[str, Any], responses: Responses) -> dict[str, Any]:
    """A row: errors in octaves, intervals, verdicts, and what a rule may look at."""
    row = {name: about[name] for name in ("witness", "place", "source", "truth", "scales")}
    row |= {name: about.get(name) for name in ("steadiness", "dice", "seconds")}
    row["confidence"] = estimate(responses, estimator="confidence").voices.get("confidence")
    scales, everyone = np.array(responses.grid.scales), np.ones(len(responses.sites))
    row["bands"] = {
        share: steady_band(responses, math.sqrt(scales[0] * scales[-1]), float(share))
        for share in ("0.1", "0.2")
    }
    freed = bool(np.any(responses.variant == COLOUR_FREED))
    for name in ("plain", "freed") if freed else ("plain",):
        options = Options(colour_freed=name == "freed")
        try:
            answer = fingerprint.prepare(responses, options)(everyone)
        except Unavailable:
            return row
        said = estimate(responses, estimator="fingerprint", options=options, resamples=40)
        layers = np.log2(list(answer.layer_scales.values()))
        row[name] = {
            "scale": answer.scale,
            "interval": said.interval,
            "verdict": said.verdict,
            "misfit": answer.misfit,
            "rise": rise(Evidence(name, scales, answer, ())),
            "layers": list(np.quantile(layers, [0.1, 0.25, 0.5, 0.75, 0.9])),
            "score": [None if math.isnan(x) else float(x) for x in answer.score],
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    done = set()
    if args.out.exists():
        rows = (json.loads(line) for line in args.out.read_text().splitlines())
        done = {(row["witness"], row["place"]) for row in rows}
    for path in sorted((args.folder / "asked").glob("*/*.json")):
        about = json.loads(path.read_text())
        if (about["witness"], about["place"]) in done or PACKAGED.name in about["witness"]:
            continue
        row = judged(about, Responses.load(path.with_suffix(".npz")))
        with args.out.open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
