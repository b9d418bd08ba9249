"""The rooms of the house and who may import whom: the list, the check and the drawing.

``python docs/rooms.py`` draws the rooms anew in docs/architecture.md; a test keeps list, code and
drawing together. Every import counts: at the top of a file, inside a function, for type checkers
only, relative, or by name through ``import_module``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = "wsi_scale"
DOCK = "wsi_scale_napari"
FACE = "face"
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- drawn by docs/rooms.py -->\n", "<!-- end of the drawing -->"

ROOMS = {  # from the ground up: a room -> the rooms that it imports, all of them above it here
    "errors": "",
    "plumbing": "errors",
    "geometry": "errors plumbing",
    "slide": "errors plumbing geometry",
    "sites": "errors plumbing geometry slide",
    "networks": "errors plumbing",
    "responses": "errors plumbing geometry slide networks",
    "estimators": "errors plumbing geometry responses",
    "judgement": "errors plumbing geometry responses estimators",
    "report": "plumbing judgement",
    "pixel_size": "errors plumbing geometry slide sites networks judgement report",
    "pipeline": "errors plumbing geometry slide sites networks "
    "responses estimators judgement report pixel_size",
    "tiling": "errors plumbing geometry slide sites networks",
    "testing": "plumbing slide networks",
    "known_scale": "errors plumbing geometry slide sites networks "
    "responses estimators judgement pipeline",
    "batch": "errors plumbing slide networks responses judgement report pipeline",
    "exports": "errors plumbing slide sites networks judgement report batch",
    "render": "errors plumbing geometry slide sites networks "
    "estimators judgement report pipeline batch",
    "cli": "errors plumbing slide sites networks estimators judgement "
    "report pixel_size pipeline tiling known_scale batch exports render",
    FACE: "errors plumbing geometry slide sites networks responses "
    "judgement report pixel_size pipeline tiling batch exports",
    DOCK: "errors plumbing geometry slide sites networks judgement report pipeline render",
}
"""``face`` is ``wsi_scale/__init__.py``: what users import, and no room of the house does."""

EVERYWHERE = ("errors", "plumbing")
"""Not drawn: nearly every room uses them."""

LIBRARIES = {  # a library -> the rooms or files that may import it; all others are free
    "torch": "slide.resampling networks responses.measure responses.colour_fit responses.slopes "
    "pixel_size.ruler_network pixel_size.ask pixel_size.nuclei pixel_size.read_tissue "
    "pipeline.native_levels pipeline.explain "
    "batch.one_slide known_scale.calibrate.reference "
    "known_scale.evaluate.measure_slides known_scale.thesis.train known_scale.thesis.family "
    "known_scale.thesis.measure_images tiling.torch_dataset testing.networks "
    "wsi_scale_napari.cores wsi_scale_napari.waking",
    "timm": "networks.sources",
    "segmentation_models_pytorch": "networks.sources",
    "torchvision": "networks.sources",
    "yaml": "networks.described.bounded",
    "onnx": "networks.described networks.sources",
    "onnxruntime": "networks.described",
    "google": "networks.described",  # protobuf, which onnx is written in
    "huggingface_hub": "networks.described",
    "transformers": "networks.described",
    "skimage": "sites.tissue known_scale",
    "PIL": "slide tiling known_scale render testing",
    "openslide": "slide.readers",
    "tiffslide": "slide.readers",
    "tifffile": "slide.readers testing",
    "imagecodecs": "slide.readers",
    "zarr": "slide.readers",
    "matplotlib": "render known_scale.thesis",
    "typer": "cli",
    "rich": "cli",
    "dask": "batch wsi_scale_napari.levels",
    "distributed": "batch cli.batch",
    "pyarrow": "batch",
    "napari": DOCK,
    "qtpy": DOCK,
    "magicgui": DOCK,
}

BY_NAME = (
    "plumbing.registry",  # a folder's own files
    "plumbing.faces",  # what a package shows
    "plumbing.moved",  # old paths
    "plumbing.notebooks",  # a report shows itself, drawn by a room above it
    "networks.sources.factory",  # a user's module
    "networks.sources.assemble",  # an optional library
    "cli.batch",  # Dask, before its levels of logging are set
    "wsi_scale_napari.waking",  # what a run will need, before it does
)
"""Files that may import a module whose name is only known when they run."""

FACES = ("slide", "sites", "networks", "responses", "judgement", "pipeline", "pixel_size")
"""Packages whose ``__init__`` only shows names of their files to users: files import from files."""

BY_OTHER_MEANS = ("import_module", "__import__", "exec", "eval", "runpy", "pkgutil")
"""Names by which a module can be imported, or code run, that no list would show."""

Sources = Mapping[str, str]
"""Full module name -> its source text; of a package that of its ``__init__``."""


class Import(NamedTuple):
    """One import, wherever it stands in a file."""

    by: str
    """Full name of the module that imports."""
    line: int
    of: str
    """Full name of the module imported; empty where only a running program knows it."""


def read_sources() -> dict[str, str]:
    """The package and the napari dock."""
    found = {}
    for folder in (ROOT / "src" / PACKAGE, ROOT / "napari_plugin" / DOCK):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


def imports_in(sources: Sources) -> Iterator[Import]:
    """Every import of every file."""
    packages = {name.rpartition(".")[0] for name in sources}
    for by, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from _plain(node, by)
            elif isinstance(node, ast.ImportFrom):
                module = _absolute(node, by, by in packages)
                for alias in node.names:
                    full = f"{module}.{alias.name}"
                    yield Import(by, node.lineno, full if full in sources else module)
            elif isinstance(node, ast.Constant) and node.value in sources and node.value != by:
                yield Import(by, node.lineno, str(node.value))  # named in a string, to be imported
            elif _by_other_means(node):
                yield Import(by, node.lineno, "")


def _plain(node: ast.Import, by: str) -> Iterator[Import]:
    for alias in node.names:
        yield Import(by, node.lineno, alias.name)
        if alias.name.startswith(f"{PACKAGE}.") and alias.asname is None:
            yield Import(by, node.lineno, PACKAGE)  # which is the name that it binds


def _absolute(node: ast.ImportFrom, by: str, is_package: bool) -> str:
    """The module an import names, dots resolved."""
    if not node.level:
        return node.module or ""
    parts = by.split(".") + ([""] if is_package else [])
    return ".".join([*parts[: -node.level], *filter(None, [node.module])])


def _by_other_means(node: ast.AST) -> bool:
    """Whether a node names something that imports by name, whatever is then done with it."""
    if isinstance(node, ast.Attribute):
        return node.attr in BY_OTHER_MEANS and node.attr != "eval"  # as of a torch module
    if isinstance(node, ast.alias):
        return node.name.split(".")[0] in BY_OTHER_MEANS
    return isinstance(node, ast.Name) and node.id in BY_OTHER_MEANS


def room_of(module: str) -> str:
    """wsi_scale.slide.base -> slide; wsi_scale -> face; wsi_scale_napari.dock -> that package."""
    parts = module.split(".")
    if parts[0] == PACKAGE:
        return parts[1] if len(parts) > 1 else FACE
    return parts[0]


def faults(sources: Sources) -> list[str]:
    """What is not as the lists say, one sentence each; none in a house in order."""
    imports = list(imports_in(sources))
    return [*_faults_of_lists(sources), *_faults_of_imports(imports), *_circles(sources, imports)]


def _faults_of_lists(sources: Sources) -> Iterator[str]:
    order = list(ROOMS)
    for room, uses in ROOMS.items():
        for one in uses.split():
            if one not in order or order.index(one) >= order.index(room):
                yield f"the list lets {room} import {one}, which does not stand above it"
    for room in sorted({room_of(module) for module in sources} - set(ROOMS)):
        yield f"{room} is on no list; add it to ROOMS in docs/rooms.py"


def _faults_of_imports(imports: list[Import]) -> Iterator[str]:
    for one in imports:
        where, here = f"{one.by}, line {one.line}", room_of(one.by)
        within = one.by.removeprefix(f"{PACKAGE}.")
        there = room_of(one.of)
        if not one.of:
            if within not in BY_NAME:
                yield f"{where} imports by a name that cannot be read"
        elif one.of.split(".")[0] in (PACKAGE, DOCK):
            if there not in (here, *ROOMS.get(here, "").split()):
                yield f"{where}: {here} must not import {there} ({one.of})"
            elif one.of.removeprefix(f"{PACKAGE}.") in FACES:
                yield f"{where} imports from the face of {there}; name the file"
        elif there in LIBRARIES:
            rooms = LIBRARIES[there].split()
            if not any(within == room or within.startswith(f"{room}.") for room in rooms):
                yield f"{where}: {there} is not imported there"


def _circles(sources: Sources, imports: list[Import]) -> Iterator[str]:
    """Files that import each other in a loop; faces of packages only hand names on."""
    ways: dict[str, set[str]] = {module: set() for module in sources}
    for one in imports:
        if one.of in sources and one.by != PACKAGE:
            ways[one.by].add(one.of)
    done: set[str] = set()
    for module in sources:
        path = _way_back(module, ways, done)
        done |= set(path)  # a circle is told once
        if path:
            yield "a circle: " + " -> ".join(path)


def _way_back(
    module: str, ways: Mapping[str, set[str]], done: set[str], path: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The first path from a module that comes back to one on it; modules gone through are done."""
    if module in path:
        return (*path[path.index(module) :], module)
    if module in done:
        return ()
    for other in sorted(ways[module]):
        found = _way_back(other, ways, done, (*path, module))
        if found:
            return found
    done.add(module)
    return ()


def draw(sources: Sources) -> str:
    """A Mermaid picture of the rooms: each arrow an import that no other path of arrows implies."""
    drawn = [room for room in ROOMS if room not in EVERYWHERE]
    uses: dict[str, set[str]] = {room: set() for room in drawn}
    for one in imports_in(sources):
        here, there = room_of(one.by), room_of(one.of) if one.of else ""
        if here in uses and there in uses and here != there:
            uses[here].add(there)
    beyond: dict[str, set[str]] = {}
    for room in drawn:  # from the ground up, so those below are known
        beyond[room] = set().union(*(uses[one] | beyond[one] for one in uses[room]))
    lines = ["```mermaid", "graph LR"]
    lines += [
        f"    {one} --> {room}" for room in drawn for one in sorted(uses[room] - beyond[room])
    ]
    return "\n".join([*lines, "```", ""])


def page_with(drawing: str) -> str:
    """docs/architecture.md with the drawing in its place."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    return f"{before}{START}\n{drawing}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page_with(draw(read_sources())), encoding="utf-8")
    print("\n".join(faults(read_sources())) or "the house is in order")
