"""Pyramids read ahead, and which place is shown."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsi_scale.errors import SlideError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.pipeline import visit_sites
from wsi_scale.pipeline.strip import telling_site
from wsi_scale.pipeline.visit_sites import MOST_READERS, read_ahead, readers_for

SITES = tuple(Site(float(i), 0.0) for i in range(12))


def run_on(device):
    network = SimpleNamespace(device=torch.device(device))
    return SimpleNamespace(slide=None, network=network, grid=ScaleGrid((1.0,)), input_size=8)


@pytest.fixture
def cutting(monkeypatch):
    """Stands in for reading: an even site takes long, site 5 cannot be decoded."""
    seen = SimpleNamespace(begun=[], threads=set())

    def cut(slide, site, grid, *, size):
        seen.begun.append(site)
        seen.threads.add(threading.current_thread().name)
        time.sleep(0.02 if site.x % 2 == 0 else 0)
        if site.x == 5:
            raise SlideError("broken")
        return site

    monkeypatch.setattr(visit_sites, "sample_pyramid", cut)
    monkeypatch.setattr(visit_sites.os, "cpu_count", lambda: 5)
    return seen


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_pyramids_come_in_the_order_of_their_sites_however_many_read(cutting, device):
    found = list(read_ahead(run_on(device), SITES))
    assert [x for x in found if isinstance(x, Site)] == [s for s in SITES if s.x != 5]
    assert isinstance(found[5], SlideError)
    assert len(cutting.threads) == (1 if device == "cpu" else 4)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_no_more_are_read_than_wait_and_none_after_it_was_given_up(cutting, device):
    run = run_on(device)
    pyramids = read_ahead(run, SITES)
    next(pyramids)
    time.sleep(0.2)
    assert len(cutting.begun) == readers_for(run.network) + 2
    pyramids.close()
    assert len(cutting.begun) == readers_for(run.network) + 2


def test_an_accelerator_is_fed_by_all_processors_but_one(monkeypatch):
    for processors, readers in ((None, 1), (1, 1), (2, 1), (6, 5), (64, MOST_READERS)):
        monkeypatch.setattr(visit_sites.os, "cpu_count", lambda found=processors: found)
        assert readers_for(run_on("cuda").network) == readers
        assert readers_for(run_on("cpu").network) == 1


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
