"""Sums up the rows of a batch: by scanner, by cohort, and the slides to check first."""

from __future__ import annotations

import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wsi_scale.batch.brief import Brief, brief_of
from wsi_scale.batch.row import Row
from wsi_scale.judgement.verdicts import NUMBERED
from wsi_scale.plumbing.plain_text import cell
from wsi_scale.plumbing.tables import grid_of, number

LEAST = 5
"""A slide is compared with its cohort only if the cohort has this many ``ok`` answers."""

FAR_MADS = 3.5 / 0.6745
"""A slide is far from its cohort beyond this many median absolute deviations.
Source: Iglewicz and Hoaglin 1993, How to detect and handle outliers, modified z-score 3.5."""

FAR_OCTAVES = 0.25
"""And it is at least this far (19 %), so that cohorts which agree closely have no outliers."""

MOST_SHOWN = 50


@dataclass(frozen=True)
class Group:
    """Slides of one scanner or cohort. Medians and quartiles count only ``ok`` answers."""

    name: str
    slides: int
    failed: int
    verdicts: dict[str, int]
    scale: float | None
    mpp: float | None
    mpp_quartiles: tuple[float, float] | None


@dataclass(frozen=True)
class Outlier:
    """A slide to check, and why."""

    slide: Brief
    octaves: float
    reason: str


@dataclass(frozen=True)
class Summary:
    """Everything that the summary of a batch shows."""

    slides: tuple[Brief, ...]
    scanners: tuple[Group, ...]
    cohorts: tuple[Group, ...]
    outliers: tuple[Outlier, ...]
    """Farthest first."""

    @property
    def failed(self) -> list[Brief]:
        return [x for x in self.slides if x.error is not None]

    @property
    def peak_mib(self) -> float | None:
        """The most memory that any process held, in MiB, as far as it is known."""
        return max((x.peak_mib for x in self.slides if x.peak_mib is not None), default=None)


def summarize(rows: Iterable[Row]) -> Summary:
    """Counts, medians and outliers of a batch.

    Parameters
    ----------
    rows : iterable of dict
        Rows as `wsi_scale.batch.store.open_store(path).rows()` yields them; read once.

    Returns
    -------
    Summary
        Slides by path, groups by scanner and cohort, and outliers.

    Examples
    --------
    >>> from wsi_scale.batch.row import failed_row
    >>> row = failed_row("slide", "a.svs is empty") | {"path": "/s/a.svs", "cohort": "A"}
    >>> headline(summarize([row]))
    '1 slide: 1 failed; none flagged.'
    """
    slides = tuple(sorted((brief_of(row) for row in rows), key=lambda x: x.path))
    short = short_names({x.cohort for x in slides})
    return Summary(
        slides,
        _groups(slides, lambda x: x.scanner),
        _groups(slides, lambda x: short[x.cohort]),
        find_outliers(slides),
    )


def short_names(cohorts: Iterable[str]) -> dict[str, str]:
    """Short names of cohorts: folders lose the part of the path that all share.

    >>> sorted(short_names(["/a/b", "/a/c"]).items())
    [('/a/b', 'b'), ('/a/c', 'c')]
    """
    folders = sorted(x for x in cohorts if os.path.isabs(x))
    names = {x: x for x in cohorts}
    if len(folders) == 1:
        names[folders[0]] = os.path.basename(folders[0]) or folders[0]
    elif folders:
        common = os.path.commonpath(folders)
        names |= {x: os.path.relpath(x, common) for x in folders}
        names = {x: os.path.basename(common) or x if y == "." else y for x, y in names.items()}
    return names


def find_outliers(slides: Sequence[Brief]) -> tuple[Outlier, ...]:
    """Slides whose answer disagrees with their cohort or their metadata, the farthest first.

    Cohort: the answer (µm/px, or scale without one) is farther than FAR_MADS and FAR_OCTAVES from
    the median of the cohort's ``ok`` answers, and its interval does not hold that median.
    Metadata: the report calls the stated µm/px a conflict.
    """
    found = []
    by_cohort: dict[tuple[str, str], list[Brief]] = {}
    for x in slides:
        if x.conflict is not None:
            reason = (
                f"its pixels look {2 ** abs(x.conflict):.2g} times "
                f"{'smaller' if x.conflict > 0 else 'larger'} than the µm/px it states"
            )
            found.append(Outlier(x, x.conflict, reason))
        if x.value is not None and x.verdict in NUMBERED:
            by_cohort.setdefault((x.cohort, x.unit), []).append(x)
    for (_, unit), members in by_cohort.items():
        found += _far(members, unit)
    return tuple(sorted(found, key=lambda x: (-abs(x.octaves), x.slide.path)))


