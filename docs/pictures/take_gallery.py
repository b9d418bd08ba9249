"""Takes the pictures of verdicts that docs/gallery.md shows.

WSI_SCALE_TEST_DATA=FOLDER python docs/pictures/take_gallery.py [NAME …]

The slides are the one of sample_data and two regions of CAMELYON17 in that folder, all CC0.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from wsi_scale import cli
from wsi_scale.report import Report

HERE = Path(__file__).parent
CMU = HERE.parents[1] / "sample_data" / "CMU-1-Small-Region.svs"
LYMPH = Path(os.environ.get("WSI_SCALE_TEST_DATA", ".")) / "ruler" / "camelyon17"
NODE = LYMPH / "centre_0_patient_006_node_1.jpeg"
OTHER_NODE = LYMPH / "centre_2_patient_056_node_1.jpeg"
VIT = "timm:vit_tiny_patch16_224?num_classes=0"

WRITE = ["--plot", "plot.png", "--json", "report.json"]
CASES = {  # name of the picture -> arguments, verdict, pixel size if it matters
    "ok": ([CMU], "ok", "agree"),
    "conflict": ([CMU, "--mpp", "0.25"], "ambiguous", "conflict"),
    "ambiguous": ([NODE], "ambiguous", None),
    "edge": ([CMU, "--scales", "2:16", "--no-ruler"], "edge", None),
    "outside": ([CMU, "--network", "figures", "--no-ruler"], "outside", None),
    "blank": ([CMU, "--region", "1900,0,300,300"], "blank", None),
    "no_evidence": (
        [OTHER_NODE, "--network", VIT, "--no-ruler", "--sites", "8"],
        "no_evidence",
        None,
    ),
}


def shrink(picture: Path, target: Path) -> None:
    """A tenth of the bytes, with the colours that the words name."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
    small.thumbnail((900, 900))
    few = small.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2)  # keeps rare colours
    few.save(target, optimize=True)


def main(names: list[str]) -> None:
    for name in names or CASES:
        arguments, verdict, status = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            plot, report = Path(folder, "plot.png"), Path(folder, "report.json")
            slide, *options = arguments
            shutil.copy(slide, folder)
            os.chdir(folder)  # pictures name the slide as it was named
            code = cli.run(["estimate", slide.name, *options, *WRITE])
            assert code in (0, 3)
            found = Report.from_json(report.read_bytes())
            assert found.verdict == verdict, found.reason
            assert status is None or (found.pixels and found.pixels.status == status)
            os.chdir(HERE)
            shrink(plot, HERE / f"verdict_{name}.png")
            if name == "ok":  # the picture of the first page
                shrink(plot, HERE / "answer.png")


if __name__ == "__main__":
    main(sys.argv[1:])
