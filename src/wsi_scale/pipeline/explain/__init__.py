"""Looking inside: what a network saw at the scale found and at two wrong ones.

Enters: the last ``Progress`` of a run, with its slide open. Leaves: an ``Explanation``, which
``wsi_scale.render.inside`` draws. A run never asks for it by itself.
"""
