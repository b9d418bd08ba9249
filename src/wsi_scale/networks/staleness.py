"""Signs in a checkpoint that its BatchNorm statistics do not belong to its weights.

Statistics lag behind the weights while the learning rate is high. They belong to other weights
altogether if weights were averaged (SWA, EMA) without ``torch.optim.swa_utils.update_bn``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from wsi_scale.networks.batchnorm import NEVER_FIRED

HIGH_SHARE = 0.1
"""Share of the peak learning rate. Below it, weights move too slowly to outrun their statistics."""

HIGH_RATE = 1e-4
"""The same limit as a learning rate, for checkpoints without a schedule, whose peak is unknown."""

LAG = 0.001
"""Share of the stored means. Settled networks stay well below it; averaged weights or an undecayed
learning rate exceed this (benchmarks/results/stale_statistics.md)."""

_SHORT = (torch.float16, torch.bfloat16)
_RANK = 1e-6  # of the largest: smaller directions are rounding errors
_OPTIMISERS = ("optimizer", "optimizer_state_dict", "optimizer_states", "optimizers", "optim")
COUNT = "n_averaged"
"""Key under which torch's AveragedModel stores how many weights were averaged."""


def warn_of_stale(
    signs: tuple[str, ...], lag: float | None, card_says: str | None
) -> tuple[str, ...]:
    """One warning about statistics that may not belong to the weights; empty without a sign.

    signs: what the checkpoint suggests. lag: what ``lag_of_means`` measured; it overrides signs.
    card_says: ``settled`` or ``stale``; it overrides both. None: nothing is known.
    """
    if card_says is not None:
        signs = ("its card says so",) if card_says == "stale" else ()
    elif lag is not None:
        share = f"{lag:.1%} of its stored means cannot come from its weights"
        signs = (share,) if lag >= LAG else ()
    if not signs:
        return ()
    return (
        "the network's BatchNorm statistics may be stale and not belong to its weights "
        f"({'; '.join(signs)}), which shifts the fingerprint; recompute them over the training "
        'data with torch.optim.swa_utils.update_bn, then set statistics = "settled" in the card',
    )


def rate_sign(found: Any) -> str | None:
    """A sign, from the saved optimiser, that the learning rate never fell; None without one.

    found: the content of the checkpoint, before it is unwrapped.
    """
    rates = list(_rates(found))
    if not rates:
        return None
    rate, peak = max(rates, key=lambda pair: pair[0])
    if peak is None and rate >= HIGH_RATE:
        return f"the checkpoint holds a learning rate of {rate:g} and no schedule"
    if peak is not None and rate > HIGH_SHARE * peak:
        return f"the learning rate was still {rate / peak:.0%} of its peak"
    return None


def _rates(found: Any) -> Iterator[tuple[float, float | None]]:
    """(last, peak) learning rate of every parameter group; the peak is None without a schedule."""
    if not isinstance(found, Mapping):
        return
    for key in _OPTIMISERS:
        states = found.get(key)
        for state in states if isinstance(states, list | tuple) else (states,):
            groups = state.get("param_groups") if isinstance(state, Mapping) else None
            for group in groups if isinstance(groups, list | tuple) else ():
                known = {
                    name: float(group[name])
                    for name in ("lr", "initial_lr", "max_lr")
                    if isinstance(group, Mapping) and _is_number(group.get(name))
                }
                if "lr" in known:
                    peaks = [known[name] for name in ("initial_lr", "max_lr") if name in known]
                    yield known["lr"], max(peaks, default=None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)


def average_sign(state: Mapping[str, Tensor]) -> str | None:
    """A sign that the state is torch's AveragedModel; None if it is not.

    Whether ``update_bn`` was run afterwards cannot be seen: the stored count of batches may have
    been averaged too, and then means nothing.
    """
    if not _is_number(state.get(COUNT)):
        return None
    return f"the weights are an average ({COUNT} = {int(state[COUNT])})"


