"""What a BatchNorm's stored statistics say about its channels; without torch."""

NEVER_FIRED = 1e-10
"""A channel with a stored variance up to this counts as one that never fired in training."""
