"""The process that reads slides: one task per line on stdin, one reply per line on stdout."""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import sys
import threading
from typing import Any

from wsi_scale.batch.memory import end_above, rest_mib
from wsi_scale.plumbing.stop_signals import ignore_stops


def main() -> None:
    """Answer until stdin ends, which happens when the parent closes it or dies."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what networks and libraries print must not mix with replies
    ignore_stops()  # the parent gets them too and closes stdin
    faulthandler.enable()
    from wsi_scale.batch.one_slide import reply_to  # imported here, where its prints go to stderr
    from wsi_scale.slide.readers._apart import read_here

    read_here()

    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(tasks,), daemon=True).start()
    watched = False
    while True:
        task = tasks.get()
        if not watched:
            end_above(task["memory"])
            watched = True
        reply = reply_to(task)
        reply["tired"] = (rest_mib() or 0) > task["memory"] * 1024 / 2
        replies.write((json.dumps(reply, allow_nan=False) + "\n").encode())


def _hear(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))
    os._exit(0)  # even in the middle of a slide: nobody waits for its reply


if __name__ == "__main__":
    main()
