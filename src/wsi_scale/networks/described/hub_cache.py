"""The Hugging Face hub's local cache, and a quick look at whether the hub can be reached."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wsi_scale.errors import NetworkError
from wsi_scale.networks.sources.assemble import import_optional
from wsi_scale.networks.spec import Spec
from wsi_scale.networks.wording import brief

_NAME = re.compile(r"[\w.\-]+(/[\w.\-]+)?(@[\w.\-/]+)?")
_PATIENCE_S = 1.0
_FILES = ("*.json", "*.yaml", "*.yml", "*.safetensors", "*.md", "*.pt", "*.onnx", "*.onnx.data")
"""What is downloaded: descriptions and weights; no code and no pickles."""


def snapshot(spec: Spec, name: str, cache: str | None, *, download: bool) -> Path:
    """The folder of ``OWNER/NAME[@REVISION]`` in the local cache.

    It is downloaded only if the user allows it, it is not there, and the hub answers within a
    second. Raises NetworkError otherwise.
    """
    if _NAME.fullmatch(name) is None:
        raise NetworkError(f"{spec.text}: {name!r} is no name on the hub; write OWNER/NAME")
    hub = import_optional("huggingface_hub", spec)
    constants = import_optional("huggingface_hub.constants", spec)
    repository, _, revision = name.partition("@")
    asked: dict[str, Any] = {"revision": revision or None, "cache_dir": cache}
    try:
        return Path(hub.snapshot_download(repository, local_files_only=True, **asked))
    except Exception as error:  # the hub's exceptions differ between its releases
        if not isinstance(error, OSError | ValueError):
            raise
    place = cache or constants.HF_HUB_CACHE
    if not download:
        raise NetworkError(
            f"{spec.text}: {repository} is not in the local cache {place}; download it with `hf "
            f"download {repository}`, or give a downloaded folder, or allow the download with "
            "pretrained=true"
        )
    address = constants.ENDPOINT
    if constants.HF_HUB_OFFLINE or not reachable(address):
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "does not answer"
        raise NetworkError(
            f"{spec.text}: {repository} is not in the local cache {place} and {address} cannot be "
            f"asked ({why}); download it where there is a network, with `hf download "
            f"{repository} --local-dir FOLDER`, and give FOLDER"
        )
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=list(_FILES), **asked))
    except Exception as error:
        if not isinstance(error, OSError | ValueError):
            raise
        raise NetworkError(
            f"{spec.text}: cannot download {repository}: {brief(error)}; if access to it must be "
            "granted, ask for it on its page and log in with `hf auth login`"
        ) from error


@contextmanager
def asked_once() -> Iterator[None]:
    """While open, libraries that load from the hub use only the cache if the hub is out of reach.

    They would try five times, for up to a minute.
    """
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def reachable(address: str) -> bool:
    """Whether a server, or the proxy before it, accepts a connection within a second."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    parts = urlsplit(proxy or address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    found: list[bool] = []

    def knock() -> None:  # looking up a name has no timeout of its own
        try:
            socket.create_connection((parts.hostname or "", port), _PATIENCE_S).close()
        except OSError:
            return
        found.append(True)

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return bool(found)
