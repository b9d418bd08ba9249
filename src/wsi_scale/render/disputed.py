"""Whose µm/px a report shows, where the statements about it differ."""

from __future__ import annotations

from wsi_scale.report import Report
from wsi_scale.slide.metadata import GIVEN


def whose(report: Report) -> str:
    """Who stated the slide's µm/px and who disputes it, in words; empty if nobody does."""
    slide, rivals = report.slide, []
    if report.pixels is not None and report.pixels.status == "conflict":
        rivals.append("the tissue")
    rivals += [x.source for x in slide.audit if x.status == "conflicts"][:1]
    if not rivals or slide.mpp is None:
        return ""
    owner = "the µm/px given" if slide.mpp_source == GIVEN else slide.mpp_source or "the slide"
    return f", by {owner} (disputed by {' and '.join(rivals)})"
