"""The napari plugin of wsi-scale: opens whole slides as layers; its dock finds their scale."""
