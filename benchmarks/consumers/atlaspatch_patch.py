"""AtlasPatch cuts a patch with the exported table and command; it is resized here."""

import shlex
from pathlib import Path

import cv2
import numpy as np
from answer import hand_over


def read(folder, slide):
    from atlas_patch.core.config import ExtractionConfig, OutputConfig
    from atlas_patch.core.models import Slide
    from atlas_patch.core.wsi import WSIFactory
    from atlas_patch.services.extraction import PatchExtractionService
    from atlas_patch.services.mpp import CSVMPPResolver

    text = (Path(folder) / "atlaspatch.sh").read_text()
    words = shlex.split(text, comments=True)
    option = {words[i]: words[i + 1] for i in range(len(words) - 1)}
    side = int(text.split("encoder's input: ")[1].split(" px")[0])
    entry = Slide(path=Path(slide))
    mpp = CSVMPPResolver(Path(folder) / "mpp.csv").resolve(entry)
    wsi = WSIFactory.load(slide, mpp=mpp)
    wsi._ensure_loaded()
    config = ExtractionConfig(int(option["--patch-size"]), int(option["--target-mag"]))
    service = PatchExtractionService(config, OutputConfig(Path("atlaspatch")))
    everywhere = service._prepare_contours(np.ones((64, 64), np.uint8) * 255, wsi)
    entries = list(service._iter_patch_entries(wsi, *everywhere, include_patch=True))
    x, y, _, _, _, patch = entries[len(entries) // 2]
    return x, y, cv2.resize(patch, (side, side), interpolation=cv2.INTER_AREA)


hand_over(read)
