"""One run in a thread of its own. It is asked where it stands; it never calls, and never raises."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import WsiScaleError
from wsi_scale.pipeline.fields_of_view import Field, fields_of_view
from wsi_scale.pipeline.settings import Settings
from wsi_scale.report import Report
from wsi_scale_napari.cores import CORE_SPARED, SHORT_TURNS, give_way
from wsi_scale_napari.source import Source
from wsi_scale_napari.waking import wake_torch

if TYPE_CHECKING:
    from wsi_scale.networks import Network
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.slide.base import Slide

Stage = Literal["loading", "looking", "done", "cancelled", "failed"]
ENDS: frozenset[Stage] = frozenset({"done", "cancelled", "failed"})

Strip = list[tuple[float, Any]]


@dataclass(frozen=True)
class Request:
    """What is asked, fixed at the start."""

    source: Source
    network: str
    settings: Settings
    device: str = "auto"
    slide: str = ""
    """What the user calls the slide."""


@dataclass(frozen=True)
class RunFailure:
    """Why something did not work, for people first and programmers second."""

    sentence: str
    remedy: str
    details: str


@dataclass(frozen=True)
class State:
    """Where a run stands."""

    stage: Stage
    words: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    report: Report | None = None
    """The answer so far; of a run that ended early, marked partial."""
    fields: tuple[Field, ...] = ()
    strip: Strip = field(default_factory=list)
    """What the network saw and, if it segments, found, with scales; at the end only."""
    failure: RunFailure | None = None

    @property
    def ended(self) -> bool:
        return self.stage in ENDS


class RunStopped(Exception):  # noqa: N818  (what was asked for, no fault)
    """A run was cancelled, and its thread has come to where it can stop."""


class Work:
    """A run: started once, cancelled at any time. Once it has ended its state never changes."""

    def __init__(self, request: Request, load: Callable[[str, str], Network] | None = None) -> None:
        self.request = request
        self._load = load or load_network
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._state = State("loading", "waking PyTorch and loading the network")
        self._thread = threading.Thread(target=self._go, name="wsi-scale-run", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def state(self) -> State:
        with self._lock:
            return self._state

    @property
    def alive(self) -> bool:
        """Whether its thread still runs; a cancelled one finishes the read or batch it is at."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """End at once: what was found so far stays, what is found later is dropped."""
        self._stop.set()
        self._tell(replace(self.state, stage="cancelled", words="cancelled", seconds_left=None))

    def _tell(self, state: State) -> None:
        """The new state, unless the run has ended."""
        with self._lock:
            if not self._state.ended:
                self._state = state

    def _go(self) -> None:
        try:
            give_way()
            with SHORT_TURNS:
                self._run()
        except RunStopped:
            pass
        except BaseException as error:  # a thread has nobody to raise to
            failure = explain_failure(error)
            self._tell(replace(self.state, stage="failed", words="failed", failure=failure))

    def _run(self) -> None:
        network = self._load(self.request.network, self.request.device)
        with CORE_SPARED, self.request.source.open(self.request.settings.mpp) as slide:
            self._watch(slide, network)
            self._look(slide, network)

    def _watch(self, slide: Slide, network: Network) -> None:
        """Stop a cancelled run at its next read of the slide and its next batch of patches."""
        read = slide.read

        def read_unless_stopped(*window: int) -> NDArray[np.uint8]:
            self._check()
            return read(*window)

        # the slide is this run's alone
        slide.read = read_unless_stopped  # type: ignore[method-assign, assignment]
        network.module.register_forward_pre_hook(lambda *_: self._check())

    def _check(self) -> None:
        if self._stop.is_set():
            raise RunStopped

    def _look(self, slide: Slide, network: Network) -> None:
        from wsi_scale.pipeline.iterate import iter_estimates

        self._tell(replace(self.state, stage="looking", words="choosing where to look"))
        steps = iter_estimates(slide, network, self.request.settings)
        last: Progress | None = None
        for step in steps:
            self._check()
            self._tell(self._state_at(step, last))
            last = step
        if last is not None:
            strip = _strip_of(last, self.state.report)
            self._tell(replace(self.state, stage="done", words="done", strip=strip))

    def _state_at(self, step: Progress, last: Progress | None) -> State:
        before = self.state
        if last is None or step.estimate is not last.estimate or step.finished:
            fields = tuple(fields_of_view(step.run, step.estimate))
            before = replace(before, report=step.report(), fields=fields)
        words = f"{step.done} of {step.total} looks"
        return replace(
            before,
            stage="looking",
            words=words,
            done=step.done,
            total=step.total,
            seconds_left=step.seconds_left,
        )


def load_network(spec: str, device: str) -> Network:
    """The network of a SPEC. PyTorch is imported here, in the thread of whoever calls."""
    wake_torch()
    from wsi_scale.networks import load_network as load

    return load(spec, device=device)


def _strip_of(last: Progress, report: Report | None) -> Strip:
    from wsi_scale.pipeline.strip import show

    responses = last.responses
    if responses is None or report is None:
        return []
    with suppress(WsiScaleError):  # a picture less is no failed run
        return show(last.run, responses, report.scale)
    return []


def explain_failure(error: BaseException) -> RunFailure:
    """What happened and what to do about it. Our own errors say both, either side
    of their first semicolon."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, WsiScaleError):
        sentence, _, remedy = str(error).partition("; ")
        return RunFailure(sentence, remedy, details)
    words = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return RunFailure(words, "choose the device cpu, or close other programs", details)
    return RunFailure(words, "this is a mistake of the program; please report the details", details)
