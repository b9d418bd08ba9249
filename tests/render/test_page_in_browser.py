"""The page as people see it: on a phone, in the dark and on paper, in a real browser.

Without Chromium these tests skip, unless $REQUIRE_BROWSER says that there must be one.
"""

import io
import json
import os
import re
import shutil
import subprocess
from html import unescape

import numpy as np
import pytest
from PIL import Image

from wsi_scale.batch.row import failed_row
from wsi_scale.batch.summary import summarize
from wsi_scale.geometry import Box
from wsi_scale.render.batch_page import batch_page
from wsi_scale.render.figure import figure_png
from wsi_scale.render.html import page
from wsi_scale.render.where import where_picture
from wsi_scale.sites.overview import Overview

PHONE, DESK = 390, 1280

MEASURE = """
<script>addEventListener("load", () => {
  const frame = document.querySelector("iframe").contentDocument, root = frame.documentElement;
  const cells = [...frame.querySelectorAll("th, td, p, li")].filter(x => x.offsetParent);
  const narrow = cells.filter(x => x.innerText.length > 8 && x.clientWidth < 60);
  const beyond = [...frame.querySelectorAll("h1, h2, p, img, .pairs")].filter(
    x => x.getBoundingClientRect().right > root.clientWidth + 1);
  document.title = JSON.stringify({width: root.clientWidth, scroll: root.scrollWidth,
    narrow: narrow.map(x => x.innerText), beyond: beyond.map(x => x.tagName)});
})</script>
"""


@pytest.fixture(scope="module")
def chromium():
    """Path of the browser; asks of one test after the other, with a profile of its own."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        must = os.environ.get("REQUIRE_BROWSER")
        (pytest.fail if must else pytest.skip)("no Chromium here; apt-get install chromium")
    return found


@pytest.fixture
def browse(chromium, tmp_path):
    """Run the browser with some arguments; its stdout."""

    def run(*arguments):
        fixed = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        done = subprocess.run(
            [chromium, *fixed, profile, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-500:]
        return done.stdout

    return run


@pytest.fixture
def opened(make_report, strip, tmp_path):
    """A page with everything on it, in a file."""
    name = "a-long-name-without-any-space-in-it-" * 4 + ".svs"
    audit = [
        {"source": "tiff.XResolution", "says": "0.2434 µm", "mpp": 0.2434, "status": "used"},
        {"source": "aperio.AppMag", "says": "20", "mpp": None, "status": "information"},
    ]
    report = make_report(
        slide={"path": f"/slides/{name}", "audit": audit},
        warnings=["the patches at the finer end of the interval come from native level 0"],
        classes=[{"name": "tumour", "scale": 4.0, "scale_interval": (3.5, 4.5)}],
    )
    seen = Overview(np.full((90, 120, 3), 200, np.uint8), Box(0, 0, 40000, 30000))
    text = page(report, figure_png(report, strip, titled=False), where_picture(report, seen))
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def measured(browse, opened, width):
    """What a screen of that width shows of the page."""
    frame = f'<iframe src="{opened.name}" style="width:{width}px;height:900px;border:0"></iframe>'
    around = opened.parent / "around.html"
    around.write_text(f"<meta charset=utf-8><body>{frame}{MEASURE}</body>", encoding="utf-8")
    dom = browse("--allow-file-access-from-files", "--dump-dom", around.as_uri())
    return json.loads(unescape(re.search(r"<title>(.*?)</title>", dom, re.DOTALL)[1]))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_page_fits_the_screen_and_no_word_is_broken_into_letters(browse, opened, width):
    seen = measured(browse, opened, width)
    assert seen["width"] == width
    assert seen["scroll"] <= width
    assert seen["narrow"] == []
    assert seen["beyond"] == []


FILTER = """
<script>addEventListener("load", () => {
  const shown = () => [...document.querySelectorAll(".slides tbody tr")].filter(x => !x.hidden)
    .map(x => x.querySelector(".name").firstChild.textContent);
  const choose = (name, value) => {
    const one = document.querySelector(`[name=${name}]`);
    one.value = value;
    one.dispatchEvent(new Event("input"));
  };
  const told = [shown()];
  choose("verdict", "ok"); told.push(shown());
  choose("verdict", ""); choose("cohort", "B"); told.push(shown());
  document.title = JSON.stringify(told);
})</script>
"""


def test_the_page_of_a_batch_filters_its_slides_without_a_network(browse, tmp_path):
    rows = [row("/s/A/one.svs", "A"), row("/s/B/two.svs", "B"), row("/s/B/bad.svs", "B", "torn")]
    text = batch_page(summarize(rows), b"", "rows")
    path = tmp_path / "rows.html"
    path.write_text(text.replace("</body>", f"{FILTER}</body>"), encoding="utf-8")
    dom = browse("--dump-dom", path.as_uri())
    everything, good, cohort = json.loads(unescape(re.search(r"<title>(.*?)</title>", dom)[1]))
    assert everything == ["bad.svs", "one.svs", "two.svs"]
    assert good == ["one.svs", "two.svs"]
    assert cohort == ["bad.svs", "two.svs"]


def row(path, cohort, error=None):
    about = {"path": path, "cohort": cohort, "scanner": "aperio 20×"}
    if error is not None:
        return failed_row("slide", error) | about
    return failed_row("slide", "") | about | {"error": None, "verdict": "ok", "scale": 2.0}


def test_in_the_dark_the_page_is_dark(browse, opened, tmp_path):
    def corner(*more):
        path = tmp_path / "shot.png"
        browse(*more, f"--screenshot={path}", "--window-size=800,600", opened.as_uri())
        return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L"))[:40, :12].mean()

    assert corner() > 240
    assert corner("--blink-settings=preferredColorScheme=0") < 60


def test_on_paper_everything_is_open_and_no_title_stands_alone(browse, opened, tmp_path):
    if shutil.which("pdftotext") is None:
        must = os.environ.get("REQUIRE_BROWSER")
        (pytest.fail if must else pytest.skip)("no pdftotext here; apt-get install poppler-utils")
    pdf = tmp_path / "report.pdf"
    browse("--no-pdf-header-footer", f"--print-to-pdf={pdf}", opened.as_uri())
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    sheets = done.stdout.decode().rstrip("\f").split("\f")
    text = "\n".join(sheets)
    for inside in ("tiff.XResolution", "1000.5", "Weights, SHA-256", "A place on the slide"):
        assert inside in text
    titles = set(re.findall(r"<(?:h2|summary)>(.*?)</", opened.read_text(encoding="utf-8")))
    assert len(titles) > 5
    for sheet in sheets[:-1]:
        last = [line.strip() for line in sheet.splitlines() if line.strip()][-1]
        assert last not in titles
