"""Which levels in a file make a pyramid, and where the scanner put pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wsi_scale.geometry import Box, Level

ASPECT_TOLERANCE = 0.05
"""Width and height ratio of a level may differ by this share, for rounding and tile padding."""


def same_image(width: int, height: int, level_width: int, level_height: int) -> bool:
    """Whether a level can be a smaller copy of the whole image.

    The width and height ratios may differ by 5 %, or by as much as rounding each side by less than
    one pixel explains.

    >>> same_image(300, 250, 37, 31), same_image(300, 250, 40, 20)
    (True, False)
    """
    across, down = width / level_width, height / level_height
    if abs(across - down) <= ASPECT_TOLERANCE * min(across, down):
        return True
    mean = (across + down) / 2
    return abs(width / mean - level_width) < 1 and abs(height / mean - level_height) < 1


def pick_levels(
    sizes: Sequence[tuple[int, int]], downsamples: Sequence[float]
) -> tuple[tuple[Level, ...], tuple[int, ...]]:
    """The levels that form a pyramid, finest first, and their numbers in the file.

    sizes: (width, height) of each level in the file. downsamples: as the library states them.
    Levels with another aspect ratio are other images and are left out, and so are repeated sizes.
    """
    width, height = sizes[0]
    levels, numbers = [Level(width, height, 1.0)], [0]
    for number in sorted(range(1, len(sizes)), key=lambda i: downsamples[i]):
        w, h = sizes[number]
        if w < 1 or h < 1 or not same_image(width, height, w, h):
            continue
        if downsamples[number] > levels[-1].downsample and (w, h) != (
            levels[-1].width,
            levels[-1].height,
        ):
            levels.append(Level(w, h, float(downsamples[number])))
            numbers.append(number)
    return tuple(levels), tuple(numbers)


def bounds_of(properties: Mapping[str, str], prefix: str, level: Level) -> Box:
    """``PREFIX.bounds-*`` in level-0 px, cut to the canvas; the whole canvas if not stated."""
    canvas = Box(0, 0, level.width, level.height)
    try:
        x, y, w, h = (
            float(properties[f"{prefix}.bounds-{name}"]) for name in ("x", "y", "width", "height")
        )
    except (KeyError, ValueError):
        return canvas
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(level.width, x + w), min(level.height, y + h)
    if not (right > left and bottom > top):
        return canvas
    return Box(left, top, right - left, bottom - top)


def colour_of(properties: Mapping[str, str], name: str) -> tuple[int, int, int] | None:
    """A background colour stated as six hexadecimal digits; None if there is none."""
    digits = properties.get(name, "").removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        return None
    return red, green, blue
