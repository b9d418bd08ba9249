"""QuPath: Groovy that sets the pixel size, and Groovy that adds the sites.

QuPath counts from the corner of a slide's bounds, reports from the corner of the canvas. The
scripts know slides by their file's name, so they can be run for a whole project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wsi_scale.errors import SettingsError
from wsi_scale.exports.escape import groovy
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "qupath"
TOOL = "QuPath"
GIVES = "Groovy scripts that set the pixel size and add the sites"
NEEDS = ("scale",)

FIND = """
def name = new File(getCurrentServer().getURIs()[0].getPath()).getName()
"""
SET = """
if (!PIXEL_SIZES.containsKey(name)) {
    println 'wsi-scale has no pixel size for ' + name
    return
}
def size = PIXEL_SIZES[name]
setPixelSizeMicrons(size[0], size[1])
println name + ': ' + size[0] + ' x ' + size[1] + ' um per pixel'
"""
ADD = """
if (!SITES.containsKey(name)) {
    println 'wsi-scale has no sites for ' + name
    return
}
def plane = qupath.lib.regions.ImagePlane.getDefaultPlane()
def found = SITES[name].split(';').collect { text ->
    def box = text.split(',').collect { it as double }
    def roi = qupath.lib.roi.ROIs.createRectangleROI(box[0], box[1], box[2], box[2], plane)
    qupath.lib.objects.PathObjects.createAnnotationObject(roi, getPathClass('wsi-scale site'))
}
addObjects(found)
println name + ': ' + found.size() + ' sites'
"""
NO_BOUNDS = (
    "the report does not say where the slide's bounds begin; on MRXS, SCN and other slides with "
    "bounds, QuPath's x and y begin there, and the sites lie shifted"
)


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """The script that adds sites, and the other one if the pixel size of a slide is known."""
    twice = [name for name, times in Counter(f.name for f in slides).items() if times > 1]
    if twice:
        raise SettingsError(
            f"two slides are called {twice[0]}, and QuPath's scripts know slides by their file's "
            "name; export them one by one"
        )
    sized = [f for f in slides if f.slide_mpp is not None]
    files = {"add_sites.groovy": _sites(slides, left_out)}
    if sized:
        files["set_pixel_size.groovy"] = _sizes(sized, left_out)
    return files


def _sizes(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    lines = [f"PIXEL_SIZES[{groovy(f.name)}] = [{_micrometres(f)}]\n" for f in slides]
    begin = heading(TOOL, slides, left_out, "Sets the µm per pixel of the open image.", mark="//")
    return begin + "def PIXEL_SIZES = [:]\n" + "".join(lines) + FIND + SET


def _micrometres(facts: Facts) -> str:
    assert facts.slide_mpp is not None
    return ", ".join(f"{float(x)!r}d" for x in facts.slide_mpp)


def _sites(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    doubts = [f"{f.path}: {NO_BOUNDS}" for f in slides if f.origin is None]
    more = ["Adds the sites, as large as what the network saw there.", *doubts]
    lines = [f"SITES[{groovy(f.name)}] = '{_boxes(f)}'\n" for f in slides if f.sites]
    begin = heading(TOOL, slides, left_out, *more, mark="//")
    return begin + "def SITES = [:]\n" + "".join(lines) + FIND + ADD


def _boxes(facts: Facts) -> str:
    """x,y,side of every site in QuPath's px. One short text, as Java limits the size of code."""
    side = facts.tile_px * facts.needed_scale
    left, top = facts.origin or (0.0, 0.0)
    boxes = ((x - side / 2 - left, y - side / 2 - top) for x, y in facts.sites)
    return ";".join(f"{x:.2f},{y:.2f},{side:.2f}" for x, y in boxes)
