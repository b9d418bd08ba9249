"""How the cost of an estimate grows: with the slide, the sites, the scales, the slides.

    OMP_NUM_THREADS=1 python benchmarks/growth.py

CPU seconds of whole estimates with the bundled network `figures` on drawn slides, one thread,
smallest and largest turn about, each point the median of its rounds; the exponent is the slope of
log seconds over log size, fitted to all points, with its 90 % interval from drawing rounds anew.
Drawn slides of every size show the same tiles, so the answer stays the same, and their window ends
where the smallest has room for every patch. The network is loaded
and warm before; an estimate of no site at all would still look for tissue, so the fit of sites and
slides is that of the whole, overhead and all.

Writes benchmarks/results/growth.md and growth.png.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from wsi_scale import Settings, estimate_slide, load_network
from wsi_scale.slide.readers.synthetic import SyntheticSlide

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3
Series = dict[float, list[float]]
"""CPU seconds by size, one for each round."""


def drawn(side: int) -> SyntheticSlide:
    return SyntheticSlide.figures(seed=5, width=side, height=side, tile=900)


def measure(sizes: Sequence[float], rounds: int, work: Callable[[float], None]) -> Series:
    """CPU seconds of some work for every size, sizes turn about."""
    took: Series = {size: [] for size in sizes}
    for number in range(rounds):
        for size in sizes if number % 2 == 0 else reversed(sizes):
            started = time.process_time()
            work(size)
            took[size].append(time.process_time() - started)
            print(f"{size:g}: {took[size][-1]:.2f} s", file=sys.stderr, flush=True)
    return took


def exponent(took: Series) -> tuple[float, float, float]:
    """Slope of log seconds over log size, and the ends of its 90 % interval."""
    sizes = np.log(list(took))
    rng = np.random.default_rng(0)

    def slope(draw: Callable[[list[float]], float]) -> float:
        return float(np.polyfit(sizes, np.log([draw(x) for x in took.values()]), 1)[0])

    middle = slope(lambda x: float(np.median(x)))
    again = [slope(lambda x: float(np.median(rng.choice(x, len(x))))) for _ in range(500)]
    return middle, *(float(x) for x in np.quantile(again, [0.05, 0.95]))


def plot(measured: dict[str, Series], path: Path) -> None:
    figure = Figure(figsize=(3.1 * len(measured), 3), layout="constrained")
    for axes, (name, took) in zip(
        figure.subplots(1, len(measured), squeeze=False)[0], measured.items(), strict=True
    ):
        middle = [float(np.median(x)) for x in took.values()]
        axes.loglog(list(took), middle, "o-", color="#0072b2")
        axes.set(xlabel=name, ylabel="CPU seconds", title=f"exponent {exponent(took)[0]:+.2f}")
        axes.set_ylim(min(middle) / 3, max(middle) * 3)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--slides", type=int, nargs="+", default=[1, 10, 100, 1000])
    args = parser.parse_args()
    network = load_network("figures", device="cpu")

    def estimate(side: int, **settings: object) -> None:
        estimate_slide(drawn(side), network, Settings(seed=0, **settings))  # type: ignore[arg-type]

    def of_slides(count: float) -> None:
        for _ in range(round(count)):
            estimate(2_000, sites=2, scales=(0.5, 1), per_octave=2, resamples=20)

    estimate(20_000, sites=3)  # warm
    fixed = {"scales": (0.5, 16), "dense": True}
    measured = {
        "pixels of the slide": measure(
            [1e8, 10**8.5, 1e9, 10**9.5, 1e10],
            args.rounds,
            lambda pixels: estimate(
                round(pixels**0.5), sites=16, per_octave=2, scales=(0.5, 4), dense=True
            ),
        ),
        "sites": measure(
            [10, 32, 100, 320, 1000],
            1,
            lambda sites: estimate(100_000, sites=round(sites), per_octave=1, **fixed),
        ),
        "scales": measure(
            [8, 16, 32, 64, 95],
            args.rounds,
            lambda scales: estimate(
                60_000, sites=8, scales=(0.5, 16), dense=True, per_octave=(scales - 1) / 5
            ),
        ),
        "slides": measure(args.slides, 1, of_slides),
    }
    RESULTS.mkdir(exist_ok=True)
    plot(measured, RESULTS / "growth.png")
    asked = f"--rounds {args.rounds} --slides {' '.join(map(str, args.slides))}"
    lines = [
        f"`OMP_NUM_THREADS=1 python benchmarks/growth.py {asked}`",
        "",
        "| grows with | from | to | CPU s | CPU s | exponent [90 %] |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, took in measured.items():
        middle, low, high = exponent(took)
        often = min(len(x) for x in took.values()) > 1
        interval = f" [{low:.3f}, {high:.3f}]" if often else " (one round)"
        sizes, seconds = list(took), [float(np.median(x)) for x in took.values()]
        lines.append(
            f"| {name} | {sizes[0]:g} | {sizes[-1]:g} | {seconds[0]:.2f} | {seconds[-1]:.2f} | "
            f"{middle:.3f}{interval} |"
        )
    (RESULTS / "growth.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
