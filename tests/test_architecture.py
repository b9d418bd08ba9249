"""The rooms of docs/architecture.md: who may import whom, and which libraries load when."""

import ast
import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import wsi_scale

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "wsi_scale"


def load_rooms():
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rooms = load_rooms()


@pytest.fixture(scope="module")
def sources():
    return rooms.read_sources()


def test_the_house_is_in_order(sources):
    assert rooms.faults(sources) == []


PLANTED = {
    "a higher room, at the top of a file": (
        "wsi_scale.geometry",
        "from wsi_scale.judgement.estimate import estimate",
        "geometry must not import judgement",
    ),
    "a room not on the list, of another that stands above it": (
        "wsi_scale.known_scale.evaluate.chance",
        "from wsi_scale.batch.memory import peak_mib",
        "known_scale must not import batch",
    ),
    "the face of the house": (
        "wsi_scale.geometry",
        "import wsi_scale",
        "geometry must not import face",
    ),
    "a name from the face of the house": (
        "wsi_scale.slide.base",
        "from wsi_scale import estimate_slide",
        "slide must not import face",
    ),
    "inside a function": (
        "wsi_scale.slide.base",
        "def late():\n    from wsi_scale.sites.tissue import tissue_mask",
        "slide must not import sites",
    ),
    "for type checkers only": (
        "wsi_scale.networks.layers",
        "if TYPE_CHECKING:\n    from wsi_scale.pipeline.run import Run",
        "networks must not import pipeline",
    ),
    "by dots": (
        "wsi_scale.responses.record",
        "from ..pipeline import run",
        "responses must not import pipeline",
    ),
    "by name": (
        "wsi_scale.estimators.curves",
        "importlib.import_module('wsi_scale.judgement.auto')",
        "estimators must not import judgement",
    ),
    "by a name that cannot be read": (
        "wsi_scale.estimators.curves",
        "importlib.import_module('wsi_scale.' + 'judgement')",
        "imports by a name that cannot be read",
    ),
    "a part of the package, which binds the face": (
        "wsi_scale.slide.base",
        "import wsi_scale.geometry",
        "slide must not import face",
    ),
    "by a name with another name": (
        "wsi_scale.slide.base",
        "from importlib import import_module as im\nim('.judgement.estimate', 'wsi_scale')",
        "imports by a name that cannot be read",
    ),
    "by a function that was put aside": (
        "wsi_scale.slide.base",
        "load = importlib.import_module",
        "imports by a name that cannot be read",
    ),
    "by running text": (
        "wsi_scale.slide.base",
        "exec('from wsi_scale.judgement import estimate')",
        "imports by a name that cannot be read",
    ),
    "named in a string for something else that imports": (
        "wsi_scale.slide.base",
        "sys.modules['wsi_scale.judgement.estimate']",
        "slide must not import judgement",
    ),
    "from a face in place of the file": (
        "wsi_scale.sites.choose",
        "from wsi_scale.slide import open_slide",
        "imports from the face of slide",
    ),
    "a circle of two files in one room": (
        "wsi_scale.networks.layers",
        "from wsi_scale.networks.network import Network",
        "a circle: wsi_scale.networks.",
    ),
    "a circle through a function": (
        "wsi_scale.slide.reading",
        "def late():\n    from wsi_scale.slide.pyramid import Pyramid",
        "a circle: wsi_scale.slide.",
    ),
    "the window, from the library": (
        "wsi_scale.render.figure",
        "from wsi_scale_napari.plot import Plot",
        "render must not import wsi_scale_napari",
    ),
    "a heavy library": ("wsi_scale.estimators.profile", "import torch", "torch is not imported"),
    "a heavy library's part, inside a function": (
        "wsi_scale.judgement.rules",
        "def late():\n    from matplotlib.figure import Figure",
        "matplotlib is not imported",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_wrong_import_is_found(sources, kind):
    module, line, says = PLANTED[kind]
    planted = {**sources, module: f"{sources[module]}\n{line}\n"}
    assert any(says in fault for fault in rooms.faults(planted))


def test_a_new_room_must_be_listed(sources):
    (found,) = rooms.faults({**sources, "wsi_scale.attic.things": ""})
    assert found.startswith("attic is on no list")


def test_a_list_that_climbs_is_refused(sources, monkeypatch):
    monkeypatch.setitem(rooms.ROOMS, "slide", rooms.ROOMS["slide"] + " sites")
    (found,) = rooms.faults(sources)
    assert "lets slide import sites" in found


def test_the_thesis_stands_on_evaluate_and_nothing_but_commands_on_the_thesis(sources):
    thesis = "wsi_scale.known_scale.thesis"
    on_it = {x.by for x in rooms.imports_in(sources) if x.of.startswith(thesis)}
    others = {by for by in on_it if not by.startswith(thesis)}
    assert others == {"wsi_scale.cli.thesis"}


def test_every_arrow_of_the_list_is_in_use(sources):
    used = {(rooms.room_of(x.by), rooms.room_of(x.of)) for x in rooms.imports_in(sources) if x.of}
    listed = {(room, one) for room, uses in rooms.ROOMS.items() for one in uses.split()}
    assert listed - used == set()


def test_the_drawing_shows_the_house_as_it_stands(sources):
    drawn = rooms.page_with(rooms.draw(sources))
    assert drawn == rooms.PAGE.read_text(encoding="utf-8"), "run: python docs/rooms.py"


def test_the_page_names_every_room(sources):
    page = rooms.PAGE.read_text(encoding="utf-8")
    for module in sources:
        room = rooms.room_of(module)
        assert room == rooms.FACE or f"`{room}" in page or f"{room}/`" in page, room


SCRIPTS = [
    path
    for folder in ("benchmarks", "training", "docs", "sample_data")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_script_imports_from_us_is_there(path, sources):
    """Also what it imports inside its functions, which starting it does not show."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "wsi_scale":
            module = importlib.import_module(node.module)
            for alias in node.names:
                if f"{node.module}.{alias.name}" not in sources:  # a module of ours
                    assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


def test_no_file_has_the_name_of_another():
    names = [p.stem for p in SOURCE.rglob("*.py") if not p.stem.startswith("__")]
    dock = (ROOT / "napari_plugin" / "wsi_scale_napari").glob("*.py")
    names += [p.stem for p in dock if not p.stem.startswith("__")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_public_class_has_the_name_of_another(sources):
    classes = [
        node.name
        for text in sources.values()
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert sorted({name for name in classes if classes.count(name) > 1}) == []


def lengths(sources):
    """Lines of every function's body, docstring apart, by place."""
    for module, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[ast.get_docstring(node) is not None :]
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                yield f"{module}.{node.name}", lines


def test_modules_and_functions_stay_short(sources):
    assert [name for name, text in sources.items() if len(text.splitlines()) > 300] == []
    found = dict(lengths(sources))
    assert [name for name, lines in found.items() if lines > 45] == []
    assert statistics.median(lines for _, lines in lengths(sources)) <= 5


def test_the_house_has_few_doors():
    assert len([p for p in SOURCE.iterdir() if p.name != "__pycache__"]) <= 21


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    "module",
    [
        "wsi_scale",
        "wsi_scale.networks",
        "wsi_scale.networks.spec",
        "wsi_scale.networks.sources",
        "wsi_scale.pipeline.settings",
        "wsi_scale.cli",
    ],
)
def test_importing_it_loads_no_heavy_library(module):
    heavy = ("torch", "dask", "distributed", "pyarrow", "napari", "skimage", "matplotlib")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    assert run(code).stdout.strip() == "[]"


def test_networks_are_listed_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from wsi_scale.cli import run; sys.exit(run(['networks']))"
    )
    assert "timm:MODEL" in run(code).stdout


def test_importing_wsi_scale_alone_loads_no_scipy():
    assert run("import sys, wsi_scale; print('scipy' in sys.modules)").stdout.strip() == "False"


def test_estimators_and_judgement_work_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from wsi_scale import estimators, judgement, report, responses\n"
        "from wsi_scale.judgement import estimate; responses.Responses\n"
        "print(sorted(estimators.all_estimators()))"
    )
    assert "fingerprint" in run(code).stdout


def test_tiles_are_cut_and_stitched_without_torch():
    run("import sys; sys.modules['torch'] = None; from wsi_scale import Tiles, stitch, tiles")


FACES = ["", "slide", "sites", "networks", "responses", "judgement", "pipeline"]


@pytest.mark.parametrize("room", FACES)
def test_a_face_shows_what_it_promises(room):
    name = f"wsi_scale.{room}".rstrip(".")
    face = importlib.import_module(name)
    tree = ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))
    promised = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wsi_scale.")
        for alias in node.names
    } - {"open_when_asked", "follow_old_paths"}
    assert promised == set(face.__all__) == set(dir(face))
    for one in face.__all__:
        assert getattr(face, one) is not None


def test_every_room_says_what_it_is():
    for room in rooms.ROOMS:
        path = SOURCE / room
        assert not path.is_dir() or ast.get_docstring(ast.parse((path / "__init__.py").read_text()))


def test_version():
    assert wsi_scale.__version__.count(".") == 2
