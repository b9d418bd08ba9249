"""What a release is made of fits together: version, addresses, container, recipe, action."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]
HOME = PROJECT["project"]["urls"]["Repository"]


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def load(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_changelog_begins_with_the_version_that_is_built():
    assert re.search(r"^## (\S+)", text_of("CHANGELOG.md"), re.MULTILINE)[1] == VERSION


def test_the_recipe_is_of_that_version_and_names_every_dependency():
    recipe = text_of("packaging/conda/meta.yaml")
    assert f'version = "{VERSION}"' in recipe
    names = {"torch": "pytorch", "matplotlib": "matplotlib-base", "openslide-bin": "openslide"}
    for one in PROJECT["project"]["dependencies"]:
        name, bound = re.match(r"([\w-]+)(>=[\d.]+)?", one).groups()
        line = re.search(rf"^    - {names.get(name, name)}(?: (\S+))?$", recipe, re.MULTILINE)
        assert line, f"{name} is missing"
        if name != "openslide-bin":  # conda's own library
            assert line[1] == bound, one


def test_every_address_of_the_repository_is_the_one_of_pyproject():
    files = [ROOT / "pyproject.toml", *(ROOT / ".github").rglob("*"), ROOT / "docs" / "install.md"]
    files += [path for path in (ROOT / "packaging").rglob("*") if path.suffix != ".pyc"]
    for path in (x for x in files if x.is_file()):
        for found in re.findall(r"https://github\.com/[\w-]+/wsi-scale", text_of(path)):
            assert found == HOME, path
    owner = HOME.split("/")[-2]
    assert f"uses: {owner}/wsi-scale/packaging/action@v{VERSION}" in text_of("docs/install.md")


def test_the_page_on_the_index_has_no_link_that_needs_the_repository():
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    page = text_of(hook["fragments"][0]["path"])
    for one in hook["substitutions"]:
        page = re.sub(one["pattern"], one["replacement"], page)
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 20
    assert [x for x in links if not x.startswith(("https://", "#"))] == []
    for link in links:
        for start in (f"{HOME}/blob/main/", f"{HOME}/raw/main/"):
            if link.startswith(start):
                assert (ROOT / link.removeprefix(start).split("#")[0]).exists(), link


def test_the_action_on_the_page_is_the_one_that_is_there():
    action = yaml.safe_load(text_of("packaging/action/action.yml"))
    (block,) = re.findall(r"```yaml\n(.*?)```", text_of("docs/install.md"), re.DOTALL)
    (step,) = yaml.safe_load(block)
    assert set(step["with"]) <= set(action["inputs"])
    needed = {name for name, one in action["inputs"].items() if one.get("required")}
    assert needed <= set(step["with"])


@pytest.mark.parametrize(("status", "told"), [("conflict", 1), ("agree", 0), (None, 0)])
def test_the_action_names_slides_in_conflict(tmp_path, status, told):
    rows = tmp_path / "rows.jsonl"
    row = {"path": "a.svs", "pixels.status": status, "pixels.reason": "half of what is stated"}
    rows.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = load("packaging/action/conflicts.py").conflicts(rows)
    assert found == ["a.svs: half of what is stated"] * told


def test_the_container_gets_all_that_the_wheel_is_made_of():
    """Nothing else is sent to the build, so a file that is missing there breaks it."""
    kept = re.findall(r"^!(\S+)", text_of("packaging/Dockerfile.dockerignore"), re.MULTILINE)
    build = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*build["packages"], *build["force-include"], "pyproject.toml", "README.md", "LICENSE"]
    for path in needed:
        assert any(path == x or path.startswith(f"{x}/") for x in kept), path


def test_every_command_of_the_wheel_check_is_one_of_ours():
    from typer.main import get_command

    from wsi_scale.cli import app

    commands = load("packaging/check_wheel.py").COMMANDS
    used = {line.split()[1] for line in commands} - {"--version"}
    assert used <= set(get_command(app).commands)
    assert {"estimate", "ruler", "batch", "export", "doctor", "sample"} <= used


def test_the_workflows_run_what_is_there():
    makefile = text_of("Makefile")
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        flow = yaml.safe_load(path.read_text(encoding="utf-8"))
        for job in flow["jobs"].values():
            for step in job["steps"]:
                run = step.get("run", "")
                for target in re.findall(r"\bmake ([\w-]+)", run):
                    assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
                for script in re.findall(r"python (\S+\.py)", run):
                    assert (ROOT / script).is_file(), script


def test_classifiers_name_no_python_below_the_one_that_is_required():
    least = PROJECT["project"]["requires-python"].removeprefix(">=3.")
    named = [
        int(one.rpartition("3.")[2])
        for one in PROJECT["project"]["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", one)
    ]
    assert min(named) == int(least)


def test_napari_finds_the_dock_through_the_manifest_that_is_shipped():
    assert "Framework :: napari" in PROJECT["project"]["classifiers"]
    (target,) = PROJECT["project"]["entry-points"]["napari.manifest"].values()
    package, name = target.split(":")
    manifest = yaml.safe_load(text_of(f"napari_plugin/{package}/{name}"))
    assert manifest["name"] == PROJECT["project"]["name"]


def test_the_path_to_tiatoolbox_takes_at_most_ten_commands():
    files, commands = load("packaging/try_ten_commands.py").read_page()
    assert list(files) == ["my_net.py", "predict.py"]
    assert len(commands) <= 10
    assert [line for line in commands if line.startswith("wsi-scale export")]
