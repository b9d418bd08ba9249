"""The pictures of docs/estimators.md.

    python benchmarks/pictures.py [--responses build/tissue_colour/…/NAME.npz --truth 2]

fingerprint.png   what each layer of a network leaves unexplained by scale, on a drawn mosaic
profile.png       what a profile reads from every patch, on a slide like its reference and on noise
tissue.png        the fingerprint on tissue, plain and freed of colour, from saved responses
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

import wsi_scale
from wsi_scale.estimators import Options, fingerprint
from wsi_scale.estimators.profile import read
from wsi_scale.estimators.profile_file import About, keys_of
from wsi_scale.known_scale.calibrate import Sample, fit_profile
from wsi_scale.networks import Network, load_network
from wsi_scale.pipeline.planning import plan_run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.visit_sites import measure_site, read_ahead
from wsi_scale.responses.record import Responses, merge
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
TRUTH = 5.0
"""Of the bundled network on a mosaic that is not stretched."""

WINDOW = (1.0, 14.0)


def look(slide: Slide, network: Network, sites: int) -> Responses:
    """All scales of the window at some sites."""
    run = plan_run(slide, network, Settings(scales=WINDOW, sites=sites, dense=True))
    stacks = [x for x in read_ahead(run, run.sites) if isinstance(x, Pyramid)]
    return merge([measure_site(run, stack) for stack in stacks])


def draw_layers(axes: Axes, responses: Responses, options: Options, truth: float) -> None:
    """One thin line a layer, its minimum marked; the sum or mean logarithm in black."""
    match = fingerprint.prepare(responses, options)
    assert isinstance(match, fingerprint.Match)
    everyone = np.ones(len(responses.sites))
    by_layer, _ = match.divergence(everyone)
    answer = match(everyone)
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(by_layer)))
    for name, curve, shade in zip(match.stack.layers, by_layer, shades, strict=True):
        axes.plot(match.scales, curve, color=shade, lw=1.2, label=name)
        axes.plot(answer.layer_scales[name], np.nanmin(curve), "o", color=shade, ms=4)
    axes.axvline(truth, color="tab:red", lw=1, ls="--")
    axes.axvline(answer.scale or np.nan, color="black", lw=1)
    axes.set(xscale="log", yscale="log", xlabel="scale", ylabel="nats per channel left")
    ticks = [x for x in (0.5, 1, 2, 4, 8) if match.scales[0] <= x <= match.scales[-1]]
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()
    axes.set_title(f"right {truth:g} (dashed), answer {answer.scale:.2f}", fontsize=9)


def save(figure: plt.Figure, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    figure.tight_layout()
    figure.savefig(PICTURES / name, dpi=110)
    plt.close(figure)


def picture_fingerprint(network: Network) -> None:
    """A mosaic of all classes beside a slide of one."""
    figure, panes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for pane, only, what in zip(panes, (None, 2), ("all classes", "one class"), strict=True):
        slide = SyntheticSlide.figures(seed=77, only=only, width=12_000, height=12_000)
        draw_layers(pane, look(slide, network, 24), Options(), TRUTH)
        pane.set_title(f"{what}: {pane.get_title()}", fontsize=9)
    panes[1].legend(fontsize=7, loc="lower right")
    panes[1].set_ylabel("")
    save(figure, "fingerprint.png")


def picture_profile(network: Network) -> None:
    """The map along the pyramids of a slide like the reference, and of noise."""
    samples = []
    for kind in range(0, 20, 2):
        slide = SyntheticSlide.figures(seed=100 + kind, only=kind, width=6000, height=6000)
        samples.append(Sample(f"class {kind}", TRUTH, look(slide, network, 4)))
    first = samples[0].responses
    about = About(
        network=network.name,
        sha256=network.sha256,
        input_size=first.input_size,
        layers=keys_of(first),
        sites=4,
        jitters=0,
        strength=0.0,
        images=tuple(sample.image for sample in samples),
        version=wsi_scale.__version__,
        seed=0,
    )
    profile = fit_profile(samples, about)
    grain = np.random.default_rng(0).integers(0, 255, (5000, 5000, 3), dtype=np.uint8)
    slides = {
        "like the reference": SyntheticSlide.figures(seed=9, only=4, width=6000, height=6000),
        "noise": open_slide(grain),
    }
    figure, panes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for pane, (what, slide) in zip(panes, slides.items(), strict=True):
        responses = look(slide, network, 6)
        found = read(profile, responses)
        x = np.log2(np.array(responses.grid.scales))[responses.scale_index]
        seen = found.belief > 0
        pane.plot(x[seen], (x - found.votes)[seen], ".", ms=3, color="tab:blue")
        pane.plot([0, 4], [-np.log2(TRUTH), 4 - np.log2(TRUTH)], color="tab:red", lw=1, ls="--")
        pane.set(xlabel="log2 scale of the patch", title=f"{what}: slope {found.slope:.2f}")
    panes[0].set_ylabel("octaves from right, as read")
    save(figure, "profile.png")


def picture_tissue(saved: Path, truth: float) -> None:
    """Plain and colour-freed, of one slide that benchmarks/tissue_colour.py kept."""
    responses = Responses.load(saved)
    figure, panes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    asked = {"plain": Options(colour_freed=False, encoder_only=True), "freed of colour": Options()}
    for pane, (what, options) in zip(panes, asked.items(), strict=True):
        draw_layers(pane, responses, options, truth)
        pane.set_title(f"{what}: {pane.get_title()}", fontsize=9)
    panes[1].set_ylabel("")
    save(figure, "tissue.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=Path)
    parser.add_argument("--truth", type=float, default=2.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.responses:
        picture_tissue(args.responses, args.truth)
    network = load_network("figures", device="cpu")
    picture_fingerprint(network)
    picture_profile(network)


if __name__ == "__main__":
    main()
