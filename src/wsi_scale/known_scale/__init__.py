"""Where the right scale is known: ``calibrate`` learns from it, ``evaluate`` tests estimators
against it, and ``thesis`` reproduces the thesis's model problem, whose scale was set."""
