"""``wsi-scale thesis``: the model problem of the thesis, from its images to its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_scale.cli.help_endings import CONTINUES, DONE, TRAIN_END
from wsi_scale.cli.options import CORES, SeedOption, WorkersOption, check_workers
from wsi_scale.cli.parsers import number, whole_number
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.plumbing.files import check_writable

if TYPE_CHECKING:
    from wsi_scale.known_scale.thesis.train import Recipe

app = typer.Typer(
    help="Reproduce the thesis that this project grew from.\n\n"
    "The thesis (2022) trained small networks on drawn images of coloured figures, and looked for "
    "the scale at which each sees best. `reproduce` remakes its tables and figures. `dataset` and "
    "`train` make its images and networks; `reproduce` needs neither, because it draws the images "
    "itself and the networks are included.",
    epilog=DONE,
)

ImagesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of images from `thesis dataset`. Default: each image is drawn when needed.",
    ),
]


def check_folder(folder: Path | None) -> None:
    """Raise SettingsError if the folder to read does not exist."""
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"there is no folder {folder}; check the path")


def check_images(folder: Path | None, seed: int) -> None:
    """Raise SettingsError if the folder of images does not exist or has another seed."""
    from wsi_scale.known_scale.thesis.write_images import check_stored

    check_folder(folder)
    if folder is not None:
        check_stored(folder, seed)


def make_folder(folder: Path) -> None:
    """Make the folder before the work starts. Raises OutputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}; choose another --out"
        ) from error
    check_writable(folder / "card.toml")


@app.command(epilog=CONTINUES)
def dataset(
    out_folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the images.")],
    noise: Annotated[
        float,
        typer.Option(
            metavar="SIGMA",
            parser=number,
            help="Standard deviation of the noise, in grey levels. The thesis used 50 and 100.",
        ),
    ] = 0,
    grain: Annotated[
        int,
        typer.Option(
            metavar="1|2",
            parser=whole_number,
            help="Size of a grain of noise in pixels. 2 gives noise of half the resolution.",
        ),
    ] = 1,
    split: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Images to draw: train (200 images), test (100) or both."
        ),
    ] = "both",
    workers: WorkersOption = CORES,
    seed: SeedOption = 0,
) -> None:
    """Draw the 300 images of 20 classes and store them as PNG.

    Out: PNG files in DIR and their list, manifest.csv. `train` and `reproduce` draw the same
    images when they need them, so storing them is optional. If it is stopped, run it again and it
    continues.
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
    Path,
    typer.Option("--out", metavar="DIR", help="Folder in which each network gets a folder."),
]
TrainedScale = Annotated[
    float | None,
    typer.Option(
        metavar="A",
        parser=number,
        help="Scale of the patches to train on, in level-0 pixels per pixel of the network's "
        "input. Default: train every network of `thesis reproduce` that DIR lacks.",
    ),
]
ScheduleOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Learning rate: decayed (falls to zero) or constant (as the thesis writes).",
    ),
]
FiltersOption = Annotated[
    str,
    typer.Option(
        metavar="N,N,N",
        help="Number of filters in each of the three blocks. 8,16,32 is the wider network.",
    ),
]
JitterOption = Annotated[
    float,
    typer.Option(
        metavar="F",
        parser=number,
        help="Take each patch at a random scale between A/F and A·F. 1 takes all at A.",
    ),
]
EpochsOption = Annotated[
    int,
    typer.Option(
        metavar="N", parser=whole_number, help="Number of passes over the training patches."
    ),
]
BatchOption = Annotated[
    int,
    typer.Option(metavar="N", parser=whole_number, help="Number of patches in a training step."),
]
LayoutOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Order of the pixels in memory: channels-last (fast) or contiguous. The last digits "
        "depend on it.",
    ),
]
ThreadsOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Number of CPU threads. The last digits depend on it.",
    ),
]


@app.command(epilog=TRAIN_END)
def train(  # one parameter per choice of the recipe
    out_folder: OutNetworks,
    scale: TrainedScale = None,
    schedule: ScheduleOption = "decayed",
    filters: FiltersOption = "4,8,16",
    jitter: JitterOption = 1,
    epochs: EpochsOption = 7,
    batch: BatchOption = 32,
    layout: LayoutOption = "channels-last",
    threads: ThreadsOption = 1,
    images: ImagesOption = None,
    seed: SeedOption = 0,
) -> None:
    """Train the thesis's network on patches at one scale.

    Out: a folder in DIR for each network, with its weights and card.toml. Give the card to
    `wsi-scale estimate --network`. A network takes five to ten minutes on one core.
    """
    from wsi_scale.known_scale.thesis.train import Recipe, parse_filters, repeatable

    if threads < 1:
        raise SettingsError(f"training needs at least 1 thread, got {threads}")
    check_images(images, seed)
    given = (schedule, parse_filters(filters), seed, epochs, batch, jitter, layout)
    if scale is not None:
        recipes = [Recipe(scale, *given)]
        if _is_trained(out_folder / recipes[0].name):
            raise SettingsError(
                f"{out_folder / recipes[0].name} is already trained; choose another --out"
            )
    elif Recipe(5.0, *given) != Recipe(5.0):
        raise SettingsError("give the --scale of the network to train, for example --scale 5")
    else:
        recipes = _recipes_left(out_folder)
    with repeatable(threads):
        for recipe in recipes:
            _train_one(recipe, out_folder / recipe.name, images)


def _recipes_left(out_folder: Path) -> list[Recipe]:
    """The networks of the reproduction that the folder lacks."""
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
        f"{recipe.name}: {trained.accuracy:.1%} of unseen patches at scale {recipe.scale:g} are "
        f"classified correctly; its card is {folder / 'card.toml'}",
        soft_wrap=True,
    )


@app.command(epilog=CONTINUES)
def reproduce(
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Amount of work: quick (minutes) or full (50 pyramids per class, as in the "
            "thesis).",
        ),
    ] = "quick",
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder for the results. Default: thesis-PRESET."
        ),
    ] = None,
    networks: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of networks from `thesis train`; these replace the shipped networks of "
            "the same name.",
        ),
    ] = None,
    images: ImagesOption = None,
    workers: WorkersOption = CORES,
    seed: SeedOption = 0,
) -> None:
    """Remake the thesis's tables and figures, and test its method.

    Out: a folder of tables and figures; begin with its README.md. One of them is the test that the
    thesis did not make: every estimator compared with chance.

    Measurements are kept. Run it again after Ctrl-C and it continues. Once everything is measured,
    running it again only remakes the tables and figures.
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
