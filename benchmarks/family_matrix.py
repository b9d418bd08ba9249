"""Every family of networks that the field teaches, loaded, heard and asked; the table of a page.

    python benchmarks/family_matrix.py [--only WORD] [--check] [--workers N]

Each network has random weights and runs in a process of its own. Its BatchNorm statistics are
gathered at scale 2 of a drawn slide, so 2 is the scale that the fingerprint should find. Writes
benchmarks/results/family_matrix.json and the table in docs/networks.md; with --check it writes
nothing, and fails if a family does not load, is not heard, or gets no verdict. With --only it asks
the families whose name or SPEC holds WORD, and keeps the other rows.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import multiprocessing
import resource
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale import open_slide

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "networks.md"
ROWS = ROOT / "benchmarks" / "results" / "family_matrix.json"
START, END = "<!-- written by benchmarks/family_matrix.py -->\n", "<!-- end of the table -->"
SLIDE = "synthetic:tissue?width=1600&height=1600&mpp=0.25"
TRUTH = 2.0
SIDE = 96  # px of a patch, for networks that take any
MINUTES = 30  # of one network, at most
OURS = "wsi_scale.networks.families"

FAMILIES = {
    "AlexNet": "torchvision:alexnet",
    "OverFeat": f"{OURS}.overfeat:OverFeat?input_size=231",
    "VGG": "timm:vgg11",
    "VGG with BatchNorm": "timm:vgg11_bn",
    "GoogLeNet": "torchvision:googlenet",
    "Inception v3": "timm:inception_v3",
    "ResNet": "timm:resnet18",
    "ResNeXt": "timm:resnext26ts",
    "SE-ResNet": "timm:legacy_seresnet18",
    "DenseNet": "timm:densenet121",
    "Xception": "timm:legacy_xception",
    "MobileNet v2": "timm:mobilenetv2_100",
    "MobileNet v3": "timm:mobilenetv3_small_100",
    "EfficientNet": "timm:efficientnet_b0",
    "EfficientNet, noisy student": "timm:tf_efficientnet_b0.ns_jft_in1k",
    "FixEfficientNet": "timm:tf_efficientnet_b0?input_size=320",
    "NFNet": "timm:nfnet_l0",
    "CoAtNet": "timm:coatnet_nano_rw_224",
    "MaxViT": "timm:maxvit_nano_rw_256",
    "ViT": "timm:vit_tiny_patch16_224",
    "ViT without a head": "timm:vit_tiny_patch16_224?num_classes=0",
    "CoCa and SigLIP type": "timm:vit_base_patch16_siglip_224?depth=4",
    "DeiT": "timm:deit_tiny_patch16_224",
    "DINOv2 with registers": "timm:vit_small_patch14_reg4_dinov2?img_size=224",
    "ConvNeXt": "timm:convnext_atto",
    "Swin": "timm:swin_tiny_patch4_window7_224",
    "FCN": "torchvision:fcn_resnet50",
    "SegNet": f"{OURS}.segnet:SegNet",
    "U-Net": "smp:Unet?encoder_name=resnet18",
    "TernausNet": f"{OURS}.ternausnet:TernausNet",
    "U-Net++": "smp:UnetPlusPlus?encoder_name=resnet18",
    "FPN": "smp:FPN?encoder_name=resnet18",
    "U-Net + FPN": f"{OURS}.unet_fpn:UNetFPN",
    "PSPNet": "smp:PSPNet?encoder_name=resnet18",
    "DeepLabV3": "smp:DeepLabV3?encoder_name=resnet18",
    "DeepLabV3+": "smp:DeepLabV3Plus?encoder_name=resnet18",
    "Tiramisu": f"{OURS}.tiramisu:Tiramisu",
    "SegFormer": "smp:Segformer?encoder_name=mit_b0",
    "Faster R-CNN": "torchvision:fasterrcnn_mobilenet_v3_large_fpn",
    "Mask R-CNN": "torchvision:maskrcnn_resnet50_fpn",
    "SSD": "torchvision:ssd300_vgg16",
    "SSDlite": "torchvision:ssdlite320_mobilenet_v3_large",
    "RetinaNet": "torchvision:retinanet_resnet50_fpn",
    "FCOS": "torchvision:fcos_resnet50_fpn",
    "YOLO": f"{OURS}.yolo:YoloV3Tiny",
}


def draw() -> NDArray[np.uint8]:
    """The drawn slide's level 0, drawn once for all networks."""
    with open_slide(SLIDE) as slide:
        return slide.read(0, 0, 0, slide.bounds.width, slide.bounds.height)


