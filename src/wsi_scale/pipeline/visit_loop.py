"""Measures site by site, coarse scales first, and knows how far the run is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wsi_scale.errors import SlideError
from wsi_scale.estimators import find_estimator, seeks_coarse_to_fine
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judgement.by_size import RULER
from wsi_scale.judgement.estimate import NOBODY, Estimate, estimate
from wsi_scale.judgement.repeats import places_of
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.pipeline.ask_the_ruler import answer_by_size, ask_ruler, confirmed, of_square_pixels
from wsi_scale.pipeline.coarse_to_fine import (
    FEW,
    MOST_ROUNDS,
    first_scales,
    groups,
    narrow_enough,
    next_scales,
    sites_before_check,
    strides,
)
from wsi_scale.pipeline.progress import Progress
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.visit_sites import find_colours, visit, visit_again, visit_freed
from wsi_scale.report import PixelSize
from wsi_scale.responses.record import Responses, merge

if TYPE_CHECKING:
    from wsi_scale.pipeline.visit_sites import Colours

_PARTIAL_SECONDS = 0.5  # at least between two interim answers
_PARTIAL_RESAMPLES = 40
_PARTIAL_SHARE = 10  # measure at least this many times as long as the last answer took


class SiteVisits:
    """One run: visits sites at some scales, and counts the visits."""

    def __init__(self, run: Run, started: float) -> None:
        self.run = run
        self._started = started
        self._steps = strides(run.settings.per_octave) if run.settings.coarse_to_fine else (1,)
        self._measured = first_scales(len(run.grid), self._steps[0])
        self._passes = len(self._steps)
        self._kinds = 2 if run.settings.colour_fit else 1
        self._each = self._passes * self._kinds
        self._done, self._total = 0, self._each * len(run.sites)
        self._parts: list[Responses] = []
        self._dropped: list[str] = []
        self._colours: Colours = {}
        self.answer: Estimate | None = None
        self._size: PixelSize | None = None  # what the ruler said
        self._ruler_asked = False
        self._by_size: tuple[Estimate, Estimate] | None = None  # its own, and the one that follows
        self._next_answer = 0.0
        self._seen = 0
        self._lost = ""  # why the slide could no longer be read, at any site
        self._first: tuple[float, int] | None = None  # time and count after the first visit

    def measure(self, first: int | None, decided: Callable[[], bool]) -> Iterator[Progress]:
        """Visit all sites, or group after group until more would not help. The network's own answer
        is then in ``answer``.

        first: size of the first group; None: all sites are one. decided: whether the answer comes
        from elsewhere, whatever more sites say; asked after each group.
        """
        for group in groups(self.run.sites, first):
            yield from self._visit(group)
            yield from self._visit_closer(planned=self._seen == 0)
            self._seen += len(group)
            if self._lost or self._seen == len(self.run.sites) or self._is_enough() or decided():
                break
        if not self._parts:
            count = len(self.run.sites)
            raise SlideError(f"none of {count} sites could be read: {self._dropped[0]}")

    def go(self) -> Iterator[Progress]:
        """Progress of all visits; the last one also knows what native levels would change."""
        yield from self.measure(sites_before_check(self.run.settings), self._size_decides)
        if self._lost:
            yield self._progress(self._parts)
            return
        from wsi_scale.pipeline.native_levels import try_levels

        self._ask_ruler()
        self.answer = self._answer_by_size(self._parts)
        tried = try_levels(self.run, self.answer) if self.answer is not None else None
        early = self._seen < len(self.run.sites)
        last = self._progress(self._parts, finished=True, stopped_early=early)
        yield replace(last, tried=tried)

    def _ask_ruler(self) -> PixelSize | None:
        """What the ruler says; it is asked once, and its time is not that of visits."""
        if not self._ruler_asked:
            began = time.monotonic()
            self._size, self._ruler_asked = ask_ruler(self.run), True
            if self._first is not None:
                start, counted = self._first
                self._first = start + time.monotonic() - began, counted
        return self._size

    def _answer_by_size(self, parts: Sequence[Responses]) -> Estimate | None:
        """The answer, once the ruler was asked; the same object until the network says more."""
        if self.answer is None:
            return None
        if not self._ruler_asked:
            return of_square_pixels(self.run, self.answer)
        if self._by_size is None or self._by_size[0] is not self.answer:
            seen = merge(list(parts)) if parts else None
            self._by_size = self.answer, answer_by_size(self.run, self.answer, self._size, seen)
        return self._by_size[1]

    def _size_decides(self) -> bool:
        """Whether the scale follows from µm/px that the tissue confirms, beside an answer of the
        network that says the same and cannot be ``ok``, however many sites it is shown."""
        if sites_before_check(self.run.settings) != FEW or self.answer is None:
            return False
        return confirmed(self.run, self.answer, self._ask_ruler())

    def _is_enough(self) -> bool:
        """Whether the interval is as narrow as requested, or as more sites could make it."""
        answer, precision = self.answer, self.run.settings.precision
        if answer is None or self._seen < ENOUGH_SITES:
            return False
        return answer.settled or narrow_enough(answer, precision)

    def _visit(self, sites: Sequence[Site]) -> Iterator[Progress]:
        """Visit new sites at the scales that were measured at earlier sites."""
        earlier = len(self._parts)
        visits = self._passes if earlier else 1
        run = self._run_at(self._measured)
        for found in visit(run, sites):
            gone = self._keep(found)
            yield from self._count(self._each if gone else visits, self._parts, answer=not earlier)
        yield from self._free_of_colour(run, earlier, visits)

    def _visit_closer(self, *, planned: bool) -> Iterator[Progress]:
        """Measure more scales around the best until its neighbours are measured; then answer.

        planned: whether these visits are already part of the total, one per step.
        """
        for turn in range(MOST_ROUNDS):
            if self._lost or not self._parts or len(self._measured) == len(self.run.grid):
                break
            self.answer = self._judge(_PARTIAL_RESAMPLES)
            more = self._next_scales(self.answer)
            if not more:
                break
            if not planned or turn >= self._passes - 1:
                self._total += self._kinds * len(self._parts)
            yield from self._visit_again(more)
        if self._parts:
            self.answer = self._judge(self.run.settings.resamples)

    def _next_scales(self, answer: Estimate) -> tuple[int, ...]:
        """Positions in the grid of the scales to measure next."""
        scales = self.run.grid.scales
        if answer.estimator == NOBODY:
            return ()
        if not seeks_coarse_to_fine(find_estimator(answer.estimator)):  # it needs all scales
            return tuple(sorted(set(range(len(scales))).difference(self._measured)))
        return next_scales(scales, self._measured, answer.score, self._steps)

    def _visit_again(self, more: tuple[int, ...]) -> Iterator[Progress]:
        """Visit the same sites at more scales."""
        before, measured, dropped = self._parts, self._measured, len(self._dropped)
        self._measured = tuple(sorted({*self._measured, *more}))
        grid = self._run_at(self._measured).grid
        waiting = [part.on_larger_grid(grid) for part in self._parts]
        self._parts = []
        run = self._run_at(more)
        for done, found in enumerate(visit_again(run, waiting), start=1):
            gone = self._keep(found)
            yield from self._count(self._kinds if gone else 1, [*self._parts, *waiting[done:]])
        if not self._parts:  # the slide is gone, but not what was measured before
            self._parts, self._measured = before, measured
            self._lost = self._dropped[dropped]
            del self._dropped[dropped:]
            return
        yield from self._free_of_colour(run, 0, 1)

    def _keep(self, found: Responses | SlideError) -> bool:
        """Keep the responses of a site; True if it could not be read and is dropped."""
        if isinstance(found, SlideError):
            self._dropped.append(str(found))
            return True
        self._parts.append(found)
        return False

    def _free_of_colour(self, run: Run, start: int, visits: int) -> Iterator[Progress]:
        """Add colour-fitted responses to the sites from ``start`` on."""
        parts = self._parts[start:]
        if not run.settings.colour_fit or not parts:
            return
        if any(scale not in self._colours for scale in run.grid.scales):
            self._colours |= find_colours(run, [x.sites[0] for x in parts], self._colours)
        try:
            for place, part in enumerate(visit_freed(run, parts, self._colours), start=start):
                self._parts[place] = part
                yield from self._count(visits, self._parts)
        except SlideError as error:
            self._parts[start:], self._lost = parts, str(error)

    def _count(
        self, visits: int, parts: Sequence[Responses], *, answer: bool = False
    ) -> Iterator[Progress]:
        """Count visits and report progress, unless it was the last; update the answer if due."""
        self._done += visits
        if self._done >= self._total:
            return
        now = time.monotonic()
        if answer and parts and now >= self._next_answer:
            self.answer = self._judge(_PARTIAL_RESAMPLES)
            took = time.monotonic() - now
            self._next_answer = time.monotonic() + max(_PARTIAL_SECONDS, _PARTIAL_SHARE * took)
        yield self._progress(parts)

    def _progress(
        self, parts: Sequence[Responses], *, finished: bool = False, stopped_early: bool = False
    ) -> Progress:
        now = time.monotonic()
        total = self._done if finished else self._total
        first, counted = self._first = self._first or (now, self._done)
        visits = self._done - counted
        left = (now - first) / visits * (total - self._done) if visits else None
        return Progress(
            run=_note_dropped(self.run, self._dropped, self._lost),
            done=self._done,
            total=total,
            estimate=self.answer if finished else self._answer_by_size(parts),
            parts=tuple(parts),
            seconds=now - self._started,
            seconds_left=0.0 if finished else left,
            finished=finished,
            stopped_early=stopped_early,
            pixel_size=self._size,
        )

    def _run_at(self, positions: Sequence[int]) -> Run:
        """The run with only some scales of its grid."""
        scales = self.run.grid.scales
        return replace(self.run, grid=ScaleGrid(tuple(scales[i] for i in positions)))

    def _judge(self, resamples: int) -> Estimate:
        settings, responses = self.run.settings, merge(self._parts)
        return estimate(
            responses,
            estimator="auto" if settings.estimator == RULER else settings.estimator,
            options=settings.options,
            seed=settings.seed,
            interval_level=settings.interval_level,
            resamples=resamples,
            places=places_of(responses),
        )


def _note_dropped(run: Run, dropped: list[str], lost: str) -> Run:
    """The run, with a warning about what could not be read, if there is any.

    lost: why no site could be read any more; empty if that did not happen.
    """
    notes = []
    if dropped:
        count = f"{len(dropped)} of {len(run.sites)} sites"
        notes.append(f"{count} could not be read and were dropped: {dropped[0]}")
    if lost:
        notes.append(f"the slide could no longer be read, so this is what was known then: {lost}")
    return replace(run, warnings=(*run.warnings, *notes)) if notes else run