def _far(members: Sequence[Brief], unit: str) -> list[Outlier]:
    trusted = [math.log2(x.value) for x in members if x.verdict == "ok" and x.value is not None]
    if len(trusted) < LEAST:
        return []
    middle = statistics.median(trusted)
    spread = statistics.median(abs(x - middle) for x in trusted)
    far = max(FAR_MADS * spread, FAR_OCTAVES)
    found = []
    for x in members:
        assert x.value is not None
        away = math.log2(x.value) - middle
        low, high = x.interval or (x.value, x.value)
        if abs(away) > far and not low <= 2**middle <= high:
            reason = (
                f"{unit} {x.value:.3g} ({x.verdict}); the median of the {len(trusted)} ok answers "
                f"of its cohort is {2**middle:.3g}"
            )
            found.append(Outlier(x, away, reason))
    return found


def _groups(slides: Sequence[Brief], name: Callable[[Brief], str]) -> tuple[Group, ...]:
    members: dict[str, list[Brief]] = {}
    for x in slides:
        members.setdefault(name(x), []).append(x)
    return tuple(_group(key, members[key]) for key in sorted(members))


def _group(name: str, members: Sequence[Brief]) -> Group:
    good = [x for x in members if x.verdict == "ok"]
    scales = [x.scale for x in good if x.scale is not None]
    mpps = [x.mpp for x in good if x.mpp is not None]
    quartiles = statistics.quantiles(mpps, n=4, method="inclusive") if len(mpps) > 1 else None
    return Group(
        name,
        len(members),
        sum(x.error is not None for x in members),
        dict(Counter(x.verdict for x in members if x.verdict is not None).most_common()),
        statistics.median(scales) if scales else None,
        statistics.median(mpps) if mpps else None,
        None if quartiles is None else (quartiles[0], quartiles[2]),
    )


HEADER = ("slides", "failed", "verdicts", "median scale", "median µm/px", "middle half, µm/px")


def cells_of(group: Group) -> list[str]:
    """A group's row in a table with the columns name and HEADER."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in group.verdicts.items())
    half = group.mpp_quartiles
    return [
        group.name,
        str(group.slides),
        str(group.failed),
        counts or "–",
        number(group.scale, 3),
        number(group.mpp, 3),
        "–" if half is None else f"{half[0]:.3f}–{half[1]:.3f}",
    ]


def headline(summary: Summary) -> str:
    """One sentence: how many slides there are, with which verdicts, and how many are flagged."""
    peak = summary.peak_mib
    memory = "" if peak is None else f"; no process held more than {peak:.0f} MiB"
    if memory and any(x.peak_mib is None for x in summary.slides):
        memory += ", as far as is known"
    count, flagged = len(summary.slides), len({x.slide.path for x in summary.outliers})
    verdicts = Counter(x.verdict for x in summary.slides if x.verdict is not None)
    counts = "".join(f"{many} {verdict}, " for verdict, many in verdicts.most_common())
    return (
        f"{count} slide{'' if count == 1 else 's'}: {counts}{len(summary.failed)} failed; "
        f"{flagged or 'none'} flagged{memory}."
    )


def markdown(summary: Summary) -> str:
    """The summary as Markdown: outliers first, then failures, scanners, cohorts."""
    lines = [headline(summary), ""]
    if summary.outliers:
        rows = [[cell(x.slide.path), f"{x.octaves:+.2f}", cell(x.reason)] for x in summary.outliers]
        lines += ["## Look at these first", ""]
        lines += [_words(("slide", "octaves", "why"), rows[:MOST_SHOWN]), *_more(len(rows))]
    if summary.failed:
        kinds = Counter(x.error_kind or "" for x in summary.failed)
        counts = ", ".join(f"{count} {cell(kind)}" for kind, count in kinds.most_common())
        rows = [
            [cell(x.path), cell(x.error_kind or ""), cell(x.error or "")] for x in summary.failed
        ]
        lines += [f"## Failed: {counts}", ""]
        lines += [_words(("slide", "kind", "reason"), rows[:MOST_SHOWN]), *_more(len(rows))]
    for name, groups in (("scanner", summary.scanners), ("cohort", summary.cohorts)):
        table = [[cell(one) for one in cells_of(group)] for group in groups]
        lines += [f"## By {name}", "", grid_of((name, *HEADER), table)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _words(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of words."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _more(count: int) -> list[str]:
    left = count - MOST_SHOWN
    return [f"… and {left} more, all in the rows.", ""] if left > 0 else []
