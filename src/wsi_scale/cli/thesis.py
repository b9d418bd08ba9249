"""``wsi-scale thesis``: the model problem of the thesis, from its images to its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_scale.cli.options import (
    CORES,
    SeedOption,
    WorkersOption,
    check_workers,
    number,
    whole_number,
)
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.plumbing.files import check_writable

if TYPE_CHECKING:
    from wsi_scale.known_scale.thesis.train import Recipe

app = typer.Typer(
    help="The thesis this project grew from: its images, its networks, its tables and figures.",
)

ImagesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Images of `thesis dataset`; default: drawn where they are looked at."
    ),
]


def check_folder(folder: Path | None) -> None:
    """Raise SettingsError when a folder to be read is not there."""
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"there is no folder {folder}")


def check_images(folder: Path | None, seed: int) -> None:
    """Raise SettingsError for a folder of stored images that is not there or of another seed."""
    from wsi_scale.known_scale.thesis.write_images import check_stored

    check_folder(folder)
    if folder is not None:
        check_stored(folder, seed)


def make_folder(folder: Path) -> None:
    """Make it before the work, not after. Raises OutputError, one sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}; choose another --out"
        ) from error
    check_writable(folder / "card.toml")


@app.command()
def dataset(
    out_folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the images go.")],
    noise: Annotated[
        float, typer.Option(metavar="SIGMA", parser=number, help="Grey levels; thesis: 50, 100.")
    ] = 0,
    grain: Annotated[
        int, typer.Option(metavar="1|2", parser=whole_number, help="2: noise of half resolution.")
    ] = 1,
    split: Annotated[str, typer.Option(help="train (200 images), test (100) or both.")] = "both",
    workers: WorkersOption = CORES,
    seed: SeedOption = 0,
) -> None:
    """Store the 300 images of 20 classes as PNG; run it again and it goes on.

    Training and reproduction draw the same images where they look and need none stored.
    """
    from wsi_scale.known_scale.thesis import write_images

    check_workers(workers)
    splits = ("train", "test") if split == "both" else (split,)
    asked = write_images.ImageSet(out_folder, noise, grain, seed, splits=splits)
    work = write_images.begin(asked)
    needed, free = write_images.gigabytes(work.needed), write_images.gigabytes(work.free)
    err.print(
        f"{len(work.missing)} images to draw, about {needed}; {free} are free", soft_wrap=True
    )
    with following() as tell:
        count = write_images.write_dataset(work, workers, tell)
    out.print(f"{count} images in {out_folder}, listed in manifest.csv", soft_wrap=True)


OutNetworks = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Each network gets a folder in there.")
]
TrainedScale = Annotated[
    float | None,
    typer.Option(
        metavar="A",
        parser=number,
        help="Level-0 px per network px; default: all networks of `thesis reproduce` that DIR "
        "lacks.",
    ),
]
ScheduleOption = Annotated[
    str, typer.Option(help="constant (as the thesis writes) or decayed learning rate.")
]
FiltersOption = Annotated[
    str, typer.Option(metavar="N,N,N", help="Of the three blocks; wider: 8,16,32.")
]
JitterOption = Annotated[
    float,
    typer.Option(
        metavar="F", parser=number, help="Take each patch at a scale between A/F and A·F."
    ),
]
CountOption = Annotated[int, typer.Option(metavar="N", parser=whole_number)]
LayoutOption = Annotated[
    str, typer.Option(help="channels-last (fast) or contiguous: pixels in memory.")
]
ThreadsOption = Annotated[
    int, typer.Option(metavar="N", parser=whole_number, help="The last digits depend on it.")
]


@app.command()
def train(  # one parameter per choice of the recipe
    out_folder: OutNetworks,
    scale: TrainedScale = None,
    schedule: ScheduleOption = "decayed",
    filters: FiltersOption = "4,8,16",
    jitter: JitterOption = 1,
    epochs: CountOption = 7,
    batch: CountOption = 32,
    layout: LayoutOption = "channels-last",
    threads: ThreadsOption = 1,
    images: ImagesOption = None,
    seed: SeedOption = 0,
) -> None:
    """Train the thesis's network for patches at scale A; five to ten minutes on one core."""
    from wsi_scale.known_scale.thesis.train import Recipe, make_repeatable, parse_filters

    if threads < 1:
        raise SettingsError(f"training needs at least 1 thread, got {threads}")
    check_images(images, seed)
    make_repeatable(threads)
    given = (schedule, parse_filters(filters), seed, epochs, batch, jitter, layout)
    if scale is not None:
        recipes = [Recipe(scale, *given)]
        if _is_trained(out_folder / recipes[0].name):
            raise SettingsError(f"{out_folder / recipes[0].name} is trained; choose another --out")
    elif Recipe(5.0, *given) != Recipe(5.0):
        raise SettingsError("name the network to train by its --scale, for example --scale 5")
    else:
        recipes = _recipes_left(out_folder)
    for recipe in recipes:
        _train_one(recipe, out_folder / recipe.name, images)


def _recipes_left(out_folder: Path) -> list[Recipe]:
    """Of all networks of the reproduction those that the folder lacks."""
    from wsi_scale.known_scale.thesis.train import family_recipes

    recipes = [x for x in family_recipes() if not _is_trained(out_folder / x.name)]
    err.print(f"{len(recipes)} networks to train")
    return recipes


def _is_trained(folder: Path) -> bool:
    return (folder / "card.toml").exists()


def _train_one(recipe: Recipe, folder: Path, images: Path | None) -> None:
    make_folder(folder)
    from wsi_scale.known_scale.thesis.train import save_network, train_network

    err.print(recipe.name)
    with following() as tell:
        trained = train_network(recipe, tell, images)
        save_network(trained, folder)
    out.print(
        f"{recipe.name}: names {trained.accuracy:.1%} of unseen patches at scale "
        f"{recipe.scale:g} rightly; its card is {folder / 'card.toml'}",
        soft_wrap=True,
    )


@app.command()
def reproduce(
    preset: Annotated[
        str, typer.Option(help="quick (minutes) or full (the thesis's 50 pyramids a class).")
    ] = "quick",
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Default: thesis-PRESET.")
    ] = None,
    networks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Networks of `thesis train` that go before the shipped."),
    ] = None,
    images: ImagesOption = None,
    workers: WorkersOption = CORES,
    seed: SeedOption = 0,
) -> None:
    """Every table and figure of the thesis, and the test it did not make.

    What is measured is kept: run it again after Ctrl-C and it goes on, or when all is measured to
    make tables and figures anew.
    """
    from wsi_scale.known_scale.thesis.plan import Plan, find_preset
    from wsi_scale.known_scale.thesis.reproduce import reproduce as run

    check_workers(workers)
    check_folder(networks)
    folder = out_folder or Path(f"thesis-{preset}")
    plan = Plan(folder, find_preset(preset), seed, images=images, trained=networks)
    check_images(images, seed)
    with following() as tell:
        written = run(plan, workers, tell)
    out.print(f"{len(written)} tables and figures in {folder}", soft_wrap=True)
    out.print(f"read {folder / 'README.md'} first", soft_wrap=True)
