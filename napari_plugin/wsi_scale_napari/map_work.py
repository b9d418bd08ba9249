"""The scale map of a run that has ended, measured in a thread of its own."""

from __future__ import annotations

import time
from dataclasses import replace

from wsi_scale.errors import SettingsError
from wsi_scale_napari.cores import CORE_SPARED
from wsi_scale_napari.export import Result
from wsi_scale_napari.work import Work


class MapWork(Work):
    """Measures the map tile by tile. Its state is that of a run, with the tiles so far in it."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.request)
        if result.progress is None:
            raise SettingsError("there is no answer to map; find the optimal scale first")
        self._ended_run = result.progress
        self._tell(replace(self.state, words="laying out the map"))

    def _run(self) -> None:
        from wsi_scale.pipeline.scale_map import map_tile_by_tile

        last, started = self._ended_run, time.monotonic()
        with CORE_SPARED, self.request.source.open(self.request.settings.mpp) as slide:
            self._watch(slide, last.run.network)
            for found in map_tile_by_tile(replace(last, run=replace(last.run, slide=slide))):
                self._check()
                done, total = len(found.tiles), found.planned
                took = time.monotonic() - started
                state = replace(
                    self.state,
                    stage="looking",
                    words=f"{done} of {total} tiles of the map",
                    done=done,
                    total=total,
                    seconds_left=took / done * (total - done) if done else None,
                    map=found,
                )
                self._tell(state)
        self._tell(replace(self.state, stage="done", words="done"))
