"""Which place is shown."""

from dataclasses import replace

import numpy as np

from wsi_scale.looking import telling_site


def test_a_segmenters_strip_is_of_the_site_with_most_found_at_the_answer(responses_of):
    """Site 2 finds most at scale 4, site 1 at scale 1."""
    responses = responses_of(sites=4)
    scales = np.array(responses.grid.scales)[responses.scale_index]
    found = 0.1 + 0.3 * ((responses.site_index == 2) & (np.abs(scales - 4) < 0.2))
    found += 0.5 * ((responses.site_index == 1) & (np.abs(scales - 1) < 0.05))
    share = np.stack([1 - found, found, 0 * found], axis=1).astype(np.float32)
    target = np.ones_like(responses.target)
    segmenter = replace(responses, share=share, target=target, task="segment")
    assert telling_site(segmenter, 4.1) == responses.sites[2]
    assert telling_site(segmenter, 1.0) == responses.sites[1]
    assert telling_site(segmenter, None) == responses.sites[0]
    assert telling_site(replace(segmenter, task="classify"), 4.1) == responses.sites[0]


def test_a_site_without_the_scale_is_not_shown(responses_of):
    responses = responses_of(sites=3)
    scales = np.array(responses.grid.scales)[responses.scale_index]
    kept = responses._at((responses.site_index != 0) | (scales < 2))
    target = np.ones_like(kept.target)
    share = np.stack([0.5 + 0 * kept.entropy, 0.5 - 0.1 * kept.site_index], axis=1)
    segmenter = replace(kept, share=share.astype(np.float32), target=target, task="segment")
    assert telling_site(segmenter, 4.0) == responses.sites[1]
