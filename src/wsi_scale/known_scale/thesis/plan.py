"""The settings of a reproduction and the files of its responses; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.thesis.cards import sha256_of
from wsi_scale.known_scale.thesis.images import PER_CLASS, Image, list_images
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.responses.record import Responses, merge
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

THESIS_GRID = ScaleGrid.linear(0.5, 9.9, 0.1)
"""95 scales."""


@dataclass(frozen=True)
class Preset:
    """How much is measured."""

    per_image: int
    """Pyramids in each test image."""
    fewer_per_image: int
    """The same for the networks used only for comparison: random weights, and wide ones."""
    references: int
    """Training images per class, one pyramid each, from which some estimators learn."""
    images: int = PER_CLASS["test"]
    """Test images per class."""


PRESETS = {"quick": Preset(1, 1, 1, images=4), "full": Preset(10, 2, 10)}
"""``full`` is the thesis's m = 50 pyramids of each class."""


@dataclass(frozen=True)
class Plan:
    """One reproduction."""

    out: Path
    preset: Preset
    seed: int = 0
    networks: tuple[str, ...] = tuple(FAMILY)
    grid: ScaleGrid = THESIS_GRID
    images: Path | None = None
    """Folder of stored images; None: drawn on demand."""
    trained: Path | None = None
    """Folder of networks to use instead of the shipped ones."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingsError(f"the seed must be 0 or more, got {self.seed}")

    @property
    def note(self) -> Path:
        """The file that records the settings."""
        return self.out / "run.json"

    def pyramids_of_image(self, split: str, number: int) -> int:
        """Largest number of pyramids that any network sees from one image."""
        if split == "test":
            return self.preset.per_image if number < self.preset.images else 0
        return int(number < self.preset.references)

    def pyramids(self, name: str, split: str, number: int) -> int:
        """Number of pyramids that one network sees from one image."""
        most = self.pyramids_of_image(split, number)
        member = FAMILY[name]
        if split == "train":
            return most
        return min(most, self.preset.fewer_per_image) if member.random or member.wide else most

    def describe(self) -> dict[str, Any]:
        """Everything on which the answers depend, for the note.

        Raises NetworkError if a network is missing.
        """
        return {
            "test_images_per_class": self.preset.images,
            "pyramids_per_test_image": self.preset.per_image,
            "fewer_per_test_image": self.preset.fewer_per_image,
            "reference_images_per_class": self.preset.references,
            "seed": self.seed,
            "networks": {x: sha256_of(FAMILY[x], self.trained) for x in self.networks},
            "scales": [self.grid.scales[0], self.grid.scales[-1], len(self.grid)],
            "images": "drawn" if self.images is None else str(self.images.resolve()),
        }


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises SettingsError that lists the names."""
    if name not in PRESETS:
        raise SettingsError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]


def response_file(plan: Plan, name: str, split: str, kind: int, number: int) -> Path:
    """File of one network's responses to one image."""
    word = FIGURE_CLASSES[kind].replace(" ", "_")
    return plan.out / "responses" / name / f"{split}-{word}-{number:02}.npz"


@dataclass(frozen=True)
class ImageJob:
    """One image and the networks that have not seen its pyramids yet."""

    plan: Plan
    image: Image
    split: str
    asked: tuple[tuple[str, int], ...]
    """(network, number of pyramids) for every network without a file."""


def list_jobs(plan: Plan) -> list[ImageJob]:
    """One job per image; a network that has a file for the image is not run again."""
    out = []
    for split in ("test", "train"):
        for image in list_images(split, plan.seed):
            asked = tuple(
                (name, count)
                for name in plan.networks
                if (count := plan.pyramids(name, split, image.number))
                and not response_file(plan, name, split, image.kind, image.number).exists()
            )
            if plan.pyramids_of_image(split, image.number):
                out.append(ImageJob(plan, image, split, asked))
    return out


def load_class(plan: Plan, name: str, split: str, kind: int) -> Responses:
    """The responses of one network to all images of one class.

    Raises SettingsError if a file is missing.
    """
    parts = []
    for number in range(PER_CLASS[split]):
        if plan.pyramids(name, split, number):
            path = response_file(plan, name, split, kind, number)
            if not path.exists():
                raise SettingsError(f"{path} is missing; run wsi-scale thesis reproduce again")
            parts.append(Responses.load(path))
    return merge(parts)
