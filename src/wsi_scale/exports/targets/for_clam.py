"""CLAM: ``--patch_level``, ``--patch_size`` and ``--step_size``. CLAM knows no µm/px."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wsi_scale.exports.escape import csv_text, path_cell, shell, word_cell
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "clam"
TOOL = "CLAM"
GIVES = "process lists and the commands with --patch_level, --patch_size and --step_size"
NEEDS = ("scale",)


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One process list and two commands for all slides of the same folder, level and size."""
    groups: dict[tuple[str, int, int, int], list[Facts]] = {}
    for facts in slides:
        side = round(facts.tile_px * facts.residual)
        folder = os.path.dirname(facts.path) or "."
        groups.setdefault((folder, facts.level, side, facts.tile_px), []).append(facts)
    files, commands = {}, []
    for number, ((folder, level, side, size), members) in enumerate(groups.items(), start=1):
        out = f"clam_{number}"
        rows = [(path_cell(f.name), 1, word_cell(f.verdict)) for f in members]
        files[f"{out}/slides.csv"] = csv_text(("slide_id", "process", "verdict"), rows)
        cut = ["python", "create_patches_fp.py", "--source", folder, "--save_dir", out]
        cut += ["--process_list", "slides.csv", "--patch_level", str(level)]
        cut += ["--patch_size", str(side), "--step_size", str(side), "--seg", "--patch"]
        use = ["python", "extract_features_fp.py", "--data_h5_dir", out, "--data_slide_dir", folder]
        use += ["--csv_path", f"{out}/process_list_autogen.csv", "--feat_dir", f"{out}/features"]
        commands += [shell(cut) + "\n", shell([*use, "--target_patch_size", str(size)]) + "\n"]
    more = "--patch_size is in px of --patch_level; --target_patch_size is the network's input."
    return {**files, "clam.sh": heading(TOOL, slides, left_out, more) + "".join(commands)}
