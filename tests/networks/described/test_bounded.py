"""A description is data, of a size that is read in a moment."""

import time

import pytest

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.bounded import file_inside, read_json, read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "repeats itself"),
        ("a: &a [*a]", "repeats itself"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("a: [1, 2", "not valid YAML"),
        ("when: 2019-13-45", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("- a\n- b", "not keys and values"),
        ("", "not keys and values"),
        ("a: " + "x" * 600_000, "larger than 512 KiB"),
    ],
    ids=["bomb", "loop", "object", "open", "date", "deep", "list", "empty", "large"],
)
def test_yaml_that_is_no_description_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "rdf.yaml"
    path.write_text(text)
    started = time.monotonic()
    with pytest.raises(NetworkError, match=says) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 20


def test_a_repeated_author_is_no_bomb(tmp_path):
    path = tmp_path / "rdf.yaml"
    path.write_text("authors: &people [{name: a}]\nmaintainers: *people\n")
    assert read_yaml(path)["maintainers"] == [{"name": "a"}]


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, '{"a": 1} x', "\xff"])
def test_json_that_is_no_description_is_one_sentence(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(NetworkError) as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../x.pt", "/x.pt", "a/../../x.pt", "..\\x.pt", "", 3, None])
def test_a_description_names_only_files_of_its_folder(tmp_path, name):
    (tmp_path / "x.pt").touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(NetworkError, match="does not lie in its folder"):
        file_inside(inside, name, inside / "rdf.yaml")
