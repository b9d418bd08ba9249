"""From a finished run to what can be shown of its network at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import fingerprint
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.pipeline.explain.explanation import Explanation, ScaleView, TellingChannel, Way
from wsi_scale.pipeline.explain.three_scales import nearest, three_scales
from wsi_scale.pipeline.explain.weigh_channels import (
    Weighed,
    curve_of,
    heaviest,
    layer_values,
    weigh_by_response,
    weigh_by_score,
)
from wsi_scale.pipeline.run import Run
from wsi_scale.plumbing.arrays import Floats
from wsi_scale.slide.pyramid import sample_pyramid

if TYPE_CHECKING:
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.responses.record import Responses
    from wsi_scale.slide.base import Slide

CHANNELS = 3
"""Channels that are shown."""

PATCHES = 3
"""Patches that are shown of each channel."""


def look_inside(progress: Progress, slide: Slide | None = None) -> Explanation:
    """What the network saw at the scale found and at two wrong ones, and which channels tell.

    Without an answer, three scales of the window are taken. Costs about as much as visiting two
    sites, and reads about fifteen patches.

    Parameters
    ----------
    progress : Progress
        The last one of a run; an earlier one explains the answer so far.
    slide : Slide, optional
        The open slide. Default: that of the run, if it is still open.

    Returns
    -------
    Explanation
        Three views of one site, and up to three channels with the patches that excite them.

    Raises
    ------
    SettingsError
        When nothing was shown to the network, as on a blank slide, or it predicts no classes.
    SlideError
        When the slide is closed, or a patch cannot be read.

    Examples
    --------
    >>> from wsi_scale import Settings, iter_estimates, look_inside, open_slide
    >>> settings = Settings(sites=4, scales=(1, 4), per_octave=2, ruler=False)
    >>> with open_slide("synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200") as slide:
    ...     *_, last = iter_estimates(slide, "figures", settings)
    ...     found = look_inside(last)
    >>> len(found.views), len(found.channels), found.map_from
    (3, 3, 'features')
    """
    run = progress.run if slide is None else replace(progress.run, slide=slide)
    responses, answer = progress.responses, progress.estimate
    if responses is None or answer is None or not len(responses.entropy):
        raise SettingsError(
            "there is nothing to look into, because no patch was shown to the network; "
            "choose a slide or region with tissue"
        )
    if not run.network.predicts:
        raise SettingsError(
            f"{run.network.name} predicts no classes (task = {run.network.task!r}), so there is no "
            "score to look into; leave this out, or use the network that predicts from them"
        )
    room = max(reach(run.slide.bounds, site, run.input_size) for site in responses.sites)
    scales = three_scales(answer.scale, run.grid.scales[0], min(run.grid.scales[-1], room))
    right = scales[len(scales) // 2] if answer.scale is None else min(answer.scale, scales[-1])
    site, target = _telling_site(run, responses, scales, right)
    has_answer = answer.scale is not None
    views, map_from = _views(run, site, target, scales, right if has_answer else None)
    way: Way = "score" if answer.estimator == fingerprint.NAME else "response"
    channels, why = _channels(run, responses, scales, right, way, has_answer=has_answer)
    return Explanation(
        site=site,
        target=run.network.classes[target],
        task=run.network.task,
        answer=answer.scale,
        views=views,
        map_from=map_from,
        way=way,
        scales=np.array(responses.grid.scales),
        channels=channels,
        why_no_channels=why,
    )


def _telling_site(
    run: Run, responses: Responses, scales: Sequence[float], right: float
) -> tuple[Site, int]:
    """Of the sites on which all scales fit, the one at which the target's share is largest at the
    measured scale nearest to the right one; and its target."""
    share = responses.target_shares()
    share = share[:, nearest(responses.grid.scales, right)]
    limits = [reach(run.slide.bounds, site, run.input_size) for site in responses.sites]
    fits = np.array(limits) >= scales[-1]
    chosen = int(np.where(fits & np.isfinite(share), share, -np.inf).argmax())
    if not fits[chosen]:
        chosen = int(np.argmax(limits))
    return responses.sites[chosen], int(responses.target[responses.site_index == chosen][0])


def _views(
    run: Run, site: Site, target: int, scales: Sequence[float], answer: float | None
) -> tuple[tuple[ScaleView, ...], str]:
    """One view for each scale, and where the maps come from."""
    pyramid = sample_pyramid(run.slide, site, ScaleGrid(tuple(scales)), size=run.input_size)
    patches = pyramid.patches
    share, found = _predicted(run, patches, target)
    maps, map_from = _maps(run, patches, target)
    heat = maps / np.maximum(maps.max((1, 2), keepdims=True), np.float32(1e-30))
    views = [
        ScaleView(
            scale=scales[i],
            is_answer=scales[i] == answer,
            patch=patches[row],
            heat=heat[row],
            found=None if found is None else found[row],
            share=float(share[row]),
        )
        for row, i in enumerate(pyramid.indices)
    ]
    return tuple(views), map_from


def _predicted(
    run: Run, patches: NDArray[np.uint8], target: int
) -> tuple[Floats, NDArray[np.bool_] | None]:
    """(N,) share of the target; (N, h, w) where a segmenter finds it, None for a classifier."""
    import torch

    from wsi_scale.networks.answer import predict
    from wsi_scale.networks.hooks import at_work

    network, said = run.network, []
    with torch.no_grad(), at_work(network.module):
        for some in _batches(run, patches):
            said.append(predict(network.logits(network.prepare(some)), network.activation))
    share = np.concatenate([one.share[:, target].cpu().numpy() for one in said])
    if said[0].given.ndim == 2:
        return share, None
    return share, np.concatenate([one.given[:, target].cpu().numpy() for one in said])


def _maps(run: Run, patches: NDArray[np.uint8], target: int) -> tuple[Floats, str]:
    """(N, h, w) where the target's score comes from, at least 0; and what that was read from."""
    from wsi_scale.pipeline.explain.grad_cam import grad_cam
    from wsi_scale.pipeline.explain.hidden_parts import map_by_hiding

    found = [grad_cam(run.network, some, target) for some in _batches(run, patches)]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        size = run.settings.batch_size
        known = [map_by_hiding(run.network, patches, target, batch_size=size)]
    return np.concatenate([one.heat for one in known]), known[0].layer


