"""What each verdict means, in words, and what scale is."""

from __future__ import annotations

MEANING = {
    "edge": "The best scale lies at or beyond an end of the range that was searched, so this "
    "number is only a bound; {wider}.",
    "ambiguous": "Several scales suit the network about equally well{candidates}; compare the "
    "patches at those scales to choose between them.",
    "outside": "The slide is unlike {known}, and not only in scale, so do not rely on the "
    "number{remedy}.",
    "flat": "The network responds alike at every scale that was tried, so none is better than the "
    "others. Any scale in the range may do; another layer or network may show a difference.",
    "blank": "Nothing on the slide could be shown to the network, so it was not run.",
    "no_evidence": "{help}",
}

LARGER = "A larger scale is a coarser view of more tissue."

SCALE_IS = (
    "Scale is how many slide pixels, along one side, become one pixel of the network's input. "
    + LARGER
)

TOO_LITTLE = (
    "No other scale stands out, but what was measured is not enough to be sure; more sites or "
    "scales may help."
)

TOO_FAR = (
    "No other scale stands out, but the right one may be a quarter away or more, so trust the "
    "interval more than the number."
)

START = {"edge": "Among the scales that were tried, the", "outside": "With that caveat, the"}
