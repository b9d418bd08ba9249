"""A layer's frame and the slide's: half a pixel, units, placement, and what is drawn where."""

import numpy as np
import pytest

from wsi_scale.geometry import Box
from wsi_scale.sites.regions import parse_region
from wsi_scale.testing import disc_image, shrunk_levels, write_pyramid_tiff


@pytest.fixture
def image(model):
    """800 × 600 px at 0.5 × 0.25 µm (y, x), not at the origin."""
    picture = disc_image(20, width=800, height=600)
    placed = {"scale": (0.5, 0.25), "translate": (7, 11), "units": ("um", "um")}
    return model.add_image(picture, rgb=True, name="slide", **placed)


def test_the_first_pixels_corner_is_the_slides_origin(app):
    from wsi_scale_napari.frame import box_to_data

    assert box_to_data(Box(0, 0, 10, 20)).tolist() == [
        [-0.5, -0.5],
        [-0.5, 9.5],
        [19.5, 9.5],
        [19.5, -0.5],
    ]


def test_world_and_level0_are_each_others_inverse(image):
    from wsi_scale_napari.frame import level0_to_world, world_to_level0

    world = level0_to_world(image, 100.25, 33.0)
    assert world.tolist() == [7 + (33 - 0.5) * 0.5, 11 + (100.25 - 0.5) * 0.25]
    assert world_to_level0(image, world[None])[0].tolist() == [100.25, 33.0]


def test_the_view_is_what_the_camera_shows_within_the_slide(model, image):
    from wsi_scale_napari.frame import level0_to_world, view_box

    camera = model.scene.camera
    model.canvas.size = (100, 200)
    camera.center = tuple(level0_to_world(image, 400, 300))
    camera.zoom = 4.0
    assert parse_region(view_box(model, image)).box == Box(300, 275, 200, 50)
    camera.zoom = 1e-3
    assert view_box(model, image) == "0,0,800,600"


def test_drawn_shapes_become_a_region_with_holes_whatever_their_layers_scale(model, image):
    from wsi_scale_napari.frame import drawn_region, level0_to_world

    def ring(*corners):
        return np.array([level0_to_world(image, x, y) for x, y in corners]) / 2

    shapes = model.add_shapes(ndim=2, scale=(2, 2), units=("um", "um"))
    shapes.add_polygons(ring((100, 100), (500, 120), (300, 500)))
    shapes.add_rectangles(ring((250, 200), (350, 200), (350, 300), (250, 300)))
    shapes.add_ellipses(ring((600, 400), (700, 400), (700, 500), (600, 500)))
    shapes.add_paths(ring((0, 0), (800, 0), (800, 600)))
    region = drawn_region(shapes, image)
    assert sorted(len(rings) for rings in region.polygons) == [1, 2]
    inside = region.contains([300, 300, 650, 605, 799], [150, 250, 450, 405, 10])
    assert inside.tolist() == [True, False, True, False, False]


def test_a_zoom_to_a_scale_gives_every_pixel_of_the_network_one_of_the_screen(model):
    from wsi_scale_napari.frame import zoom_to_scale

    image = model.add_image(disc_image(20), rgb=True, scale=(0.5, 0.5))
    zoom_to_scale(model, image, 4.0, np.array([10.0, 20.0]))
    assert model.scene.camera.zoom == pytest.approx(1 / (4 * 0.5))
    assert tuple(model.scene.camera.center[-2:]) == (10, 20)


def test_a_layer_of_our_file_is_read_from_the_file_and_others_from_their_arrays(model, tmp_path):
    from wsi_scale_napari.reader import read_layers
    from wsi_scale_napari.source import source_of

    path = write_pyramid_tiff(tmp_path / "s.tiff", disc_image(20), mpp=0.5)
    ((levels, options, _),) = read_layers(str(path))
    assert source_of(model.add_image(levels, **options)).what == str(path)
    cropped = model.add_image([level[:100, :100] for level in levels[:1]], multiscale=True)
    cropped.metadata.update(options["metadata"])
    assert source_of(cropped).what is not str(path)
    assert isinstance(source_of(cropped).what, list)


@pytest.mark.parametrize(
    ("options", "mpp"),
    [
        ({}, None),
        ({"scale": (0.5, 0.25)}, None),
        ({"scale": (0.5, 0.25), "units": ("um", "um")}, (0.25, 0.5)),
        ({"scale": (250, 500), "units": ("nm", "nm")}, (0.5, 0.25)),
    ],
    ids=["bare", "a scale in pixels", "µm", "nm"],
)
@pytest.mark.parametrize("kind", ["rgb", "rgba", "grey", "multiscale"])
def test_any_array_layer_is_a_slide_with_the_resolution_that_its_units_give(
    model, options, mpp, kind
):
    from wsi_scale_napari.source import source_of

    picture = disc_image(20)
    data = {
        "rgb": picture,
        "rgba": np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]),
        "grey": picture[..., 0],
        "multiscale": shrunk_levels(picture),
    }[kind]
    layer = model.add_image(data, **options)
    with source_of(layer).open() as slide:
        assert slide.mpp == (None if mpp is None else pytest.approx(mpp))
        assert (slide.read(0, 0, 0, 600, 500) == picture).all()
        assert len(slide.levels) == (3 if kind == "multiscale" else 1)


def test_a_stack_is_refused_in_one_sentence(model):
    from wsi_scale.errors import SlideError
    from wsi_scale_napari.source import source_of

    layer = model.add_image(np.zeros((4, 50, 60), np.uint8))
    with pytest.raises(SlideError, match="flat image"):
        source_of(layer)
