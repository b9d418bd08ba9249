"""Where results go. Places are tried before the work; each file is written whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.cli.places_options import check_endings, write_map, write_sites
from wsi_scale.cli.show import print_report, stdout_failed
from wsi_scale.errors import OutputError, SlideError, WsiScaleError
from wsi_scale.networks.absent import is_absent
from wsi_scale.networks.identity import files_of_spec
from wsi_scale.plumbing.files import check_writable, write_atomically
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import is_slide_folder

if TYPE_CHECKING:
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.render.figure import Strip
    from wsi_scale.report import PixelAudit, Report
    from wsi_scale.sites.overview import Overview


@dataclass(frozen=True)
class Outputs:
    """Where results go."""

    json: str | None
    plot: Path | None
    html: Path | None
    responses: Path | None
    explain: Path | None = None
    map: Path | None = None
    map_tile: float | None = None
    sites: Path | None = None

    def check(self, inputs: Sequence[str]) -> None:
        """Refuse, before any work, results that cannot be written or would replace an input."""
        from wsi_scale.render.figure import check_suffix

        for picture in (self.plot, self.explain):
            if picture is not None:
                check_suffix(picture)
        check_endings(self.map, self.sites)
        if self.map is None and self.map_tile is not None:
            raise OutputError("--map-tile sets the parts of a map; name its file with --map")
        if self.responses is not None and self.responses.suffix != ".npz":
            raise OutputError(f"--responses must end in .npz, got {self.responses}")
        if self.html == Path("-"):
            raise OutputError("--html writes a file, got -; only --json can go to stdout")
        named = (self.plot, self.html, self.responses, self.explain, self.map, self.sites)
        files = [path for path in named if path is not None]
        for path in files:
            check_writable(path)
        if self.json is not None:
            check_json(self.json)
            files.append(Path(self.json))
        refuse_to_replace(inputs, files)
        if len({os.path.realpath(path) for path in files}) < len(files):
            raise OutputError("two results would go to the same file; give each its own name")

    def check_network(self, spec: str) -> None:
        """Refuse results that a network which is not here cannot give."""
        asked = {"--responses": self.responses, "--explain": self.explain, "--map": self.map}
        for option, path in asked.items():
            if path is not None and is_absent(spec):
                raise OutputError(
                    f"{option} shows what a network answers, so it needs the network itself and "
                    f"not {spec}; add --network SPEC beside --for or --network-mpp, or leave out "
                    f"{option}"
                )

    def show_and_write(self, progress: Progress, report: Report, detail: int = 1) -> list[str]:
        """Print the answer, then write every file that the user named, whole or not at all.

        Returns one sentence for each that could not be written; the others are kept.
        """
        steps: list[Callable[[], None]] = []
        if self.json is not None:
            target = self.json
            steps.append(lambda: write_text(target, report.to_json()))
        if self.json != "-":
            steps.insert(0, lambda: print_report(report, detail))
        if self.responses is not None and progress.responses is not None:
            steps.append(lambda: self._save_responses(progress))
        if self.plot is not None or self.html is not None:
            strip, seen = _strip(progress, report), _seen(progress)
            steps.append(lambda: self._draw(report, strip, seen))
            steps.append(lambda: self._write_page(report, strip, seen))
        if self.explain is not None:
            steps.append(lambda: self._look_inside(progress, report))
        if self.sites is not None:
            places = self.sites
            steps.append(lambda: write_sites(report, places))
        return write_each(steps)

    def write_map(self, progress: Progress) -> tuple[list[str], bool]:
        """Measure and write the map, if asked: what could not be written, and whether it was
        stopped. Of a run that was stopped there is no map."""
        if self.map is None or not progress.finished:
            return [], False
        stopped = []
        target = self.map
        failed = write_each(
            [lambda: stopped.append(not write_map(progress, target, self.map_tile))]
        )
        return failed, any(stopped)

    def _save_responses(self, progress: Progress) -> None:
        if self.responses is not None and progress.responses is not None:
            progress.responses.save(self.responses)

    def _draw(self, report: Report, strip: Strip, seen: Overview | None) -> None:
        from wsi_scale.render.figure import draw_estimate

        if self.plot is not None:
            draw_estimate(report, strip, self.plot, seen=seen)

    def _write_page(self, report: Report, strip: Strip, seen: Overview | None) -> None:
        from wsi_scale.render.figure import figure_png
        from wsi_scale.render.html import write_html
        from wsi_scale.render.where import where_picture

        if self.html is None:
            return
        where = where_picture(report, seen) if seen is not None and report.sites else None
        write_html(report, figure_png(report, strip, titled=False), self.html, where_png=where)

    def _look_inside(self, progress: Progress, report: Report) -> None:
        if self.explain is None:
            return
        from wsi_scale.pipeline.explain.look import look_inside
        from wsi_scale.render.inside import draw_explanation

        try:
            draw_explanation(report, look_inside(progress), self.explain)
        except WsiScaleError as error:
            raise OutputError(f"{self.explain} was not written: {error}") from error


def write_each(steps: Sequence[Callable[[], None]]) -> list[str]:
    """Do every step, also after one failed; one sentence for each that could not write.

    >>> def fails():
    ...     raise OutputError("cannot write a.json: No space left on device")
    >>> write_each([fails, lambda: None])
    ['cannot write a.json: No space left on device']
    """
    failed = []
    for step in steps:
        try:
            step()
        except OutputError as error:
            failed.append(str(error))
    return failed


def inputs_of(slide: str, region: str | None, network: str) -> list[str]:
    """Every file a run reads, so that no result replaces one.

    For the network these are the file of the SPEC, and the files that its query and its card name.
    """
    words = [slide, region or "", *files_of_spec(network)]
    return [word for word in words if word and (os.path.isfile(word) or is_slide_folder(word))]


def refuse_to_replace(inputs: Sequence[str], results: Sequence[str | Path]) -> None:
    """Raise OutputError if a result would replace an input, also through a link or another path.

    An input folder holds the parts of a slide, so nothing is written into it.
    """
    for result in results:
        for source in inputs:
            both = os.path.exists(result) and os.path.exists(source)
            if both and os.path.samefile(result, source):
                raise OutputError(f"{result} would replace {source}; choose another name")
            may_lie_inside = os.path.isdir(source) and str(result) != "-"
            if may_lie_inside and Path(source).resolve() in Path(result).resolve().parents:
                raise OutputError(f"{result} lies inside {source}; choose another place")


def _strip(progress: Progress, report: Report) -> Strip:
    from wsi_scale.pipeline.strip import show

    responses = progress.responses
    try:
        return [] if responses is None else show(progress.run, responses, report.scale)
    except SlideError:  # the slide is gone, but not the answer
        return []


def _seen(progress: Progress) -> Overview | None:
    from wsi_scale.sites.overview import take_overview

    try:
        return take_overview(progress.run.slide, None)
    except SlideError:  # the slide is gone, but not the answer
        return None


def check_json(target: str) -> None:
    """Refuse a JSON target that cannot be written. - means stdout."""
    if target != "-":
        check_writable(target)


def write_text(target: str, text: str) -> None:
    """Write to a file, or to stdout if the target is -."""
    if target == "-":
        _write_stdout(text)
    else:
        write_atomically(Path(target), text)


def _write_stdout(text: str) -> None:
    """JSON is written as UTF-8, whatever encoding the terminal uses."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except OSError as error:
        raise stdout_failed(error) from error


def info_json(slide: Slide, pixels: PixelAudit | None = None) -> str:
    """What ``info`` shows, as JSON. pixels: their audit, None without --pixels."""
    from wsi_scale.pipeline.build_report import slide_part

    content = slide_part(slide).model_dump(mode="json")
    content["reader_reason"] = slide.reader_reason
    content["notes"] = list(slide.notes)
    content["pixels"] = None if pixels is None else pixels.model_dump(mode="json")
    return json.dumps(content, indent=1) + "\n"
