"""How many sites an answer needs: error and coverage of drawn mosaics, by number of sites.

    python benchmarks/few_sites.py

Seven mosaics, true scales 2–8, bundled network, window 0.5–16; of 24 sites each, random subsets.
Writes benchmarks/results/few_sites.md. This is where the verdict's ENOUGH_SITES comes from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from wsi_scale.estimators import Options, Scorer, fingerprint
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import load_network
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers.synthetic import SyntheticSlide

RESULTS = Path(__file__).parent / "results"
SITES, SUBSETS, RESAMPLES = 24, 4, 60


def prepare(truth: float, seed: int) -> Scorer:
    """The fingerprint of one mosaic at 24 random sites."""
    network = load_network("figures", device="cpu")
    slide = SyntheticSlide.figures(seed=seed, stretch=truth / 5, width=12_000, height=12_000)
    grid = ScaleGrid.geometric(0.5, 16, 8)
    margin = 112 * grid.scales[-1]
    places = np.random.default_rng(seed).uniform(margin, 12_000 - margin, (SITES, 2))
    pyramids = (sample_pyramid(slide, Site(x, y), grid, size=224) for x, y in places)
    return fingerprint.prepare(measure_responses(network, pyramids, gradient=False), Options())


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    mosaics = [(prepare(t, 100 + i), t) for i, t in enumerate(np.geomspace(2, 8, 7))]
    lines = ["`python benchmarks/few_sites.py`", ""]
    lines += ["| sites | median error, octaves | largest | 90 % interval holds the truth |"]
    lines += ["| --- | --- | --- | --- |"]
    for count in (1, 2, 3, 4, 6, 8, 12, 16, 24):
        errors, held = [], []
        for score, truth in mosaics:
            for _ in range(SUBSETS if count < SITES else 1):
                members = np.zeros(SITES)
                members[rng.choice(SITES, count, replace=False)] = 1
                answer = score(members).scale
                draws = rng.multinomial(count, members / count, size=RESAMPLES)
                scales = [score(draw.astype(float)).scale for draw in draws]
                low, high = np.quantile([*scales, answer], [0.05, 0.95])
                errors.append(abs(np.log2(answer / truth)))
                held.append(min(low, answer) <= truth <= max(high, answer))
        row = f"| {count} | {np.median(errors):.3f} | {max(errors):.2f} | {np.mean(held):.0%} |"
        lines.append(row)
        print(row, flush=True)
    (RESULTS / "few_sites.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
