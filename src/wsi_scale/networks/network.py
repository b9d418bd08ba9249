"""A network that is ready for use: it takes patches, returns logits and names its layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.answer import check_answer, to_logits
from wsi_scale.networks.card import Activation, Card, Task
from wsi_scale.networks.channel_axes import BY_SHAPE, TensorAxes
from wsi_scale.networks.layers import (
    PREDICTS,
    LayerChoice,
    Structure,
    batchnorm_batches,
    choose_layers,
    is_batchnorm,
)
from wsi_scale.networks.memory_errors import PatchMemoryError, is_out_of_memory
from wsi_scale.networks.named_outputs import find_tensor
from wsi_scale.networks.normalise import luminance, scale_colours
from wsi_scale.networks.probe import (
    LARGEST,
    SMALLEST,
    Call,
    CallError,
)
from wsi_scale.networks.staleness import warn_of_stale
from wsi_scale.networks.wording import brief


@dataclass(frozen=True, eq=False)
class Network:
    """A loaded network in evaluation mode, with frozen parameters, and what is known about it.

    ``load_network`` and ``build_network`` make one.
    """

    spec: str
    """The SPEC that named it."""
    card: Card
    module: nn.Module
    device: torch.device
    sha256: str | None
    """SHA-256 of the weights file; None without such a file."""
    channels: int
    """3 = RGB, 1 = grey."""
    task: Task
    classes: tuple[str, ...]
    """Empty if it predicts none."""
    activation: Activation
    input_size: int | None
    """Fixed side of a patch in px; None = any multiple of the stride."""
    stride: int
    calls: tuple[Call, ...] = ()
    """Submodules in the order in which they run; empty if hooks cannot reach them."""
    head: str | None = None
    """Name of the module that computes the logits; None if hooks cannot reach it."""
    stale_signs: tuple[str, ...] = ()
    """Signs in the checkpoint that its BatchNorm statistics do not belong to its weights."""
    lag: float | None = None
    """Share of the stored means, 0–1, that its weights cannot produce; None if unknown."""
    absent: bool = False
    """Whether only its µm/px is known and nothing can be asked of it."""
    notes: tuple[str, ...] = ()
    """What is worth telling about its files, for example what was left out of a checkpoint."""
    read_as: tuple[str, ...] = ()
    """How a description in another format was read, one clause each; empty for a card."""
    output_axes: TensorAxes = BY_SHAPE
    """Where channels and pixels lie in the features that it returns, if it predicts no classes."""

    @property
    def predicts(self) -> bool:
        """Whether it predicts classes; a detector and an encoder without a head do not."""
        return self.task in PREDICTS

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt its BatchNorm statistics; the card has the last word."""
        if not any(is_batchnorm(call) for call in self.calls):
            return ()
        return warn_of_stale(self.stale_signs, self.lag, self.card.statistics)

    @property
    def name(self) -> str:
        """The card's name, else the SPEC without its query and folders."""
        return self.card.name or PurePath(self.spec.partition("?")[0]).name or self.spec

    @property
    def background(self) -> int | None:
        """Index of a segmenter's background class; None if it has none."""
        count = len(self.classes)
        if self.task == "classify" or count == 1 or self.card.background == -1:
            return None
        if self.card.background is not None:
            return self.card.background
        named = [i for i, name in enumerate(self.classes) if name.lower() == "background"]
        return named[0] if named else (0 if self.activation == "softmax" else None)

    @property
    def foreground(self) -> list[int]:
        """Indices of all classes except a segmenter's background."""
        return [k for k in range(len(self.classes)) if k != self.background]

    @property
    def batchnorm_batches(self) -> int | None:
        """Number of batches behind its BatchNorm statistics; 0 = untrained, None = unknown."""
        return batchnorm_batches(self.calls)

    def prepare(self, patches: NDArray[np.uint8]) -> Tensor:
        """Patches as the network wants them.

        Parameters
        ----------
        patches : numpy.ndarray
            (N, H, W, 3) uint8.

        Returns
        -------
        torch.Tensor
            (N, channels, H, W) float32 on the network's device, scaled as the card says.

        Examples
        --------
        >>> import numpy as np
        >>> from wsi_scale.networks import load_network
        >>> network = load_network("figures", device="cpu")
        >>> x = network.prepare(np.full((1, 224, 224, 3), 255, np.uint8))
        >>> x.shape, float(x.max())
        (torch.Size([1, 3, 224, 224]), 1.0)
        >>> network.logits(x).shape
        torch.Size([1, 20])
        """
        return self.feed(self.colours(patches))

    def colours(self, patches: NDArray[np.uint8]) -> Tensor:
        """Patches (N, H, W, 3) uint8 as (N, 3, H, W) float32 in 0–255, sent to the device as bytes.

        The patches of a pyramid already lie in planes and are not copied first.
        """
        planes = np.require(patches.transpose(0, 3, 1, 2), requirements=("C", "W"))
        return torch.from_numpy(planes).to(self.device).float()

    def feed(self, colours: Tensor) -> Tensor:
        """Colours in 0–255, (N, 3, H, W), as the network wants them; differentiable."""
        return self.normalise(self._to_channels(colours))

    def normalise(self, x: Tensor) -> Tensor:
        """Values in 0–255, (N, C, H, W), scaled as the card says, then by its mean and std."""
        return scale_colours(x, self.card)

    def _to_channels(self, x: Tensor) -> Tensor:
        if self.channels == 3:
            return x
        return luminance(x)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the numbers that the module takes: float32 unless its parameters are others."""
        kinds = (x.dtype for x in self.module.parameters() if x.is_floating_point())
        return next(kinds, torch.float32)

    def logits(self, x: Tensor) -> Tensor:
        """The network's output before its activation; its features if it predicts no classes.

        Parameters
        ----------
        x : torch.Tensor
            What ``prepare`` returned.

        Returns
        -------
        torch.Tensor
            float32, (N, K) for a classifier, (N, K, H, W) for a segmenter. Features as the network
            returns them: (N, C), (N, tokens, C) or a map.

        Raises
        ------
        NetworkError
            When the network raises, or returns NaN, infinity or something other than logits.
        """
        if self.absent:
            raise NetworkError(
                f"{self.name} is not here, only its µm/px is known; name its weights (--network)"
            )
        try:
            answer = self.module(x.to(self.dtype))
        except (Exception, SystemExit) as error:  # other people's code may raise anything
            if is_out_of_memory(error):
                raise PatchMemoryError(
                    f"{self.name} ran out of memory on {self.device} with {x.shape[0]} patches of "
                    f"{x.shape[-1]} px; show it fewer at once"
                ) from error
            raise CallError(
                f"{self.name} failed on patches of {x.shape[-1]} px: {brief(error)}"
            ) from error
        found = find_tensor(answer, self.name, self.card.output_key)
        logits = check_answer(found, x.shape[0], self.name)
        if not self.predicts:
            return logits
        if self.classes and logits.shape[1] != len(self.classes):
            raise NetworkError(
                f"{self.name} returned {logits.shape[1]} classes after it had returned "
                f"{len(self.classes)}; the number must not change"
            )
        if self.task == "classify" and logits.ndim == 4:
            logits = logits.mean((2, 3))
        if self.card.output == "probabilities":
            logits = to_logits(logits, self.activation, self.name)
        return logits

    @property
    def smallest_input_size(self) -> int:
        """Side in px of the smallest patch that it is shown."""
        return self.input_size or math.ceil(SMALLEST / self.stride) * self.stride

    def choose_input_size(self, limit_px: float) -> int:
        """Largest patch side that the network takes and that fits.

        Parameters
        ----------
        limit_px : float
            The side may be at most this many px.

        Returns
        -------
        int
            px; the fixed side, or the largest multiple of the stride in 96–224.

        Raises
        ------
        NetworkError
            When not even the smallest side fits.
        """
        smallest = self.smallest_input_size
        if smallest > limit_px:
            raise NetworkError(
                f"{self.name} needs patches of {smallest} px but at most {limit_px:.0f} px fit; "
                "use smaller scales or a larger region"
            )
        if self.input_size is not None:
            return self.input_size
        return max(smallest, math.floor(min(limit_px, LARGEST) / self.stride) * self.stride)

    def layers(self, patterns: Sequence[str] | None = None) -> tuple[LayerChoice, ...]:
        """The layers to measure, in the order in which the image passes them.

        Parameters
        ----------
        patterns : Sequence[str], optional
            Module names or ``fnmatch`` patterns. Default: the card's, else those that the
            network's structure suggests.

        Returns
        -------
        tuple[LayerChoice, ...]

        Raises
        ------
        NetworkError
            When a pattern matches no layer that can be measured.

        Examples
        --------
        >>> from wsi_scale.networks import load_network
        >>> network = load_network("figures", device="cpu")
        >>> [layer.name for layer in network.layers(["classifier"])]
        ['classifier']
        """
        structure = Structure(self.name, self.task, self.calls, self.head)
        return choose_layers(structure, patterns or self.card.layers)

    def to(self, device: torch.device) -> Network:
        """The same network on another device.

        Raises
        ------
        NetworkError
            When it cannot run there.
        """
        try:
            module = self.module.to(device)
        except (RuntimeError, NotImplementedError) as error:
            raise NetworkError(f"{self.name} cannot run on {device}: {brief(error)}") from error
        return replace(self, module=module, device=device)
