"""The size of a slide's pixels, from its tissue alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NoTissueError, SiteError, SlideError
from wsi_scale.pixel_size.judge import UNREAD, judge
from wsi_scale.pixel_size.votes import read_votes
from wsi_scale.report import PixelSize
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    import torch

    from wsi_scale.pixel_size.ask import TissueVotes
    from wsi_scale.pixel_size.ruler_network import RulerNet
    from wsi_scale.sites.overview import Survey
    from wsi_scale.sites.polygons import Region

WEIGHTS = Path(__file__).parent / "weights"
"""Holds the network's weights, its card, and what its doubts come to (``doubt.json``)."""

STAIN = "H&E"


def measure_pixel_size(
    slide: Slide,
    *,
    region: str | Region | None = None,
    seed: int = 0,
    device: str = "auto",
    tissue: Survey | None = None,
) -> PixelSize:
    """The µm/px of a slide's level-0 pixels, with interval and verdict. The metadata are not read.

    Parameters
    ----------
    slide : Slide
        An open slide of H&E.
    region : str or Region, optional
        GeoJSON file, ``x,y,w,h`` in level-0 px, or a region that ``region_on`` placed on the slide;
        default: all tissue.
    seed : int
        Seed of the choice of places.
    device : str
        Device of the ruler's network: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    tissue : Survey, optional
        Where the tissue of that region is, if that was searched before. If not for H&E, its
        picture is searched for H&E.

    Returns
    -------
    PixelSize
        Under ``blank`` and ``outside`` without a number if nothing could be read.

    Raises
    ------
    WsiScaleError
        When the region or the device cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import open_slide
    >>> with open_slide(np.full((300, 400, 3), 255, np.uint8)) as glass:
    ...     measure_pixel_size(glass).verdict
    'blank'
    """
    from wsi_scale.pixel_size.ask import TissueVotes
    from wsi_scale.pixel_size.nuclei import count_nuclei, witness
    from wsi_scale.sites.overview import survey
    from wsi_scale.sites.region_frame import region_on

    where, net = None if region is None else region_on(slide, region), ruler_net(device)
    try:
        if tissue is None or tissue.stain != STAIN:
            picture = None if tissue is None else tissue.overview
            tissue = survey(slide, where, STAIN, asker="the ruler", overview=picture)
    except NoTissueError as error:
        return PixelSize(verdict="blank", reason=str(error))
    try:
        asked = TissueVotes(slide, tissue, net, seed)
    except (NoTissueError, SiteError):
        reason = "the tissue leaves no room for a patch of 64 px; the ruler needs a larger image"
        return PixelSize(verdict="blank", reason=reason)
    asked.at_all_scales()
    asked.where_trusted()
    if not len(asked.votes.octaves) and asked.problems:
        why = next(iter(asked.problems.values()))
        raise SlideError(f"none of {len(asked.sites)} places could be read: {why}")
    reading = read_votes(asked.votes)
    nuclei = None
    if reading is not None and reading.bound is None:
        nuclei = count_nuclei(slide, asked.sites, 2**reading.octaves, witness(device))
    return judge(asked.votes, nuclei, (*tissue.warnings, *_unread(asked)))


def _unread(asked: TissueVotes) -> tuple[str, ...]:
    """A warning if more than a quarter of the places could not be read."""
    if 4 * len(asked.problems) <= len(asked.sites):
        return ()
    why = next(iter(asked.problems.values()))
    return (f"{len(asked.problems)} of {len(asked.sites)} {UNREAD}: {why}",)


@lru_cache(maxsize=2)
def ruler_net(device: str) -> RulerNet:
    """The bundled network of the ruler, ready to be asked."""
    from safetensors.torch import load_file

    from wsi_scale.networks.load import choose_device
    from wsi_scale.networks.on_processor import lay_out
    from wsi_scale.pixel_size.ruler_network import RulerNet

    net = RulerNet()
    state: dict[str, torch.Tensor] = load_file(WEIGHTS / "ruler.safetensors")
    net.load_state_dict({name: value.float() for name, value in state.items()})
    chosen = choose_device(device)
    lay_out(net, chosen)
    return net.eval().requires_grad_(False).to(chosen)
