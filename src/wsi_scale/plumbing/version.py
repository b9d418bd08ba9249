"""The version of wsi-scale that is installed."""

from importlib.metadata import version

__version__ = version("wsi-scale")
