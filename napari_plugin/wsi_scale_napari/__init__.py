"""The napari dock widget of wsi-scale; it comes in a later release."""
