"""The answer as the next tool reads it: one file per tool in ``targets/``.

``facts`` takes from a report what an export may use, ``check`` refuses what it may not, ``escape``
writes names into CSV, Python, Groovy and shell text, ``read`` reads reports from files, and
``write`` is the function that users call.
"""

from wsi_scale.exports.read import read_reports
from wsi_scale.exports.write import export

__all__ = ["export", "read_reports"]