def ask(spec: str, picture: NDArray[np.uint8]) -> dict[str, Any]:
    """What one network does on the drawn slide; run in its own process."""
    import torch

    from wsi_scale import Settings, estimate_slide, load_network
    from wsi_scale.networks.layers import is_batchnorm
    from wsi_scale.testing.slides import shrunk_levels, slide_in_memory

    torch.manual_seed(0)
    begun = time.process_time()
    network = load_network(spec, device="cpu")
    loaded = time.process_time() - begun
    network = replace(network, input_size=network.input_size or SIDE)
    batchnorms = sum(is_batchnorm(call) for call in network.calls)
    settings = Settings(
        sites=16, scales=(1, 4), per_octave=4, resamples=20, as_is_sites=0, ruler=False
    )
    with slide_in_memory(shrunk_levels(picture)) as slide:
        network = gather_statistics(network, slide)
        report = estimate_slide(slide, network, settings)
    kinds = [layer.kind for layer in network.layers()]
    return {
        "task": network.task,
        "patch": network.input_size,
        "layers": len(kinds),
        "batchnorms": batchnorms,
        "estimator": report.estimator,
        "verdict": report.verdict,
        "scale": report.scale,
        "reason": report.reason,
        "load_seconds": loaded,
        "seconds": time.process_time() - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def gather_statistics(network: Any, slide: Any) -> Any:
    """The network, with the BatchNorm statistics of patches at the scale of the truth.

    They are plain means over all patches, so they need no number of batches to settle.
    """
    import torch
    from torch import nn

    from wsi_scale import ScaleGrid, Site, sample_pyramid
    from wsi_scale.networks.build import build_network

    side = network.input_size
    room = TRUTH * side / 2
    rng = np.random.default_rng(1)
    places = rng.uniform(room, slide.bounds.width - room, (24, 2))
    sites = [Site(float(x), float(y)) for x, y in places]
    cut = [sample_pyramid(slide, site, ScaleGrid((TRUTH,)), size=side).patches for site in sites]
    norms = [part for part in network.module.modules() if isinstance(part, nn.BatchNorm2d)]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None
        part.train()
    with torch.no_grad():
        for k in range(0, len(cut), 8) if norms else ():
            network.module(network.prepare(np.concatenate(cut[k : k + 8])))
    for part in norms:
        part._buffers["num_batches_tracked"] = None
    known = network.card.model_copy(update={"input_size": side})
    return build_network(network.spec, network.module, known)


def child(spec: str, picture: NDArray[np.uint8], pipe: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        try:
            pipe.send(ask(spec, picture))
        except BaseException:
            pipe.send({"error": traceback.format_exc()})


def asked(spec: str, picture: NDArray[np.uint8], context: Any) -> dict[str, Any]:
    """The answer of a child process, or why there is none."""
    mine, theirs = context.Pipe()
    process = context.Process(target=child, args=(spec, picture, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        done = mine.recv() if mine.poll(60 * MINUTES) else {"error": f"over {MINUTES} minutes"}
    except EOFError:
        done = {"error": "the process died"}
    process.join(5)
    if process.is_alive():
        process.kill()
    return {"spec": spec, **done}


def route(row: dict[str, Any]) -> str:
    if "error" in row:
        return "none"
    return "fingerprint" if row["batchnorms"] else "ruler, or a profile"


def answer(row: dict[str, Any]) -> str:
    scale = "" if row["scale"] is None else f" {row['scale']:.2f}"
    return f"{row['verdict']}{scale}"


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| family | SPEC | task | patch, px | layers heard | of them BatchNorm | route "
        "| answer (truth 2) | load, s | all, s | peak, MB |",
        "| --- | --- | --- | ---: | ---: | ---: | --- | --- | ---: | ---: | ---: |",
    ]
    for family, row in rows.items():
        start = f"| {family} | `{row['spec']}` "
        if "error" in row:
            lines.append(f"{start}| {row['error'].strip().splitlines()[-1]} ||||||||| ")
            continue
        lines.append(
            f"{start}| {row['task']} | {row['patch']} | {row['layers']} | {row['batchnorms']} "
            f"| {route(row)} | {answer(row)} | {row['load_seconds']:.1f} | {row['seconds']:.0f} "
            f"| {row['peak_mb']:.0f} |"
        )
    return "\n".join(lines)


def write_page(rows: dict[str, dict[str, Any]], command: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    today = datetime.date.today().isoformat()
    note = f"\n`{command}`, {today}. Seconds are those of the processor, on one thread.\n\n"
    PAGE.write_text(f"{before}{START}\n{table(rows)}\n{note}{END}{after}", encoding="utf-8")


def faults(rows: dict[str, dict[str, Any]]) -> list[str]:
    """What is wrong with the rows, one sentence each."""
    out = [f"{name}: {row['error']}" for name, row in rows.items() if "error" in row]
    whole = {name: row for name, row in rows.items() if "error" not in row}
    out += [f"{name} is not heard inside" for name, row in whole.items() if row["layers"] < 2]
    out += [f"{name} got no verdict" for name, row in whole.items() if not row["verdict"]]
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "wsi_scale.pipeline.run", "wsi_scale.judgement.estimate"]
    )
    known = json.loads(ROWS.read_text()) if args.only and ROWS.exists() else {}
    picture = draw()
    chosen = {
        family: spec
        for family, spec in FAMILIES.items()
        if args.only.lower() in f"{family} {spec}".lower()
    }
    new: dict[str, dict[str, Any]] = {}
    with ThreadPoolExecutor(args.workers) as pool:
        waiting = {pool.submit(asked, spec, picture, context): x for x, spec in chosen.items()}
        for done in as_completed(waiting):
            family, row = waiting[done], done.result()
            new[family] = row
            told = row["error"].splitlines()[-1] if "error" in row else answer(row)
            print(f"{family}: {told}, {row.get('seconds', 0):.0f} s", flush=True)
            if not args.check:
                both = {**known, **new}
                rows = {name: both[name] for name in FAMILIES if name in both}
                ROWS.write_text(json.dumps(rows, indent=1) + "\n")
    if not args.check:
        write_page(rows, "python benchmarks/family_matrix.py")
    for fault in faults(new):
        print(fault, file=sys.stderr)
    return 1 if faults(new) else 0


if __name__ == "__main__":
    sys.exit(main())
