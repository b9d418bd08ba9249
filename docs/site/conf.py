"""The site: ``make docs`` lays the pages out and has Sphinx build them; a warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from links import repository

project = "wsi-scale"
author = "the wsi-scale developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "wsi-scale"
html_theme_options = {"source_repository": f"{repository()}/"}
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 4
suppress_warnings = [
    "myst.header",  # a page may leave out a level of headings
    "ref.python",  # "path or Slide" says what enters, and links to no attribute of that name
]
smartquotes = False  # -- is an option here

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
