"""slide2vec: its manifest with ``spacing_at_level_0``, and the spacing to ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wsi_scale.exports.escape import FORMULA, csv_text, path_cell, python_table, word_cell
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "slide2vec"
TOOL = "slide2vec"
GIVES = "manifest with spacing_at_level_0, and the call with requested_spacing_um"
NEEDS = ("scale", "mpp")

HEADER = ("sample_id", "image_path", "mask_path", "spacing_at_level_0", "verdict", "mpp_from")
CALL = """
from hs2p import TilingConfig
from slide2vec import ExecutionOptions, Model, Pipeline, PreprocessingConfig  # version 7

model = Model.from_preset("virchow2")  # your encoder
for run in RUNS:
    tiling = TilingConfig(
        requested_spacing_um=run["spacing_um"],
        requested_tile_size_px=run["tile_px"],
        tolerance=0.0,  # never take a level for the spacing that was asked for
        overlap=0.0,
    )
    execution = ExecutionOptions(output_dir="slide2vec_" + run["manifest"].removesuffix(".csv"))
    preprocessing = PreprocessingConfig(tiling=tiling)
    Pipeline(model=model, preprocessing=preprocessing, execution=execution).run(
        manifest_path=run["manifest"]
    )
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One manifest for all slides of the same spacing and tile size, and the call for each."""
    groups: dict[tuple[float, int], list[Facts]] = {}
    for facts in slides:
        groups.setdefault((facts.target_mpp, facts.tile_px), []).append(facts)
    names = _names(slides)
    files, runs = {}, []
    for number, ((spacing, size), members) in enumerate(groups.items(), start=1):
        manifest = f"slides_{number}.csv"
        files[manifest] = csv_text(HEADER, [_row(facts, names[facts.path]) for facts in members])
        runs.append({"manifest": manifest, "spacing_um": spacing, "tile_px": size})
    code = heading(TOOL, slides, left_out) + python_table("RUNS", runs) + CALL
    return {**files, "slide2vec_run.py": code}


def _row(facts: Facts, name: str) -> tuple[str | float | None, ...]:
    path = path_cell(os.path.abspath(facts.path))
    where = word_cell(facts.mpp_from or "")
    return (name, path, "", facts.needed_mpp, word_cell(facts.verdict), where)


def _names(slides: Sequence[Facts]) -> dict[str, str]:
    """A name of its own for every slide: that of its file, numbered where two are the same."""
    given: dict[str, str] = {}
    for facts in slides:
        stem = facts.name.rpartition(".")[0] or facts.name
        plain = "".join(c if c.isprintable() else "_" for c in stem).lstrip(FORMULA) or "slide"
        name, number = plain, 1
        while name in given.values():
            number += 1
            name = f"{plain}_{number}"
        given[facts.path] = name
    return given
