"""A process that runs cases: one line of JSON in, one or two out. It may die; its parent counts."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import warnings
from pathlib import Path

MOST_MAPPED = 6 << 30
CPU_SECONDS = 60
"""After so much in one case the system ends the process."""


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    from one_case import run_case
    from targets import all_targets

    from wsi_scale.slide.readers._apart import read_here

    read_here()
    warnings.simplefilter("ignore")
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MAPPED, MOST_MAPPED))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    targets = all_targets()
    for line in sys.stdin:
        asked = json.loads(line)
        target, path = targets[asked["target"]], Path(asked["path"])
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + CPU_SECONDS, hard))
        answers.write(json.dumps({"may_die": bool(target.may_die(path))}) + "\n")
        answers.write(json.dumps(vars(run_case(target, path))) + "\n")


if __name__ == "__main__":
    main()
