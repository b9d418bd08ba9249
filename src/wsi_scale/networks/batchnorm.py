"""What the statistics that a BatchNorm stores say of its channels; no torch."""

NEVER_FIRED = 1e-10
"""Stored variance up to which a channel counts as one that never fired in training."""
