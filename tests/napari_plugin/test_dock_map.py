"""The scale map in the dock: a layer over the slide, with progress, and it can be stopped."""

import numpy as np
import pytest

from wsi_scale import open_slide

SIDE = 2000


@pytest.fixture(scope="module")
def two_tissues():
    """Drawn figures; those on the left at half the scale of those on the right."""
    halves = []
    for stretch in (0.35, 0.7):
        spec = f"synthetic:figures?seed=1&stretch={stretch}&width={SIDE}&height={SIDE}"
        with open_slide(spec) as slide:
            halves.append(slide.read(0, 0, 0, SIDE, SIDE))
    return np.concatenate(halves, axis=1)


@pytest.fixture
def measured(make_dock, model, two_tissues, run):
    """A dock with an answer for both tissues together."""
    model.add_image(two_tissues, rgb=True, name="two tissues")
    dock = make_dock(model, "figures", sites=16, scales=(1.0, 6.0))
    dock.sampling.form.per_octave.value = 2
    run(dock)
    return dock


def map_layers(viewer):
    return [layer for layer in viewer.layers if layer.name == "wsi-scale map"]


def test_the_map_shows_the_border_between_two_tissues(measured, model, wait):
    box = measured.results.map
    box.button.click()
    assert box.button.text() == "Stop the map"
    wait(lambda: box.work is None or box.work.state.done >= 1)
    assert box.work is None or not box.bar.isHidden()
    wait(lambda: box.work is None, 400)
    assert measured.error.isHidden()
    (layer,) = map_layers(model)
    names = [one.name for one in model.layers]
    # the edges of sites would strike through the numbers of the map
    assert (
        names.index("two tissues") < names.index("wsi-scale sites") < names.index("wsi-scale map")
    )
    left, right = [], []
    for corners, said, colour in zip(
        layer.data, layer.features["scale"], layer.face_color, strict=True
    ):
        low, high = corners[:, 1].min(), corners[:, 1].max()
        if said != "–" and high <= SIDE:
            left.append((float(said.rstrip("?")), tuple(colour)))
        elif said != "–" and low >= SIDE - 1:
            right.append((float(said.rstrip("?")), tuple(colour)))
    assert left
    assert right
    assert np.median([x for x, _ in right]) / np.median([x for x, _ in left]) == pytest.approx(
        2, rel=0.25
    )
    assert {colour for _, colour in left}.isdisjoint(colour for _, colour in right)
    assert "larger is coarser" in box.about.text()
    assert box.bar.isHidden()
    assert box.button.text() == "Map"
    assert [
        words for words in map(str, measured.region.layers.widget.choices) if "map" in words
    ] == []


def test_a_map_can_be_stopped_and_goes_with_its_answer(measured, model, run, wait):
    box = measured.results.map
    box.button.click()
    work = box.work
    wait(lambda: work.state.total > 0)
    box.button.click()
    assert box.work is None
    assert box.bar.isHidden()
    wait(lambda: not work.alive)
    assert len(work.state.map.tiles) < work.state.map.planned
    assert "stopped after" in box.about.text()
    assert len(map_layers(model)) == 1
    run(measured)
    assert map_layers(model) == []
    box.button.click()
    work = box.work
    measured.parent().layout().removeWidget(measured)
    measured.setParent(None)  # as napari closes a dock
    assert map_layers(model) == []
    wait(lambda: not work.alive)


def test_there_is_no_map_before_an_answer_nor_of_a_partial_one(dock, run, model):
    assert not dock.results.map.button.isEnabled()
    result = run(dock)
    assert dock.results.map.button.isEnabled()
    partial = type(result)(
        result.report.model_copy(update={"partial": True}),
        result.strip,
        result.request,
        result.progress,
    )
    dock.results.map.offer(partial, dock.slide.layer)
    assert not dock.results.map.button.isEnabled()
