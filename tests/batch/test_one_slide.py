"""What the reading process does with a task, and how it ends when it holds too much."""

import subprocess
import sys

import pytest

from wsi_scale.batch.memory import TOO_MUCH, peak_mib, rest_mib
from wsi_scale.batch.one_slide import _reason, reply_to, scanner_of
from wsi_scale.batch.query import Asked, Limits
from wsi_scale.errors import NetworkError, NoTissueError, SettingsError, SlideError
from wsi_scale.pipeline.settings import Settings
from wsi_scale.testing import slide_in_memory


def task(network="figures", path="synthetic:nothing", weights=None, **settings):
    return Asked.of(network, Settings(**settings), "cpu", Limits()).task(path, weights)


def test_a_task_without_a_slide_tells_the_network_and_its_weights():
    found = reply_to(task(path=None))["network"]
    assert found["name"] == "figures"
    assert reply_to(task(weights=found["weights"]))["failed"][0] == "slide"
    assert reply_to(task())["peak_mib"] > 10


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (task(network="nowhere"), "nowhere"),
        (task(target="cat"), "figures has no class 'cat'"),
        (task(profile="gone.safetensors"), "gone.safetensors"),
        (
            task(weights="0" * 64),
            "figures gets different weights each time it is loaded, or its files differ",
        ),
        (
            task() | {"version": "0.0"},
            "the batch was started with 0.0; install the same version everywhere",
        ),
    ],
)
def test_what_would_fail_every_slide_is_told_apart_from_a_bad_slide(asked, says):
    reply = reply_to(asked)
    assert list(reply) == ["fatal"]
    assert says in reply["fatal"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SlideError("s"), "slide"),
        (NoTissueError("s"), "slide"),
        (SettingsError("s"), "settings"),
        (NetworkError("s"), "network"),
        (MemoryError(), "memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "memory"),
        (ZeroDivisionError("x\ny"), "unexpected"),
    ],
)
def test_every_error_has_a_kind_and_one_line(error, kind):
    try:
        raise error
    except Exception as caught:
        found, sentence = _reason(caught, "a.svs")
    assert found == kind
    assert sentence
    assert "\n" not in sentence


def test_a_bug_is_told_with_its_place():
    try:
        raise ZeroDivisionError("no")
    except ZeroDivisionError as error:
        _, sentence = _reason(error, "a.svs")
    assert sentence.startswith(
        "a.svs could not be estimated: ZeroDivisionError: no (test_one_slide.py, line"
    )


def test_the_scanner_is_vendor_and_objective_as_far_as_they_are_named():
    with slide_in_memory() as slide:
        assert scanner_of(slide) == "array"
        slide.properties = {"openslide.vendor": "aperio"}
        assert scanner_of(slide) == "aperio"
        slide.objective_power = 20.0
        assert scanner_of(slide) == "aperio 20×"


@pytest.mark.skipif(rest_mib() is None, reason="this system does not tell memory")
def test_a_process_that_holds_too_much_is_ended():
    assert 0 < rest_mib() <= peak_mib()
    program = (
        "import time\n"
        "from wsi_scale.batch.memory import end_above\n"
        "end_above(0.2)\n"
        "time.sleep(0.3)\n"
        "print('small', flush=True)\n"
        "held = bytearray(300 << 20)\n"
        "time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=50)
    assert done.stdout == b"small\n"
    assert done.returncode == TOO_MUCH
