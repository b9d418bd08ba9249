"""``wsi-scale calibrate``: makes a profile from images whose right scale is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from wsi_scale.cli.network_options import TrustCardOption
from wsi_scale.cli.options import DeviceOption, PerOctaveOption, SeedOption
from wsi_scale.cli.outputs import inputs_of, refuse_to_replace
from wsi_scale.cli.parsers import number, whole_number
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import out
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.networks.trust import with_trust
from wsi_scale.plumbing.files import check_writable
from wsi_scale.slide.readers import is_slide_folder

if TYPE_CHECKING:
    from wsi_scale.estimators.profile_file import Profile


ReferencesArgument = Annotated[
    list[str],
    typer.Argument(metavar="IMAGES", help="Slides or images, or folders of them; at least 3."),
]
SpecOption = Annotated[
    str,
    typer.Option(
        metavar="SPEC",
        help="Network to calibrate. `wsi-scale networks` lists the forms of SPEC.",
    ),
]
OutProfile = Annotated[
    Path,
    typer.Option("--out", metavar="FILE", help="Profile to write; the name ends in .safetensors."),
]
ScaleOption = Annotated[
    float | None,
    typer.Option(
        metavar="A",
        parser=number,
        help="Right scale of all images: level-0 pixels per pixel of the network's input. Give "
        "this or --mpp.",
    ),
]
WantedMppOption = Annotated[
    float | None,
    typer.Option(
        metavar="M",
        parser=number,
        help="µm/px at which the network works best; the right scale follows from the µm/px that "
        "each image states. Give this or --scale.",
    ),
]
SitesPerImageOption = Annotated[
    int,
    typer.Option(
        metavar="N", parser=whole_number, help="Number of places to measure in each image."
    ),
]
JittersOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Number of altered copies of each place: stain, light, focus and JPEG quality are "
        "changed.",
    ),
]


def calibrate(
    references: ReferencesArgument,
    network: SpecOption,
    out_file: OutProfile,
    scale: ScaleOption = None,
    mpp: WantedMppOption = None,
    sites: SitesPerImageOption = 8,
    jitters: JittersOption = 1,
    per_octave: PerOctaveOption = 8,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    trust: TrustCardOption = None,
) -> None:
    """Learn a profile from images whose right scale is known.

    A profile lets wsi-scale read the scale from this network's responses. In: a network, and
    images whose right scale for it is known. Out: a profile file, and one sentence that says how
    far it is off on images it did not see. Use it with `wsi-scale estimate --profile FILE`, or
    name it in the network's card.

    Give one image per case: each image is left out once to test the profile, and a second image of
    the same case would make it seem better than it is. Images of one laboratory err alike too: put
    each laboratory's images in a folder of its own, and from three folders on a folder is left out
    whole. Fewer than 15 cases, or than 3 folders, give no answer that is ok.
    """
    from wsi_scale.known_scale.calibrate import ReferenceImages
    from wsi_scale.known_scale.calibrate import calibrate as run
    from wsi_scale.networks.load import load_network

    network = with_trust(network, trust or ())
    reference = ReferenceImages(
        scale, mpp, sites=sites, jitters=jitters, per_octave=per_octave, seed=seed
    )
    images = list_images(references)
    if out_file.suffix != ".safetensors":
        raise OutputError(f"--out writes a .safetensors file, got {out_file}")
    check_writable(out_file)
    refuse_to_replace([*inputs_of("", None, network), *images], [out_file])
    with redirect_stdout(sys.stderr), following() as tell:  # a user's network may print
        profile = run(load_network(network, device=device), images, reference, tell)
    out.print(worth(profile), soft_wrap=True)
    profile.save(out_file)
    out.print(f"use it with --profile {out_file}", soft_wrap=True)


def list_images(references: Sequence[str]) -> list[str]:
    """The images, with folders replaced by the files in them.

    Raises SettingsError for duplicates and empty folders.
    """
    images: list[str] = []
    for word in references:
        is_folder = Path(word).is_dir() and not is_slide_folder(word)
        inside = sorted(x for x in Path(word).iterdir() if x.name[0] != ".") if is_folder else []
        found = [str(x) for x in inside if x.is_file() or is_slide_folder(x)]
        if is_folder and not found:
            raise SettingsError(f"there is no image in the folder {word}; check the path")
        images += found or [word]
    twice = [word for word in images if images.count(word) > 1]
    if twice:
        raise SettingsError(
            f"{twice[0]} is given twice; give each image once, so that the one left out is new"
        )
    return images


def worth(profile: Profile) -> str:
    """One sentence: how far the profile is off on images that it did not see."""
    off = np.abs(profile.errors)
    lo, hi = profile.reach
    return (
        f"{profile.about.network}, calibrated on {len(profile.about.images)} images from "
        f"{2**lo:.2g} to {2**hi:.2g} times the right scale: on images left out the median error is "
        f"{np.median(off):.3f} octave, and for nine of ten of them it is at most "
        f"{np.quantile(off, 0.9):.3f}{chance(profile)}"
    )


def chance(profile: Profile) -> str:
    """What an untrained copy of the network is off by, and what follows."""
    if profile.about.control is None:
        return ""
    from wsi_scale.estimators.profile import reads_tissue

    told = f"; an untrained copy of the network is off by {profile.about.control:.3f}"
    if not reads_tissue(profile):
        return told
    return (
        f"{told} and so reads as well: this profile measures the tissue, not the network. For H&E "
        "whose µm/px the network is known to want, wsi-scale ruler measures the slide without a "
        "reference"
    )
