"""How alike are patches cut through native levels and patches cut from level 0 alone?

    python benchmarks/native_levels.py [SLIDE ...]

PSNR in dB per scale, median over sites; a synthetic slide always, and every slide named. A slide
with one level is first given levels 1, 2, 4, 8 by box averaging, as scanners do. Writes
benchmarks/results/native_levels.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide

RESULTS = Path(__file__).parent / "results"
SIZE, SITES = 96, 12


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def with_levels(slide: Slide) -> list[np.ndarray]:
    level = slide.levels[0]
    finest = slide.read(0, 0, 0, level.width, level.height)
    return [
        np.asarray(Image.fromarray(finest).reduce(k)) if k > 1 else finest for k in (1, 2, 4, 8)
    ]


def compare(native: Slide, finest: Slide, grid: ScaleGrid) -> list[float]:
    rng = np.random.default_rng(0)
    level = native.levels[0]
    margin = SIZE * grid.scales[-1] / 2
    sites = rng.uniform([margin, margin], [level.width - margin, level.height - margin], (SITES, 2))
    each = []
    for x, y in sites:
        a, b = (sample_pyramid(s, Site(x, y), grid, size=SIZE).patches for s in (native, finest))
        each.append([psnr(p, q) for p, q in zip(a, b, strict=True)])
    return [float(v) for v in np.median(each, axis=0)]


def main() -> None:
    grid = ScaleGrid.geometric(1, 16, 2)
    rows = {}
    drawn = SyntheticSlide.figures(seed=4, width=4096, height=4096)
    only = SyntheticSlide.figures(seed=4, width=4096, height=4096, downsamples=(1.0,))
    rows["synthetic figures, levels 1–16"] = compare(drawn, only, grid)
    for path in sys.argv[1:]:
        with open_slide(path) as slide:
            levels = with_levels(slide)
        rows[Path(path).name] = compare(open_slide(levels), open_slide(levels[:1]), grid)
    lines = ["PSNR in dB of patches cut through native levels against level 0 alone", ""]
    lines += ["| slide | " + " | ".join(f"×{s:.3g}" for s in grid.scales) + " |"]
    lines += ["| --- |" + " --- |" * len(grid)]
    lines += [f"| {name} | " + " | ".join(f"{v:.1f}" for v in r) + " |" for name, r in rows.items()]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "native_levels.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
