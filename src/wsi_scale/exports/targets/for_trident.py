"""TRIDENT: a table of slides with their µm/px, and the command with the ``--mag`` of the scale.

TRIDENT turns a slide's µm/px into a magnification of its own (``_magnification``) and reads at
that magnification / ``--mag``. So ``--mag`` = its magnification / scale is exact.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from wsi_scale.exports.escape import csv_text, path_cell, shell, word_cell
from wsi_scale.exports.facts import Facts, common_folder
from wsi_scale.exports.targets._heading import heading
from wsi_scale.exports.targets._magnification import power_of, refuse_coarse
from wsi_scale.networks.published_models import find_published, plain_name

NAME = "trident"
TOOL = "TRIDENT"
GIVES = "CSV for --custom_list_of_wsis, and the command with --mag for the exact scale"
ENCODERS = (
    "uni_v1", "uni_v2", "digepath", "conch_v1", "conch_v15", "virchow", "virchow2", "phikon",
    "phikon_v2", "keep", "gigapath", "gigapath-flash", "hoptimus0", "hoptimus1", "h0-mini", "musk",
    "midnight12k", "openmidnight", "gpfm", "genbio-pathfm", "lunit-vits8", "hibou_l", "ctranspath",
)  # fmt: skip
"""Values of ``--patch_encoder`` that are published models of the table.
Source: the table of patch encoders in TRIDENT's repository."""

NEEDS = ("scale", "mpp")


def refuse(facts: Facts) -> str | None:
    """TRIDENT knows no magnification below 5×."""
    return refuse_coarse(facts, TOOL)


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One table and one command for all slides that share ``--mag`` and the patch size."""
    folder = common_folder([facts.path for facts in slides])
    groups: dict[tuple[str, int], list[Facts]] = {}
    for facts in slides:
        groups.setdefault((mag(facts), facts.tile_px), []).append(facts)
    files, commands = {}, []
    encoders = [_encoder(members) for members in groups.values()]
    for ((power, size), members), encoder in zip(groups.items(), encoders, strict=True):
        name = f"slides_{power}x_{size}px.csv"
        files[name] = _table(members, folder)
        words = ["--wsi_dir", folder, "--custom_list_of_wsis", name, "--search_nested"]
        words += ["--job_dir", "trident", "--mag", power, "--patch_size", str(size)]
        commands.append(_command("coords", words))
        if encoder:
            commands.append(_command("feat", [*words, "--patch_encoder", encoder]))
    more = "Run --task seg first, then what stands here"
    more += "." if all(encoders) else ", then feat with --patch_encoder."
    return {**files, "trident.sh": heading(TOOL, slides, left_out, more) + "".join(commands)}


def mag(facts: Facts) -> str:
    """The value of ``--mag``, to six digits, as TRIDENT names its folders."""
    return f"{power_of(facts) / facts.needed_scale:.6g}"


def _command(task: str, words: Sequence[str]) -> str:
    return shell(["python", "run_batch_of_slides.py", "--task", task, *words]) + "\n"


def _encoder(slides: Sequence[Facts]) -> str:
    """TRIDENT's name of the network, if it is a published model that TRIDENT has; else empty."""
    called = {plain_name(facts.network) for facts in slides}
    for name in ENCODERS:
        if called == {plain_name(find_published(name).name)}:
            return name
    return ""


def _table(slides: Sequence[Facts], folder: str) -> str:
    rows = [
        (
            path_cell(os.path.relpath(facts.path, folder)),
            facts.needed_mpp,
            word_cell(facts.verdict),
            word_cell(facts.mpp_from or ""),
        )
        for facts in slides
    ]
    return csv_text(("wsi", "mpp", "verdict", "mpp_from"), rows)