def lag_of_means(module: nn.Module, patches: Tensor) -> float | None:
    """Share of the stored means, 0–1, that the weights cannot produce; the median over layers.

    Take a 1×1 convolution that mixes few channels into more. For any input, the means of its
    output, which enter the next BatchNorm, lie in the space that its weights span. Stored means
    outside that space were gathered with other weights. Needs neither images nor labels.

    patches: a trial input. None if there is no such convolution.
    """
    lags = lags_of_means(module, patches)
    return statistics.median(lags) if lags else None


def lags_of_means(module: nn.Module, patches: Tensor) -> list[float]:
    """The unexplained share behind every such convolution, in the order in which they run."""
    found = [unexplained(conv, norm) for conv, norm in _mixed(module, patches)]
    return [lag for lag in found if lag is not None]


def unexplained(conv: nn.Conv2d, norm: nn.Module) -> float | None:
    """Share of the stored means, 0–1, that no input of the convolution explains.

    It is a ratio of root mean squares, one over degrees of freedom and one over channels, both in
    units of the stored deviations. Mixed precision rounds weights, so the rounding that explains
    most is used. None if there are too few channels to leave anything unexplained, or if the means
    themselves were rounded.
    """
    mean, var = (getattr(norm, f"running_{x}").detach() for x in ("mean", "var"))
    fires = var > NEVER_FIRED
    if any(torch.equal(mean, mean.to(short).to(mean.dtype)) for short in _SHORT):
        return None
    spread = var[fires].double().sqrt()
    weights = [conv.weight, *(conv.weight.to(short) for short in _SHORT)]
    lags = []
    for weight in weights:
        columns = weight.detach().double().flatten(1)
        if conv.bias is not None:  # its weight is unknown: the initial mean 0 may still count
            columns = torch.cat([columns, conv.bias.detach().double()[:, None]], dim=1)
        if not columns.isfinite().all():  # too large for the short numbers
            continue
        axes, size, _ = torch.linalg.svd(columns[fires] / spread[:, None], full_matrices=False)
        axes = axes[:, size > _RANK * size[:1]]
        free = len(spread) - axes.shape[1]
        if free < 2:
            return None
        wanted = mean[fires].double() / spread
        left = (wanted - axes @ (axes.T @ wanted)).norm() / math.sqrt(free)
        lags.append(float(left / wanted.norm() * math.sqrt(len(wanted))))
    return min(lags, default=None)


def _mixed(module: nn.Module, patches: Tensor) -> list[tuple[nn.Conv2d, nn.Module]]:
    """Widening 1×1 convolutions, each with the BatchNorm that takes exactly its output tensor."""
    made: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}
    out: list[tuple[nn.Conv2d, nn.Module]] = []

    def after(conv: nn.Module, _: Any, result: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        made[id(result)] = conv, result, result._version  # kept, so that its id is not reused

    def before(norm: nn.Module, args: Any) -> None:
        if not args or id(args[0]) not in made or getattr(norm, "running_mean", None) is None:
            return
        conv, tensor, version = made[id(args[0])]
        if tensor._version == version:  # unchanged in place, for example by a shortcut
            out.append((conv, norm))

    hooks = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and _widens(part):
            hooks.append(part.register_forward_hook(after))
        elif isinstance(part, nn.BatchNorm2d):
            hooks.append(part.register_forward_pre_hook(before))
    try:
        if any(isinstance(part, nn.Conv2d) and _widens(part) for part in module.modules()):
            with torch.no_grad():
                module(patches)
    finally:
        for hook in hooks:
            hook.remove()
    return out


def _widens(conv: nn.Conv2d) -> bool:
    alone = all(x == 1 for x in conv.kernel_size) and conv.groups == 1
    return alone and conv.padding in (0, (0, 0)) and conv.out_channels >= conv.in_channels + 2
