"""Models of BioImage.IO: a folder, its ``rdf.yaml`` or ``bioimageio.yaml``, or a zip."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.bioimage_steps import input_keys, output_keys
from wsi_scale.networks.described.bioimage_tensors import (
    FILES,
    Described,
    channels_of,
    mpp_of,
    sizes_of,
    tensors,
)
from wsi_scale.networks.described.bounded import file_inside, read_yaml
from wsi_scale.networks.described.description import Description, load_described_network
from wsi_scale.networks.described.kept_library import build_from_library
from wsi_scale.networks.described.unpacked import root_with, unpack
from wsi_scale.networks.sources import onnx, torchscript
from wsi_scale.networks.spec import Spec, parse_spec
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "bioimage"
GRAMMAR = "FOLDER, rdf.yaml, bioimageio.yaml or ZIP of BioImage.IO"
ORDER = 31

_RUN = {"torchscript": torchscript.load, "onnx": onnx.load}
"""Weights that are run as they are, the first choice first."""
_STATE = "pytorch_state_dict"


def accepts(spec: str) -> bool:
    """True for a folder or zip with a description of BioImage.IO, and for that file itself."""
    path = Path(spec.partition("?")[0])
    if os.path.isfile(path) and path.suffix.lower() == ".zip":
        return root_with(path, FILES.__contains__) is not None
    return not spec.startswith("?") and spec != "" and _description_of(path) is not None


def _description_of(path: Path) -> Path | None:
    if os.path.isdir(path):
        return next((path / name for name in FILES if os.path.isfile(path / name)), None)
    return path if path.suffix.lower() in (".yaml", ".yml") and os.path.isfile(path) else None


def load(spec: str, card: Card | None = None) -> Network:
    """The weights that can be run without running code, fed as the description says.

    ``weights=onnx`` or ``torchscript`` chooses; ``weights=pytorch_state_dict`` allows an
    architecture of an installed library.
    """
    asked = parse_spec(spec)
    asked.refuse_arguments("a model of BioImage.IO")
    path = Path(asked.target)
    if path.suffix.lower() == ".zip" and os.path.isfile(path):
        path = unpack(path, root_with(path, FILES.__contains__) or "")
    found = _description_of(path)
    if found is None:
        raise NetworkError(f"{spec}: there is no {FILES[0]} or {FILES[1]}")
    said = read_yaml(found)
    kind, entry = _choose(asked, said, found)
    description = describe(said, found, kind, entry)
    if kind == _STATE:
        return load_described_network(
            asked, card, description, lambda settled: _of_library(asked, settled, entry, found)
        )
    weights = file_inside(found.parent, entry.get("source"), found)
    return load_described_network(
        asked, card, description, lambda settled: _RUN[kind](str(weights), settled)
    )


def _choose(asked: Spec, said: Mapping[str, Any], path: Path) -> tuple[str, Mapping[str, Any]]:
    """The format of the weights to run, and what the description says about them."""
    offered = said.get("weights")
    if not isinstance(offered, dict) or not offered:
        raise NetworkError(f"{path} lists no weights, so it is no model of BioImage.IO")
    wanted = asked.overrides.get("weights")
    if wanted is not None and wanted not in offered:
        raise NetworkError(
            f"{asked.text}: there are no weights {wanted!r}; it has {listed(offered)}"
        )
    kinds = [wanted] if wanted else [kind for kind in _RUN if kind in offered]
    entries_ = {k: offered[k] for k in kinds if isinstance(offered[k], dict)}
    for kind, entry in entries_.items():
        source = str(entry.get("source"))
        if (wanted or os.path.isfile(path.parent / source)) and kind in (*_RUN, _STATE):
            return kind, entry
    if entries_ and not wanted:
        kind, entry = next(iter(entries_.items()))
        if "://" in str(entry.get("source")):
            raise NetworkError(
                f"{path}: its {kind} weights are not in the folder; download the package of the "
                "model, with its weights, from bioimage.io"
            )
        return kind, entry
    raise NetworkError(_advice(said, path, wanted, offered))


def _advice(
    said: Mapping[str, Any], path: Path, wanted: str | None, offered: Mapping[str, Any]
) -> str:
    """What to do where no weights can be run as they are."""
    if wanted or _STATE not in offered:
        return (
            f"{path}: weights of the kind {listed([wanted] if wanted else offered)} cannot be "
            "run here; convert them with bioimageio.core to torchscript or onnx"
        )
    return (
        f"{path}: only a state dict can be read here, and its architecture is code; convert it "
        "with bioimageio.core to torchscript or onnx, or allow an architecture of an installed "
        f"library with ?weights={_STATE}"
    )


def _of_library(asked: Spec, settled: Card, entry: Mapping[str, Any], path: Path) -> Network:
    """A state dict put into an architecture of an installed library, which the user allowed."""
    made = entry.get("architecture")
    if isinstance(made, str):  # spec 0.4
        place, _, name = made.rpartition(".")
        made = {"import_from": place, "callable": name, "kwargs": entry.get("kwargs")}
    if not isinstance(made, dict):
        raise NetworkError(f"{path}: the state dict has no architecture")
    library = made.get("import_from")
    if not isinstance(library, str) or not library or ":" in str(made.get("callable")):
        raise NetworkError(
            f"{path}: the architecture is code in a file, which is not run; to run it yourself, "
            "put its folder on PYTHONPATH and name it as module:factory?weights=FILE"
        )
    weights = file_inside(path.parent, entry.get("source"), path)
    return build_from_library(
        asked,
        f"{library}:{made.get('callable')}",
        made.get("kwargs") or {},
        settled.model_copy(update={"weights": str(weights)}),
    )


def describe(
    said: Mapping[str, Any], path: Path, kind: str, entry: Mapping[str, Any]
) -> Description:
    """What a description of BioImage.IO says about its network."""
    given = tensors(said, path, "inputs")
    if len(given) != 1:
        names = listed(one.name for one in given)
        raise NetworkError(f"{path} takes {len(given)} inputs ({names}), not one image")
    image, answers = given[0], tensors(said, path, "outputs")
    if kind != "onnx" and image.order[:2] != ("batch", "channel"):
        raise NetworkError(
            f"{path}: {image.name} has the axes {listed(image.order)}; torch needs batch, "
            "channel, y, x"
        )
    mpp, note = mpp_of(image)
    keys, notes = input_keys(image, path)
    if len(answers) > 1:
        notes = (*notes, f"of its outputs ({listed(a.name for a in answers)}) the first is used")
    card: dict[str, Any] = {
        "name": str(said.get("name") or ""),
        "description": str(said.get("description") or ""),
        "license": str(said.get("license") or ""),
        "channels": channels_of(image, path),
        **sizes_of(image, path),
        **keys,
        **output_keys(answers[0]),
        **_task(answers[0]),
    }
    if mpp is not None:
        card["training_mpp"] = mpp
    if isinstance(entry.get("sha256"), str):
        card["sha256"] = entry["sha256"]
    told = tuple(one for one in (note, *notes) if one)
    form, read_as = "BioImage.IO's description", (f"its {kind} weights are run",)
    return Description(form, path, card, _classes(answers[0]), read_as, told)


def _task(answer: Described) -> dict[str, str]:
    plane = {"y", "x"} <= set(answer.order)
    return {"task": "segment" if plane else "classify"}


def _classes(answer: Described) -> tuple[str, ...] | None:
    axis = answer.axis("channel")
    return axis.names if axis is not None and axis.names else None


def example(folder: Path) -> str:
    """One convolution, traced, as a package of spec 0.5."""
    Path(torchscript.example(folder)).rename(folder / "weights.pt")
    space = "{type: space, id: %s, size: {min: 32, step: 32}, scale: 0.5, unit: micrometer}"
    plane = "{type: space, id: %s, size: {tensor_id: raw, axis_id: %s}}"
    (folder / "rdf.yaml").write_text(
        "format_version: 0.5.4\ntype: model\nname: example\nlicense: MIT\n"
        "inputs:\n- id: raw\n  axes:\n  - {type: batch}\n"
        "  - {type: channel, channel_names: [red, green, blue]}\n"
        f"  - {space % 'y'}\n  - {space % 'x'}\n"
        "  preprocessing:\n  - {id: scale_linear, kwargs: {gain: 0.00392156862745098}}\n"
        "outputs:\n- id: classes\n  axes:\n  - {type: batch}\n"
        "  - {type: channel, channel_names: [background, nucleus]}\n"
        f"  - {plane % ('y', 'y')}\n  - {plane % ('x', 'x')}\n"
        "weights:\n  torchscript: {source: weights.pt, pytorch_version: 2.5.1}\n"
    )
    return str(folder)
