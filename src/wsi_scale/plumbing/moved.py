"""Keeps earlier import paths working for one more release, with a warning.

``from wsi_scale.judge import estimate`` gives ``wsi_scale.judgement.estimate.estimate`` and a
DeprecationWarning that names the new path. Version 0.2 removes this file.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "metadata": "slide.metadata",
    "level_audit": "slide.level_audit",
    "objective": "slide.resolution",
    "prior": "slide.resolution",
    "pyramid": "slide.pyramid",
    "resampling": "slide.resampling",
    "survey": "sites.overview",
    "tissue": "sites.tissue",
    "histology": "sites.stain",
    "focus": "sites.focus",
    "regions": "sites.regions",
    "drawn": "sites.drawn_regions",
    "measure": "responses.measure",
    "colour_fit": "responses.colour_fit",
    "profile": "estimators.profile_file",
    "judge": "judgement.estimate",
    "verdict": "judgement.rules",
    "voices": "judgement.auto",
    "tolerance": "judgement.tolerance",
    "planning": "pipeline.planning",
    "looking": "pipeline.visit_sites",
    "sparing": "pipeline.coarse_to_fine",
    "assemble": "pipeline.build_report",
    "audit": "pixel_size.audit",
    "pipeline.pixel_audit": "pixel_size.audit",
    "as_is": "pipeline.native_levels",
    "fields": "pipeline.fields_of_view",
    "settings": "pipeline.settings",
    "outlines": "pipeline.strip",
    "bundled": "networks.shipped",
    "evaluate.identity": "networks.identity",
    "networks.card_file": "networks.sources.card_file",
    "networks.exported": "networks.sources.exported",
    "networks.factory": "networks.sources.factory",
    "networks.torchscript": "networks.sources.torchscript",
    "networks.assemble": "networks.sources.assemble",
    "networks.timm_source": "networks.sources.timm",
    "networks.smp_source": "networks.sources.smp",
    "networks.torchvision_source": "networks.sources.torchvision",
    "networks.bundled_source": "networks.sources.bundled",
    "augment": "known_scale.calibrate.augment",
    "calibrate.measure": "known_scale.calibrate.reference",
    "files": "plumbing.files",
    "registry": "plumbing.registry",
    "evaluate.claim": "plumbing.claims",
    "evaluate.workers": "plumbing.processes",
    "evaluate.table": "plumbing.tables",
    "evaluate.answers": "known_scale.evaluate.ask_estimators",
    "evaluate.gather": "known_scale.evaluate.measure_slides",
    "evaluate.kept": "known_scale.evaluate.accuracy_kept",
    "evaluate.summary": "known_scale.evaluate.scores",
    "evaluate.run": "known_scale.evaluate.run_bench",
    "evaluate.sweep": "known_scale.evaluate.sweep_options",
    "thesis.gather": "known_scale.thesis.measure_images",
    "thesis.sweep": "known_scale.thesis.sweep_knobs",
    "thesis.windows": "known_scale.thesis.thesis_windows",
    "thesis.tables": "known_scale.thesis.thesis_tables",
    "thesis.dataset": "known_scale.thesis.write_images",
    "render.tables": "render.site_tables",
    "render.batch": "render.batch_page",
    "batch.run": "batch.run_batch",
    "tiling.kept": "tiling.worth_reading",
    "tiling.dataset": "tiling.torch_dataset",
    "batch.many": "batch.estimate_slides",
    "batch.one": "batch.one_slide",
    "readers": "slide.readers",
    "evaluate": "known_scale.evaluate",
    "thesis": "known_scale.thesis",
    "calibrate": "known_scale.calibrate",
}
"""Old module or package, without ``wsi_scale.`` -> the new one."""

PARTED = {
    "geometry.FILTER_SUPPORT": "slide.read_plan",
    "geometry.LevelRead": "slide.read_plan",
    "geometry.MAX_READ_SIDE": "slide.read_plan",
    "geometry.ReadPlan": "slide.read_plan",
    "geometry.Window": "slide.read_plan",
    "geometry.plan_reads": "slide.read_plan",
    "geometry.reduction": "slide.read_plan",
    "pyramid.read_reduced": "slide.reading",
    "pyramid.shrink_level": "slide.reading",
    "pyramid.resample": "slide.reading",
    "looking.cut_strip": "pipeline.strip",
    "looking.show": "pipeline.strip",
    "looking.telling_site": "pipeline.strip",
    "judge.interval_of": "judgement.interval",
    "judge.common_error": "judgement.interval",
    "judge.conformal": "judgement.interval",
    "verdict.Evidence": "judgement.evidence",
    "verdict.Judgement": "judgement.evidence",
    "verdict.rise": "judgement.evidence",
    "assemble.Run": "pipeline.run",
    "evaluate.gather.hash_weights": "networks.identity",
}
"""A name that did not move with the rest of its module -> its new module."""

RENAMED = {
    "calibrate.Reference": "ReferenceImages",
    "calibrate.measure.Reference": "ReferenceImages",
    "verdict.judge": "weigh",
}
"""A name that also changed -> its new name."""


class MovedModule(ModuleType):
    """A module under its old name: gives the names of the new module, and warns."""

    def __getattr__(self, name: str) -> Any:
        return at_new_place(self.__name__, name)


def at_new_place(module: str, name: str) -> Any:
    """What ``name`` of an old module is now, with a warning that names its new place.

    For the ``__getattr__`` of a module. Raises AttributeError for a name that did not move.
    """
    if name.startswith("__"):
        raise AttributeError(name)
    within = module.removeprefix("wsi_scale.")
    now = RENAMED.get(f"{within}.{name}", name)
    try:
        new = new_place(module, name)
        found = getattr(import_module(new), now)
    except (AttributeError, KeyError):
        raise AttributeError(f"module {module!r} has no attribute {name!r}") from None
    warnings.warn(
        f"{module}.{name} is now {new}.{now}; the old path will be removed in 0.2",
        DeprecationWarning,
        stacklevel=3,
    )
    return found


def new_place(old: str, name: str = "") -> str:
    """Full name of the module that now holds ``name`` of an old module.

    Raises KeyError for a module that never moved.

    >>> new_place("wsi_scale.judge", "estimate")
    'wsi_scale.judgement.estimate'
    """
    within = old.removeprefix("wsi_scale.")
    if f"{within}.{name}" in PARTED:
        return f"wsi_scale.{PARTED[f'{within}.{name}']}"
    if within in MOVED:
        return f"wsi_scale.{MOVED[within]}"
    package, dot, rest = within.partition(".")
    return f"wsi_scale.{MOVED[package]}{dot}{rest}"


class _OldPaths(MetaPathFinder, Loader):
    """Finds modules under their old names, after every other finder has failed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("wsi_scale."):
            return None
        try:
            new = new_place(fullname)
            import_module(new)
        except KeyError:
            return None
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != __name__.partition(".")[0]:
                raise  # a library is missing, which is what the user must hear
            return None
        is_package = hasattr(sys.modules[new], "__path__")
        return ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return MovedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: every name is looked up at its new place."""


def follow_old_paths() -> None:
    """Make old import paths work."""
    if not any(isinstance(finder, _OldPaths) for finder in sys.meta_path):
        sys.meta_path.append(_OldPaths())
