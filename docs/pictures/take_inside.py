"""Takes the picture of a network at work that docs/explain.md shows.

python docs/pictures/take_inside.py
"""

from pathlib import Path

from PIL import Image

from wsi_scale import cli

HERE = Path(__file__).parent
SLIDE = HERE.parents[1] / "sample_data" / "CMU-1-Small-Region.svs"


def main():
    path = HERE / "inside.png"
    assert cli.run(["estimate", str(SLIDE), "--no-ruler", "--explain", str(path)]) == 0
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(128)  # a third of the bytes
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
