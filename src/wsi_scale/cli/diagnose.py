"""What ``doctor`` finds: libraries, readers, networks, devices, extras and folders, each tried."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from wsi_scale.errors import WsiScaleError
from wsi_scale.plumbing.version import __version__

Kind = Literal["library", "reader", "network", "device", "extra", "folder"]

EXTRAS = ("napari", "batch", "networks")
"""What users install on top; the others are for developers."""


@dataclass(frozen=True)
class HealthCheck:
    """One thing that was looked at."""

    kind: Kind
    name: str
    works: bool
    says: str
    """A version, what is read, or what went wrong."""
    needed: bool = False
    """Whether every run needs it."""
    remedy: str = ""
    """What to do about it; empty if it works."""


def diagnose() -> list[HealthCheck]:
    """Everything, in the order in which it is shown."""
    wanted, extras = requirements()
    return [
        *[_library(name) for name in wanted],
        *_readers(),
        _network("histology"),
        _network("figures"),
        *_devices(),
        *[_extra(name, extras.get(name, [])) for name in EXTRAS],
        *_folders(),
    ]


def is_well(findings: list[HealthCheck]) -> bool:
    """Whether everything that every run needs works.

    >>> is_well([HealthCheck("extra", "napari", False, "missing")])
    True
    >>> is_well([HealthCheck("library", "torch", False, "missing", needed=True)])
    False
    """
    return all(one.works for one in findings if one.needed)


def as_json(findings: list[HealthCheck]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "well": is_well(findings),
        "findings": [asdict(one) for one in findings],
    }


def requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Names of the packages that wsi-scale needs, and of those in each extra."""
    try:
        lines = metadata.requires("wsi-scale") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        lines = []
    wanted: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in lines:
        name = re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        (wanted if extra is None else extras.setdefault(extra[1], [])).append(name)
    return wanted, extras


def version_of(package: str) -> str | None:
    """Version of an installed package; None if it is not installed.

    >>> version_of("no-such-package") is None
    True
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _library(name: str) -> HealthCheck:
    version = version_of(name)
    if version is None:
        remedy = f"pip install --force-reinstall wsi-scale, or pip install {name}"
        return HealthCheck("library", name, False, "not installed", needed=True, remedy=remedy)
    return HealthCheck("library", name, True, version, needed=True)


def _readers() -> list[HealthCheck]:
    """Each reader opens a small slide of its own format, written to a temporary folder."""
    from wsi_scale.slide.readers import all_readers

    found = []
    for name, module in all_readers().items():
        reads = (module.__doc__ or "").strip().split("\n")[0].rstrip(".")
        with tempfile.TemporaryDirectory() as folder:
            problem = _problem(lambda m=module, f=folder: _read_example(m, Path(f)))
        remedy = "pip install --force-reinstall wsi-scale" if problem else ""
        # one is enough for a run, but each is a plain dependency
        found.append(HealthCheck("reader", name, not problem, problem or reads, True, remedy))
    return found


def _read_example(module: Any, folder: Path) -> None:
    with module.open(module.example(folder)) as slide:
        slide.read(0, 0, 0, 8, 8)


def _network(name: str) -> HealthCheck:
    """A bundled network answers for one small patch."""

    def run() -> None:
        import numpy as np

        from wsi_scale.networks.load import load_network

        network = load_network(name, device="cpu")
        network.logits(network.prepare(np.full((1, 96, 96, 3), 200, np.uint8)))

    problem = _problem(run)
    remedy = "pip install --force-reinstall wsi-scale" if problem else ""
    return HealthCheck("network", name, not problem, problem or "runs on cpu", True, remedy)


def _devices() -> list[HealthCheck]:
    from wsi_scale.networks.load import choose_device

    found = []
    for name in ("cuda", "mps"):
        problem = _problem(lambda n=name: choose_device(n))
        says = "not on this machine, or torch was installed without it" if problem else "present"
        remedy = "only to be faster: https://pytorch.org/get-started" if problem else ""
        found.append(HealthCheck("device", name, not problem, says, remedy=remedy))
    return found


def _extra(name: str, packages: list[str]) -> HealthCheck:
    versions = {package: version_of(package) for package in packages}
    missing = [package for package, version in versions.items() if version is None]
    if missing or not packages:
        says = f"missing {', '.join(missing)}" if missing else "unknown; wsi-scale is not installed"
        return HealthCheck("extra", name, False, says, remedy=f"pip install 'wsi-scale[{name}]'")
    return HealthCheck("extra", name, True, ", ".join(f"{p} {v}" for p, v in versions.items()))


def _folders() -> list[HealthCheck]:
    """Where other libraries keep what they download, and where temporary files go."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    hub = os.environ.get("HF_HOME")
    places = {
        "weights of torch and torchvision": Path(os.environ.get("TORCH_HOME") or cache / "torch"),
        "weights of timm and Hugging Face": Path(hub) if hub else cache / "huggingface",
        "temporary files": Path(tempfile.gettempdir()),
    }
    return [_folder(name, path) for name, path in places.items()]


def _folder(name: str, path: Path) -> HealthCheck:
    if not path.is_dir():
        return HealthCheck("folder", name, True, f"{path}: nothing yet")
    free = shutil.disk_usage(path).free / 2**30
    says = f"{path}: {free:.0f} GiB free"
    if os.access(path, os.W_OK):
        return HealthCheck("folder", name, True, says)
    return HealthCheck("folder", name, False, f"{says}, read-only", remedy="change its permissions")


def _problem(attempt: Any) -> str:
    """What went wrong in one line; empty if nothing did. Anything may: that is what is asked."""
    try:
        attempt()
    except WsiScaleError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
    return ""


def python_line() -> str:
    """wsi-scale, Python and the system in one line."""
    return (
        f"wsi-scale {__version__}, Python {platform.python_version()} ({sys.executable}), "
        f"{platform.platform()}"
    )
