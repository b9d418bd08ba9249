"""Rows and processes for tests of batches, without a network."""

import sys

import pytest

from wsi_scale.batch.keeper import Keeper
from wsi_scale.batch.row import columns, failed_row


def make_row(path, cohort="c", error=None, **values):
    """A row with only what a test is about."""
    if error is not None:
        return failed_row("slide", error) | {"path": path, "cohort": cohort} | values
    row = dict.fromkeys(columns()) | {"path": path, "cohort": cohort, "scanner": "aperio 20×"}
    return row | {"verdict": "ok", "scale": 2.0, "scale_interval": [1.9, 2.1]} | values


@pytest.fixture
def row_of():
    """Maker of rows."""
    return make_row


CHILD = """
import json, os, signal, sys, time
sys.stderr.write("started\\n")
for line in sys.stdin:
    task = json.loads(line)
    path = task["path"]
    if path is None:
        reply = {"network": {"name": "n", "weights": "w"}}
    elif path.startswith("slow"):
        time.sleep(60)
    elif path.startswith("crash"):
        print("Fatal: it hurts", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif path.startswith("once"):  # dies the first time only
        if not os.path.exists(path[4:]):
            open(path[4:], "w").close()
            much = os.path.join(os.path.dirname(path[4:]), "much")
            held = bytearray(int(open(much).read()) << 20 if os.path.exists(much) else 0)
            os.kill(os.getpid(), signal.SIGKILL)
        reply = {"row": {"path": path, "error": None, "pid": os.getpid()}}
    elif path.startswith("swell"):
        held = bytearray(int(path[5:] or 0) << 20)
        os._exit(86)
    elif path.startswith("torn"):
        sys.stdout.write('{"row": {"pa')
        sys.stdout.flush()
        os._exit(0)
    elif path.startswith("babble"):
        reply = []
    elif path.startswith("bad"):
        reply = {"failed": ["slide", path + " is bad"]}
    elif path.startswith("oom"):
        reply = {"failed": ["memory", "no memory"]}
    elif path.startswith("fatal"):
        reply = {"fatal": "no network"}
    elif path.startswith("tired"):
        reply = {"row": {"path": path, "error": None, "pid": os.getpid()}, "tired": True}
    else:
        reply = {"row": {"path": path, "error": None, "pid": os.getpid()}}
    print(json.dumps(reply), flush=True)
"""


@pytest.fixture
def make_keeper(tmp_path):
    """Maker of keepers. Their child acts as the first letters of a path say. Closed at the end."""
    (tmp_path / "child.py").write_text(CHILD)
    made = []

    def make():
        made.append(Keeper((sys.executable, "-S", str(tmp_path / "child.py"))))
        return made[-1]

    yield make
    for keeper in made:
        keeper.close()
