"""Architectures of the field that no kept library has, to load people's weights into.

For example ``wsi_scale.networks.families.segnet:SegNet?classes=2&weights=FILE``. Each file is one
paper. Where public code of it is widely used, modules carry its names, so that its checkpoints fit.
"""
