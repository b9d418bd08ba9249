"""One run in its own thread. The window polls its state; it never calls back and never raises."""

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
    from wsi_scale.judgement.places import ScaleMap
    from wsi_scale.networks.network import Network
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.slide.base import Slide

Stage = Literal["loading", "looking", "done", "cancelled", "failed"]
ENDS: frozenset[Stage] = frozenset({"done", "cancelled", "failed"})

Strip = list[tuple[float, Any]]


@dataclass(frozen=True)
class Request:
    """Slide, network and settings of a run, fixed at the start."""

    source: Source
    network: str
    settings: Settings
    device: str = "auto"
    slide: str = ""
    """The slide's name in the viewer."""


@dataclass(frozen=True)
class RunFailure:
    """What failed: a sentence and a remedy for users, details for programmers."""

    sentence: str
    remedy: str
    details: str


@dataclass(frozen=True)
class State:
    """How far a run is."""

    stage: Stage
    words: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    report: Report | None = None
    """The answer so far; marked partial if the run ended early."""
    fields: tuple[Field, ...] = ()
    strip: Strip = field(default_factory=list)
    """(scale, patch) pairs of what the network saw; a segmenter's findings are outlined. Only at
    the end."""
    progress: Progress | None = None
    """What the report came from, with the network, to look inside."""
    map: ScaleMap | None = None
    """The parts of the slide that were measured so far; only of a MapWork."""
    failure: RunFailure | None = None

    @property
    def ended(self) -> bool:
        return self.stage in ENDS


class RunStopped(Exception):  # noqa: N818  (a request, not an error)
    """A run was cancelled, and its thread has reached a point where it can stop."""


class Work:
    """A run: starts once, can be cancelled at any time. Its final state never changes."""

    def __init__(self, request: Request, load: Callable[[str, str], Network] | None = None) -> None:
        self.request = request
        self._load = load or load_network
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._state = State("loading", "loading PyTorch and the network")
        self._thread = threading.Thread(target=self._go, name="wsi-scale-run", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def state(self) -> State:
        with self._lock:
            return self._state

    @property
    def alive(self) -> bool:
        """Whether its thread still runs; a cancelled one finishes its current read or batch."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """End at once: keep what was found so far and drop what is found later."""
        self._stop.set()
        self._tell(replace(self.state, stage="cancelled", words="cancelled", seconds_left=None))

    def _tell(self, state: State) -> None:
        """Set a new state, unless the run has ended. At its end only measured sites are shown."""
        if state.ended and state.progress is not None:
            run, answer = state.progress.run, state.progress.estimate
            state = replace(state, fields=tuple(fields_of_view(run, answer, planned=False)))
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
        except BaseException as error:  # nobody catches a thread's exception
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

        # only this run uses the slide
        slide.read = read_unless_stopped  # type: ignore[method-assign, assignment]
        network.module.register_forward_pre_hook(lambda *_: self._check_in_thread())

    def _check_in_thread(self) -> None:
        """The network outlives the run: only the run's own thread may be stopped in it."""
        if threading.current_thread() is self._thread:
            self._check()

    def _check(self) -> None:
        if self._stop.is_set():
            raise RunStopped

    def _look(self, slide: Slide, network: Network) -> None:
        from wsi_scale.pipeline.iterate import iter_estimates

        self._tell(replace(self.state, stage="looking", words="choosing sites"))
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
            before = replace(before, report=step.report(), fields=fields, progress=step)
        words = f"measuring: {step.done / max(step.total, 1):.0%}"
        return replace(
            before,
            stage="looking",
            words=words,
            done=step.done,
            total=step.total,
            seconds_left=step.seconds_left,
        )


def load_network(spec: str, device: str) -> Network:
    """The network that a SPEC names. Imports PyTorch in the calling thread."""
    wake_torch()
    from wsi_scale.networks.load import load_network as load

    return load(spec, device=device)


def _strip_of(last: Progress, report: Report | None) -> Strip:
    from wsi_scale.pipeline.strip import show

    responses = last.responses
    if responses is None or report is None:
        return []
    with suppress(WsiScaleError):  # without a picture the run still counts
        return show(last.run, responses, report.scale)
    return []


def explain_failure(error: BaseException) -> RunFailure:
    """What happened and what to do about it. Our own errors say both in one sentence."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, WsiScaleError):
        return RunFailure(str(error), "", details)
    words = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return RunFailure(words, "choose the device cpu, or close other programs", details)
    return RunFailure(
        words, "this is a bug in wsi-scale; please report it with the details", details
    )
