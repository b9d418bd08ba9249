"""Channels-last and bfloat16 beside what is used, float32 with channels first: seconds and error.

    python benchmarks/layout_and_precision.py [--device cpu] [--rounds 5]

One batch of 8 patches of 224 px through networks of several kinds with random weights, without
gradients; the ways take turns. Writes benchmarks/results/layout_and_precision.md.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from wsi_scale import load_network

OUT = Path(__file__).parents[1] / "benchmarks" / "results" / "layout_and_precision.md"
SPECS = (
    "timm:resnet18",
    "timm:mobilenetv2_100",
    "smp:Unet?encoder_name=resnet18",
    "timm:convnext_atto",
    "timm:vit_tiny_patch16_224",
)
WAYS = ("as it is", "channels last", "bfloat16", "both")


def once(network: Any, x: torch.Tensor, way: str) -> tuple[float, torch.Tensor]:
    """Seconds of one pass, and its answer."""
    last = way in ("channels last", "both")
    form = torch.channels_last if last else torch.contiguous_format
    module, x = network.module.to(memory_format=form), x.contiguous(memory_format=form)
    short = torch.autocast(x.device.type, torch.bfloat16, enabled=way in ("bfloat16", "both"))
    with torch.no_grad(), short:
        module(x[:1])
        begun = clock(x)
        answer = module(x)
    return clock(x) - begun, answer.float()


def clock(x: torch.Tensor) -> float:
    """Seconds: of the processor, which other work does not lengthen; else by the clock."""
    if x.device.type == "cpu":
        return time.process_time()
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    x = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(args.device)
    lines = ["| network | way | seconds | of as it is | largest error, of the spread |"]
    lines.append("| --- | --- | ---: | ---: | ---: |")
    for spec in SPECS:
        torch.manual_seed(0)
        network = load_network(spec, device=args.device)
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        answers = {}
        for _ in range(args.rounds):
            for way in WAYS:
                took, answers[way] = once(network, x, way)
                seconds[way].append(took)
        plain = min(seconds["as it is"])
        for way in WAYS:
            off = (answers[way] - answers["as it is"]).abs().max() / answers["as it is"].std()
            lines.append(
                f"| `{spec}` | {way} | {min(seconds[way]):.3f} "
                f"(median {statistics.median(seconds[way]):.3f}) "
                f"| {min(seconds[way]) / plain:.2f} | {off:.2%} |"
            )
            print(lines[-1], flush=True)
    where = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s)"
    lines += [
        "",
        f"The fastest of {args.rounds} rounds, {args.device}, {where}, torch {torch.__version__}.",
        "",
        f"`python benchmarks/{Path(__file__).name} --device {args.device} --rounds {args.rounds}`",
    ]
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
