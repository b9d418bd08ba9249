"""How far a run is, and the report it could give now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_scale.judgement.estimate import Estimate
from wsi_scale.pipeline.build_report import build_report
from wsi_scale.pipeline.run import Run
from wsi_scale.report import PixelSize, Report
from wsi_scale.responses.record import Responses, merge

if TYPE_CHECKING:
    from wsi_scale.pipeline.native_levels import Tried


@dataclass(frozen=True)
class Progress:
    """How far a run is, with the answer so far. The last one of a run has ``finished`` set.

    Examples
    --------
    >>> from wsi_scale import Settings, iter_estimates
    >>> slide = "synthetic:figures?seed=1&stretch=0.5&width=900&height=800"
    >>> settings = Settings(sites=2, scales=(1, 2), dense=True, per_octave=1)
    >>> for progress in iter_estimates(slide, "figures", settings):
    ...     print(progress.done, progress.total, progress.finished, progress.report().partial)
    1 2 False True
    2 2 True False
    """

    run: Run
    done: int
    """Visits to sites so far, dropped sites included. Each site is visited several times, at ever
    finer scales, unless all scales are measured at once. With a colour fit each visit counts
    twice."""
    total: int
    """Visits planned so far. There will be a few more if the best scale moves, and fewer if the
    interval is narrow enough early."""
    estimate: Estimate | None
    """The answer so far; it sharpens with every site. None until something was measured."""
    parts: tuple[Responses, ...]
    """What the network answered, one entry per site."""
    seconds: float
    """Seconds since the start of the run."""
    seconds_left: float | None
    """Estimated from the pace after the first site, so start-up costs do not distort it. None until
    the second visit; 0 at the end."""
    finished: bool = False
    stopped_early: bool = False
    """Whether the run ended before all sites were visited, because more would change nothing."""
    tried: Tried | None = None
    """What reading native levels without resizing would change; only in the last Progress."""
    pixel_size: PixelSize | None = None
    """What the ruler read from the tissue. It is asked at the end; after the first group of sites
    where a run may end for what it says. None before."""

    @property
    def responses(self) -> Responses | None:
        """The parts of all sites, joined; None before the first site."""
        return merge(list(self.parts)) if self.parts else None

    def report(self) -> Report | None:
        """The report so far, marked partial unless the run has finished.

        Returns
        -------
        Report or None
            None before the first answer.
        """
        if self.estimate is None:
            return None
        patches = sum(len(part.entropy) for part in self.parts)
        more: dict[str, Any] = {"stopped_early": self.stopped_early}
        if self.tried is not None:
            patches += self.tried.patches
            more["as_is"] = list(self.tried.levels)
        report = build_report(
            self.run,
            self.estimate,
            self.seconds,
            patches,
            partial=not self.finished,
            size=self.pixel_size,
        )
        return report.model_copy(update=more)
