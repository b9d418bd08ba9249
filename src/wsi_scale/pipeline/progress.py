"""Where a run stands, and what could be reported of it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_scale.judgement.estimate import Estimate
from wsi_scale.pipeline.build_report import build_report
from wsi_scale.pipeline.run import Run
from wsi_scale.report import Report
from wsi_scale.responses.record import Responses, merge

if TYPE_CHECKING:
    from wsi_scale.pipeline.native_levels import Tried


@dataclass(frozen=True)
class Progress:
    """Where a run stands. The last one of a run has ``finished`` set."""

    run: Run
    done: int
    """Looks at sites, dropped ones too. A site is looked at again, ever finer, unless all scales
    are measured at once; with a colour fit each of these visits counts twice."""
    total: int
    """Looks as far as can be known: a few more where the best scale moves, fewer where the interval
    is soon narrow enough."""
    estimate: Estimate | None
    """The answer so far; sharpens as sites come in. None until something was measured."""
    parts: tuple[Responses, ...]
    """What the network answered, site by site."""
    seconds: float
    """Since the start of the run."""
    seconds_left: float | None
    """As the visits after the first one go: it waits for whatever is slow but once. None until the
    second; 0 at the end."""
    finished: bool = False
    stopped_early: bool = False
    """Whether the interval was as narrow as asked before all sites were looked at."""
    tried: Tried | None = None
    """What reading native levels as they are would change; only of the last."""

    @property
    def responses(self) -> Responses | None:
        """All parts joined; None before the first site."""
        return merge(list(self.parts)) if self.parts else None

    def report(self) -> Report | None:
        """The report as it stands, marked partial unless finished; None before any answer."""
        if self.estimate is None:
            return None
        patches = sum(len(part.entropy) for part in self.parts)
        more: dict[str, Any] = {"stopped_early": self.stopped_early}
        if self.tried is not None:
            patches += self.tried.patches
            more["as_is"] = list(self.tried.levels)
        report = build_report(
            self.run, self.estimate, self.seconds, patches, partial=not self.finished
        )
        return report.model_copy(update=more)
