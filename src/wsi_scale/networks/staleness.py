"""Signs, in a checkpoint, that its BatchNorm statistics do not belong to its weights.

They lag behind while the learning rate is high, and are those of other weights altogether where
weights were averaged (SWA, EMA) without ``torch.optim.swa_utils.update_bn``.
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
"""Of its peak: with a learning rate below, weights move too little to outrun their statistics."""

HIGH_RATE = 1e-4
"""The same where the peak is unknown, since no schedule was attached."""

LAG = 0.001
"""Share of the stored means: settled networks stay well below, with a learning rate that never
fell, or averaged weights, it is passed (benchmarks/results/stale_statistics.md)."""

_SHORT = (torch.float16, torch.bfloat16)
_RANK = 1e-6  # of the largest: directions smaller than that are rounding
_OPTIMISERS = ("optimizer", "optimizer_state_dict", "optimizer_states", "optimizers", "optim")
COUNT = "n_averaged"
"""Key that torch's AveragedModel keeps beside its weights: how many were averaged."""


def warn_of_stale(
    signs: tuple[str, ...], lag: float | None, card_says: str | None
) -> tuple[str, ...]:
    """One sentence on statistics that may not belong to the weights; none where there is no sign.

    signs: what the checkpoint lets suspect. lag: what ``lag_of_means`` measured, which settles it.
    card_says: ``settled`` or ``stale``, the last word. None = nothing is known.
    """
    if card_says is not None:
        signs = ("its card says so",) if card_says == "stale" else ()
    elif lag is not None:
        share = f"{lag:.1%} of what it stores as means cannot have come from its weights"
        signs = (share,) if lag >= LAG else ()
    if not signs:
        return ()
    return (
        "the network's BatchNorm statistics may be stale, not those of its weights "
        f"({'; '.join(signs)}), which moves the fingerprint; recompute them over the training "
        'data with torch.optim.swa_utils.update_bn, then say statistics = "settled" in the card',
    )


def rate_sign(found: Any) -> str | None:
    """What the optimiser saved beside the weights says of a learning rate that never fell.

    found: what the checkpoint holds, before it is unwrapped. None where it says nothing.
    """
    rates = list(_rates(found))
    if not rates:
        return None
    rate, peak = max(rates, key=lambda pair: pair[0])
    if peak is None and rate >= HIGH_RATE:
        return f"no learning-rate schedule was saved beside a learning rate of {rate:g}"
    if peak is not None and rate > HIGH_SHARE * peak:
        return f"the learning rate was still {rate / peak:.0%} of its peak"
    return None


def _rates(found: Any) -> Iterator[tuple[float, float | None]]:
    """(last, peak) learning rate of every group of parameters; no peak without a schedule."""
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
    """What torch's AveragedModel says of itself; None where it is none.

    Whether ``update_bn`` was run afterwards it does not say: its count of batches may be averaged
    too, and then means nothing.
    """
    if not _is_number(state.get(COUNT)):
        return None
    return f"the weights are an average ({COUNT} = {int(state[COUNT])})"


def lag_of_means(module: nn.Module, patches: Tensor) -> float | None:
    """Share of the stored means that the weights cannot bring about, 0–1; of layers the median.

    A 1×1 convolution mixes few channels into more: whatever enters it, the means that leave it,
    and enter the BatchNorm behind it, lie in the space its weights span. Stored means that do not
    were gathered with other weights. Needs neither images nor labels.

    patches: a trial input. None where no convolution can tell.
    """
    lags = lags_of_means(module, patches)
    return statistics.median(lags) if lags else None


def lags_of_means(module: nn.Module, patches: Tensor) -> list[float]:
    """What is unexplained behind every convolution that can tell, in the order they work."""
    found = [unexplained(conv, norm) for conv, norm in _mixed(module, patches)]
    return [lag for lag in found if lag is not None]


def unexplained(conv: nn.Conv2d, norm: nn.Module) -> float | None:
    """Share of the stored means, 0–1, that no input of the convolution explains.

    A ratio of root mean squares, over degrees of freedom and over channels, both in units of the
    stored deviations. Mixed precision rounds weights on their way, so the rounding that explains
    most is taken. None where every mean is explained because there are too few channels, or where
    the means themselves were rounded.
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
        if conv.bias is not None:  # of unknown weight: a start at mean 0 may not be forgotten yet
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
    """Widening 1×1 convolutions and the BatchNorm that takes the very tensor they make."""
    made: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}
    out: list[tuple[nn.Conv2d, nn.Module]] = []

    def after(conv: nn.Module, _: Any, result: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        made[id(result)] = conv, result, result._version  # kept, so that its id stays its own

    def before(norm: nn.Module, args: Any) -> None:
        if not args or id(args[0]) not in made or getattr(norm, "running_mean", None) is None:
            return
        conv, tensor, version = made[id(args[0])]
        if tensor._version == version:  # nothing was added in place, as a shortcut may be
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
