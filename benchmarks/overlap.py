"""How reading, resampling and the network share the time of a look at a slide.

    OMP_NUM_THREADS=1 python benchmarks/overlap.py
    python benchmarks/overlap.py --device cuda

All scales of 24 sites (larger networks on a processor: 3) of the sample slide, mirrored to
16 384² px and stored as JPEG (benchmarks/pyramids.py writes it), for the bundled networks and for a
ResNet-50 with random weights; on an accelerator also a U-Net of smp, and both in bfloat16. Wall
time of reading and resampling alone, of the network alone (patches in memory), of one after the
other, and of both at once as an estimate does it. The network's busy share is its time alone over
the time of both.

Writes benchmarks/results/overlap.md, or overlap_cuda.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import torch
from pyramids import ROOT, make_slides

from wsi_scale.networks import Network, load_network
from wsi_scale.pipeline.planning import plan_run
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.visit_sites import measure_site, read_ahead, readers_for, visit
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
from wsi_scale.slide.readers import open_slide

RESULTS = ROOT / "benchmarks" / "results"


def halved(network: Network) -> Network:
    """The network in bfloat16; its layers keep their names."""
    module = deepcopy(network.module)
    forward, kind = module.forward, network.device.type

    def narrow(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(kind, torch.bfloat16):
            return forward(x).float()

    module.forward = narrow  # type: ignore[method-assign]
    card = network.card.model_copy(update={"name": f"{network.name}, bfloat16"})
    return replace(network, card=card, module=module)


def networks(device: str) -> Iterator[Network]:
    """Those compared, on the device; the last with random weights."""
    yield load_network("figures", device=device)
    yield load_network("histology", device=device)
    specs = ["torchvision:resnet50"] if device == "cpu" else ["torchvision:resnet50", "smp:Unet"]
    for spec in specs:
        network = load_network(spec, device=device)
        yield network
        if device != "cpu":
            yield halved(network)


def timed(work: Callable[[], object], device: str) -> float:
    begun = time.perf_counter()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def measure(run: Run, device: str) -> tuple[dict[str, float], int]:
    """Wall seconds of each way, and the patches of all sites."""
    pyramids = [x for x in read_ahead(run, run.sites) if isinstance(x, Pyramid)]
    measure_site(run, pyramids[0])  # warm

    def read_alone() -> None:
        for site in run.sites:
            sample_pyramid(run.slide, site, run.grid, size=run.input_size)

    def ask_alone() -> None:
        for pyramid in pyramids:
            measure_site(run, pyramid)

    def in_turn() -> None:
        for site in run.sites:
            measure_site(run, sample_pyramid(run.slide, site, run.grid, size=run.input_size))

    def both() -> None:
        deque(visit(run, run.sites), maxlen=0)

    ways = {"read": read_alone, "network": ask_alone, "in turn": in_turn, "both": both}
    best = {name: min(timed(way, device) for _ in range(3)) for name, way in ways.items()}
    return best, sum(len(pyramid.patches) for pyramid in pyramids)


def row(run: Run, device: str) -> str:
    spent, patches = measure(run, device)
    longest = max(spent["read"], spent["network"])
    cells = [
        run.network.name,
        f"{run.input_size}",
        f"{patches}",
        *(f"{spent[way]:.2f}" for way in ("read", "network", "in turn", "both")),
        f"{spent['both'] / longest:.2f}",
        f"{min(1, spent['network'] / spent['both']):.0%}",
        f"{patches / spent['both']:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sites", type=int, default=24)
    parser.add_argument("--slides", type=Path, default=ROOT / "build" / "pyramids")
    args = parser.parse_args()
    path = make_slides(args.slides)["JPEG"]
    lines = []
    for network in networks(args.device):
        with open_slide(path) as slide:
            large = args.device == "cpu" and network.name != "figures"
            sites = min(args.sites, 3) if large else args.sites
            run = plan_run(slide, network, Settings(sites=sites, dense=True))
            lines.append(row(run, args.device))
            print(lines[-1], file=sys.stderr, flush=True)
    suffix = "" if args.device == "cpu" else f"_{args.device.partition(':')[0]}"
    asked = f"--device {args.device} --sites {args.sites}"
    head = [
        f"`python benchmarks/overlap.py {asked}`",
        "",
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, readers: "
        f"{readers_for(network)}, {platform.machine()}"
        + (f", {torch.cuda.get_device_name()}" if args.device != "cpu" else "")
        + ". Seconds of wall time, least of three.",
        "",
        "| network | patch, px | patches | read and resampled | network | in turn | both at once | "
        "÷ the longer | network busy | patches/s |",
        "| --- |" + " ---: |" * 9,
    ]
    (RESULTS / f"overlap{suffix}.md").write_text("\n".join([*head, *lines]) + "\n")
    print("\n".join([*head, *lines]))


if __name__ == "__main__":
    main()
