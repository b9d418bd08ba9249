"""Work on slides whose right scale is known.

``calibrate`` learns from them, ``evaluate`` tests estimators on them, and ``thesis`` reproduces the
thesis's model problem, whose right scale was chosen.
"""
