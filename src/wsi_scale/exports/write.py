"""``export``: what a tool needs to read slides at the scales that were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.exports.check import split
from wsi_scale.exports.facts import facts_of
from wsi_scale.exports.targets import find_target
from wsi_scale.judgement.verdicts import Verdict
from wsi_scale.report import Report

Written = str | dict[str, str]


@dataclass(frozen=True)
class Export:
    """What was written, and which slides are not in it."""

    content: Written
    """Text, or the text of each file by its name."""
    left_out: tuple[str, ...]
    """One sentence for each slide that is not exported."""


def export(
    report: Report | Iterable[Report], target: str, *, even_if: str | Sequence[str] = ()
) -> Written:
    """The text that makes another tool read slides at the scales that were found.

    Parameters
    ----------
    report : Report or iterable of Report
        The report of one slide, or those of many.
    target : str
        The tool, for example ``"trident"``; ``wsi-scale export --list`` names all.
    even_if : str or sequence of str, optional
        Verdicts other than ok to export all the same. The text then says so.

    Returns
    -------
    str or dict[str, str]
        The text; where a tool needs several files, their texts by file name. Slides that may not
        be exported are left out, and the text names them.

    Raises
    ------
    SettingsError
        When the tool or a verdict is unknown, or no slide may be exported: it is not ok, has no
        scale, or its µm/px is not known and the tool needs it.
    OutputError
        When a slide's name is not valid text.

    Examples
    --------
    >>> import wsi_scale
    >>> settings = wsi_scale.Settings(sites=2, scales=(1, 4), mpp=0.5, as_is_sites=0)
    >>> report = wsi_scale.estimate_slide(
    ...     "synthetic:figures?stretch=0.3&width=1500&height=1200", "figures", settings
    ... )
    >>> verdict = report.verdict  # two sites alone are seldom ok
    >>> print(wsi_scale.export(report, "stardist", even_if=verdict).splitlines()[0])
    # For StarDist, written by wsi-scale.
    """
    reports = [report] if isinstance(report, Report) else list(report)
    asked = [even_if] if isinstance(even_if, str) else list(even_if)
    return export_all(reports, target, even_if=asked).content


def export_all(
    reports: Sequence[Report],
    target: str,
    *,
    even_if: Sequence[str] = (),
    failed: Sequence[str] = (),
) -> Export:
    """Like ``export``, with the sentences about slides left out beside the text.

    failed: sentences about slides that have no report.
    """
    module = find_target(target)
    unknown = sorted(set(even_if) - set(get_args(Verdict)))
    if unknown:
        raise SettingsError(
            f"there is no verdict {unknown[0]!r}; choose from {', '.join(get_args(Verdict)[1:])}"
        )
    kept, left = split([facts_of(report) for report in reports], module, even_if)
    left_out = (*failed, *left)
    content: Written = module.write(kept, left_out)
    _check_text(content)
    return Export(content, left_out)


def _check_text(content: Written) -> None:
    texts: Mapping[str, str] = {"": content} if isinstance(content, str) else content
    for text in texts.values():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            around = text[max(0, error.start - 20) : error.start + 20]
            shown = ascii(around.replace("\n", " "))
            raise OutputError(
                f"a slide's name is no valid text (near {shown}) and cannot be written; rename it"
            ) from error
