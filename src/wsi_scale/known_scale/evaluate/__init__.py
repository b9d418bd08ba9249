"""The bench: estimators tested on slides of known scale and compared with chance."""
