"""Signs, in a checkpoint, that its BatchNorm statistics do not belong to its weights.

They lag behind while the learning rate is high, and are those of other weights altogether where
weights were averaged (SWA, EMA) without ``torch.optim.swa_utils.update_bn``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

HIGH_SHARE = 0.1
"""Of its peak: with a learning rate below, weights move too little to outrun their statistics."""

HIGH_RATE = 1e-4
"""The same where the peak is unknown, since no schedule was attached."""

_OPTIMISERS = ("optimizer", "optimizer_state_dict", "optimizer_states", "optimizers", "optim")
COUNT = "n_averaged"
"""Key that torch's AveragedModel keeps beside its weights: how many were averaged."""


def warn_of_stale(signs: tuple[str, ...], card_says: str | None) -> tuple[str, ...]:
    """One sentence on statistics that may not belong to the weights; none where there is no sign.

    card_says: ``settled`` or ``stale``; None = nothing.
    """
    if card_says is not None:
        signs = ("its card says so",) if card_says == "stale" else ()
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
                    if isinstance(group, Mapping) and isinstance(group.get(name), float | Tensor)
                }
                if "lr" in known:
                    peaks = [known[name] for name in ("initial_lr", "max_lr") if name in known]
                    yield known["lr"], max(peaks, default=None)


def average_sign(state: Mapping[str, Tensor]) -> str | None:
    """What torch's AveragedModel says of itself; None where it is none, or was recomputed.

    ``update_bn`` counts batches from 0, so fewer batches than averages prove it was run; more
    prove nothing.
    """
    if COUNT not in state:
        return None
    averaged = int(state[COUNT])
    batches = [int(v) for k, v in state.items() if k.endswith("num_batches_tracked")]
    if batches and max(batches) < averaged:
        return None
    return f"the weights are an average ({COUNT} = {averaged})"
