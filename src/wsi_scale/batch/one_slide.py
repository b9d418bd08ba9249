"""One task, one reply: what a process does with a slide, on one machine or on a cluster."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.batch.memory import peak_mib, rest_mib
from wsi_scale.batch.row import Kind, columns, flatten
from wsi_scale.errors import NetworkError, SettingsError, SiteError, SlideError, WsiScaleError
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.version import __version__
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

Task = Mapping[str, Any]
Reply = dict[str, Any]
"""``{"row": …}``; ``{"failed": [kind, sentence], "peak_mib": …}`` for a slide that failed;
``{"fatal": sentence}`` for a fault that would fail every slide; ``{"network": …}`` for a task
without a slide."""


def reply_to(task: Task) -> Reply:
    """Do a task. Whatever goes wrong is part of the reply."""
    started = time.monotonic()
    try:
        network = _ready(task)
    except WsiScaleError as error:
        return {"fatal": str(error)}
    if task["path"] is None:
        return {"network": {"name": network.name, "weights": _weights(network)}}
    try:
        row = _ask(task["path"], network, Settings(**task["settings"]))
    except Exception as error:
        return {"failed": [*_reason(error, task["path"])], "peak_mib": peak_mib()}
    row |= {
        "path": task["path"],
        "process.host": socket.gethostname(),
        "process.seconds": round(time.monotonic() - started, 3),
        "process.peak_mib": peak_mib(),
        "process.rest_mib": rest_mib(),
    }
    return {"row": row}


def _ask(path: str, network: Network, settings: Settings) -> dict[str, Any]:
    from wsi_scale.pipeline.iterate import estimate_slide

    with open_slide(path, reader=settings.reader, mpp=settings.mpp) as slide:
        scanner = scanner_of(slide)
        report = estimate_slide(slide, network, settings)
    return dict.fromkeys(columns()) | {"scanner": scanner} | flatten(report)


def scanner_of(slide: Slide) -> str:
    """Vendor and nominal objective as the file names them, for example ``aperio 20×``.

    If the file names no vendor, its reader stands in place of the vendor.
    """
    known = ("openslide.vendor", "tiffslide.vendor")
    vendor = next((slide.properties[key] for key in known if slide.properties.get(key)), "")
    power = slide.objective_power
    objective = "" if power is None else f"{power:g}×"
    return f"{vendor or slide.reader} {objective}".strip()


def _ready(task: Task) -> Network:
    """The network, loaded once per process and checked against the task."""
    from wsi_scale.pipeline.planning import with_card
    from wsi_scale.responses.measure import find_target

    if task["version"] != __version__:
        raise SettingsError(
            f"wsi-scale {__version__} is installed on {socket.gethostname()}, but the batch was "
            f"started with {task['version']}; install the same version everywhere"
        )
    network = _load(task["network"], task["device"])
    settings = Settings(**task["settings"])
    with_card(settings, network)
    find_target(network, settings.target)
    if task["weights"] not in (None, _weights(network)):
        raise NetworkError(
            f"{task['network']} gets different weights each time it is loaded, or its files differ "
            f"on {socket.gethostname()}; name the weights with weights=FILE, the same everywhere"
        )
    return network


@lru_cache(maxsize=1)
def _load(spec: str, device: str) -> Network:
    import torch

    from wsi_scale.networks.load import load_network

    torch.set_num_threads(1)  # so that the last digits do not depend on the machine
    return load_network(spec, device=device)


@lru_cache(maxsize=1)
def _weights(network: Network) -> str:
    from wsi_scale.networks.identity import hash_weights

    return hash_weights(network)


def _reason(error: Exception, path: str) -> tuple[Kind, str]:
    """The kind of an error and one sentence about it."""
    kinds: tuple[tuple[type[WsiScaleError], Kind], ...] = (
        (SlideError, "slide"),
        (SiteError, "slide"),
        (NetworkError, "network"),
        (SettingsError, "settings"),
    )
    for kind, word in kinds:
        if isinstance(error, kind):
            return word, str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        said = " ".join(str(error).split())[:200]
        return "memory", f"memory ran out on {path}{': ' + said if said else ''}"
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    return "unexpected", f"{path} could not be estimated: {said} ({place})"
