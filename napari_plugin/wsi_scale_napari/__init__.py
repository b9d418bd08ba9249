"""The napari plugin of wsi-scale: whole slides as layers, and the dock that finds their scale."""
