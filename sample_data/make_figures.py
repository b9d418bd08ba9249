"""Draw sample_data/figures.tif: the mosaic of all 20 classes as a pyramidal TIFF without mpp.

    python sample_data/make_figures.py

The figures are 32 px wide instead of the thesis's 40 (stretch 0.8), so the bundled network, trained
at scale 5, sees them right at scale 4.
"""

from pathlib import Path

import tifffile

from wsi_scale.slide.readers.synthetic import SyntheticSlide

SEED, STRETCH, WIDTH, HEIGHT, LEVELS = 2022, 0.8, 5376, 4608, (1.0, 2.0, 4.0, 8.0)


def main() -> None:
    slide = SyntheticSlide.figures(
        seed=SEED, stretch=STRETCH, width=WIDTH, height=HEIGHT, downsamples=LEVELS
    )
    target = Path(__file__).with_name("figures.tif")
    with tifffile.TiffWriter(target) as file:
        for i, level in enumerate(slide.levels):
            file.write(
                slide.read(i, 0, 0, level.width, level.height),
                tile=(256, 256),
                compression="deflate",
                predictor=True,
                photometric="rgb",
                metadata=None,
                subfiletype=0 if i == 0 else 1,
                resolutionunit="NONE",
                software=False,
            )
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
