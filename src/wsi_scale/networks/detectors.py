"""Detectors: what of them is heard, and how their answers are told from features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

_YOLO_GRIDS = ((8, 16, 32), (16, 32), (8, 16, 32, 64))  # strides: all, the tiny and the P6 models


class DetectorBackbone(nn.Module):
    """Backbone and feature pyramid of a detector, under the names that they have in the detector.

    The rest (proposals, boxes, their suppression) says nothing about scale, and its answers differ
    in number from patch to patch. The answer is the finest map of the pyramid.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        """The finest feature map, (N, C, H, W), of normalised images (N, 3, H, W)."""
        maps = self.backbone(x)
        finest: Tensor = next(iter(maps.values())) if isinstance(maps, Mapping) else maps
        return finest


def heard_part(module: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
    """What is measured of a module, and keys of a card that follow.

    Of a detector in torchvision's form (Faster, Mask and Keypoint R-CNN, RetinaNet, FCOS, SSD) that
    is its backbone. It normalises its input itself, so its mean and std become the card's. It would
    enlarge patches, to 800 px by default: here they stay as they are, so that a network px is a px
    of the backbone's input. All other modules come back as they are.
    """
    steps, backbone = getattr(module, "transform", None), getattr(module, "backbone", None)
    if not hasattr(steps, "image_mean") or not isinstance(backbone, nn.Module):
        return module, {}
    assert steps is not None
    card = {"task": "detect", "mean": tuple(steps.image_mean), "std": tuple(steps.image_std)}
    if getattr(steps, "fixed_size", None):
        card["input_size"] = steps.fixed_size[0]
    return DetectorBackbone(backbone), card


def yolo_channels(shape: tuple[int, ...], side: int) -> int | None:
    """Axis of the channels in a YOLO's answer to patches of a side in px; None if it is none.

    A YOLO answers (N, channels, boxes) or (N, boxes, channels), with 1 or 3 boxes per place of two
    to four grids.

    >>> yolo_channels((2, 84, 8400), 640), yolo_channels((2, 25200, 85), 640)
    (1, 2)
    >>> yolo_channels((2, 197, 384), 224) is None
    True
    """
    if len(shape) != 3:
        return None
    places = [sum((side // stride) ** 2 for stride in grids) for grids in _YOLO_GRIDS]
    boxes = {each * count for each in (1, 3) for count in places}
    return next((axis for axis in (1, 2) if shape[3 - axis] in boxes), None)
