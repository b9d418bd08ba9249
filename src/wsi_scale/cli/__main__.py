"""So that ``python -m wsi_scale.cli`` works too."""

from wsi_scale.cli import main

main()