def _batches(run: Run, patches: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    size = run.settings.batch_size
    return [patches[i : i + size] for i in range(0, len(patches), size)]


def _channels(
    run: Run,
    responses: Responses,
    scales: Sequence[float],
    right: float,
    way: Way,
    *,
    has_answer: bool,
) -> tuple[tuple[TellingChannel, ...], str]:
    """The channels that weighed most, or one clause that says why there are none."""
    place = nearest(responses.grid.scales, right)
    places = {nearest(responses.grid.scales, scale) for scale in scales}
    wrong = sorted(places - {place})
    if not wrong:
        return (), "too few scales were measured to compare"
    if way == "score":
        weighed = weigh_by_score(responses, run.settings.options, place, wrong)
    else:
        weighed = weigh_by_response(responses, place, wrong)
    if not weighed:
        return (), "no channel responds differently at these scales"
    found = place if has_answer else None
    return _shown(run, responses, heaviest(weighed, CHANNELS), sorted(places), found), ""


def _shown(
    run: Run,
    responses: Responses,
    weighed: Sequence[Weighed],
    places: Sequence[int],
    answer: int | None,
) -> tuple[TellingChannel, ...]:
    """Channels with their curves, and their patches, cut and marked."""
    from wsi_scale.pipeline.explain.excite import ToMark, cut_excited, mark, strongest

    choices = {one.name: one for one in run.network.layers(run.settings.layers)}
    asked, channels = [], []
    for one in weighed:
        layer = responses.layer(one.layer)
        values = layer_values(layer, one.statistic)[:, one.channel]
        best = strongest(responses, values, places, PATCHES)
        patches = cut_excited(run.slide, responses, best, answer)
        asked += [ToMark(choices[one.layer], one.channel, patch) for patch in patches]
        curve = curve_of(responses, layer, one.channel, one.statistic)
        channels.append(
            TellingChannel(
                layer=one.layer,
                index=one.channel,
                statistic=one.statistic,
                weight=one.weight,
                curve=curve.middle,
                low=curve.low,
                high=curve.high,
                trained=curve.trained,
                patches=patches,
            )
        )
    marked = iter(mark(run.network, asked, run.settings.batch_size))
    return tuple(
        replace(channel, patches=tuple(next(marked) for _ in channel.patches))
        for channel in channels
    )
