"""What a reproduction asks, of whom, and where its answers lie; no torch."""

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
    """How much is looked at."""

    per_image: int
    """Pyramids of each of the 5 test images of a class."""
    fewer_per_image: int
    """The same for networks that stand beside the row: random weights, and wide ones."""
    references: int
    """Training images of a class, one pyramid each, that reference estimators learn from."""
    images: int = PER_CLASS["test"]
    """Test images of a class."""


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
    """Folder of stored images; None: drawn where they are looked at."""
    trained: Path | None = None
    """Folder of networks that go before the shipped ones."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingsError(f"a seed is 0 or more, got {self.seed}")

    @property
    def note(self) -> Path:
        """The file that says what is asked."""
        return self.out / "run.json"

    def pyramids_of_image(self, split: str, number: int) -> int:
        """Most pyramids that any network sees of one image."""
        if split == "test":
            return self.preset.per_image if number < self.preset.images else 0
        return int(number < self.preset.references)

    def pyramids(self, name: str, split: str, number: int) -> int:
        """Pyramids that one network sees of one image."""
        most = self.pyramids_of_image(split, number)
        member = FAMILY[name]
        if split == "train":
            return most
        return min(most, self.preset.fewer_per_image) if member.random or member.wide else most

    def describe(self) -> dict[str, Any]:
        """Everything that decides the answers, for the note.

        Raises NetworkError when a network is not there.
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
    """The preset of that name. Raises SettingsError with the names there are."""
    if name not in PRESETS:
        raise SettingsError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def response_file(plan: Plan, name: str, split: str, kind: int, number: int) -> Path:
    """Where the answers of one network about one image lie."""
    word = FIGURE_CLASSES[kind].replace(" ", "_")
    return plan.out / "responses" / name / f"{split}-{word}-{number:02}.npz"


@dataclass(frozen=True)
class ImageJob:
    """One image and the networks that are to see its pyramids."""

    plan: Plan
    image: Image
    split: str
    asked: tuple[tuple[str, int], ...]
    """(network, pyramids) for those that have no file yet."""


def list_jobs(plan: Plan) -> list[ImageJob]:
    """One job per image; what has a file already is not asked again."""
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
    """All that one network answered about the images of one class.

    Raises SettingsError when some of it is missing.
    """
    parts = []
    for number in range(PER_CLASS[split]):
        if plan.pyramids(name, split, number):
            path = response_file(plan, name, split, kind, number)
            if not path.exists():
                raise SettingsError(f"{path} is missing; run wsi-scale thesis reproduce again")
            parts.append(Responses.load(path))
    return merge(parts)
