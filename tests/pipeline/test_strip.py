"""The line around what was found."""

import numpy as np

from wsi_scale.pipeline.strip import OUTLINE, draw_outline, is_outlined


def test_the_line_runs_along_the_inside_of_what_was_found():
    """3 × 3 px of 6 × 6, drawn as 6 × 6 of 12 × 12: 20 px of them at the rim."""
    patch = np.full((6, 6, 3), 90, np.uint8)
    found = np.zeros((6, 6), bool)
    found[1:4, 2:5] = True
    drawn = draw_outline(patch, found)
    line = (drawn == OUTLINE).all(axis=2)
    assert drawn.shape == (12, 12, 3)
    assert is_outlined([patch, drawn])
    assert not is_outlined([patch])
    assert line.sum() == 20
    assert np.argwhere(line).min(axis=0).tolist() == [2, 4]
    assert np.argwhere(line).max(axis=0).tolist() == [7, 9]
    assert (drawn[~line] == 90).all()


def test_nothing_found_draws_nothing_and_all_found_has_no_rim():
    patch = np.full((4, 4, 3), 90, np.uint8)
    for found in (np.zeros((2, 2), bool), np.ones((2, 2), bool)):
        assert (draw_outline(patch, found) == 90).all()


def test_a_coarse_mask_covers_the_whole_patch():
    patch = np.full((4, 4, 3), 90, np.uint8)
    drawn = draw_outline(patch, np.array([[True, False], [False, False]]))
    line = (drawn == OUTLINE).all(axis=2)
    assert np.argwhere(line).max(axis=0).tolist() == [3, 3]
