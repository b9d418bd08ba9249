"""What blur does to the fingerprint: drawn mosaics, blurred as a slide out of focus is.

    OMP_NUM_THREADS=1 python benchmarks/blurred.py

The bundled network `figures` is asked about mosaics of two right scales, blurred by a Gaussian of
several widths in level-0 px, as images whose µm/px nobody knows.

Writes benchmarks/results/blurred.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from wsi_scale import Settings, estimate_slide, load_network, open_slide
from wsi_scale.judgement.wide_interval import is_near

RESULTS = Path(__file__).parent / "results"
SIGMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SEEDS = (3, 5, 7)
STRETCHES = {0.5: 2.5, 0.35: 1.75}
"""Of the drawing, and the right scale that follows."""
SIDE = 2400
SETTINGS = Settings(ruler=False, as_is_sites=0)


def drawn(seed: int, stretch: float) -> Image.Image:
    named = f"synthetic:figures?seed={seed}&stretch={stretch}&width={SIDE}&height={SIDE}"
    with open_slide(named) as slide:
        return Image.fromarray(slide.read(0, 0, 0, SIDE, SIDE))


def main() -> None:
    network = load_network("figures", device="cpu")
    lines = [
        "`OMP_NUM_THREADS=1 python benchmarks/blurred.py`",
        "",
        "| right scale | blur, σ in px of the slide | answers, over the right scale | verdicts | "
        "`ok`, off by more than a quarter |",
        "| ---: | ---: | --- | --- | ---: |",
    ]
    for stretch, right in STRETCHES.items():
        images = [drawn(seed, stretch) for seed in SEEDS]
        for sigma in SIGMAS:
            told = []
            for image in images:
                blurred = image.filter(ImageFilter.GaussianBlur(sigma))
                told.append(estimate_slide(np.asarray(blurred), network, SETTINGS))
                print(stretch, sigma, told[-1].scale, told[-1].verdict, file=sys.stderr, flush=True)
            wrong = sum(
                x.verdict == "ok" and x.scale is not None and not is_near(x.scale, right)
                for x in told
            )
            answers = ", ".join("–" if x.scale is None else f"{x.scale / right:.2f}" for x in told)
            verdicts = ", ".join(x.verdict for x in told)
            lines.append(f"| {right} | {sigma} | {answers} | {verdicts} | {wrong} |")
    (RESULTS / "blurred.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
