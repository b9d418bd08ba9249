"""The bench: estimators against known scales, beside chance. What `thesis` needs of it too."""
