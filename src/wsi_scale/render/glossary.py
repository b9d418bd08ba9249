"""The few words that a reader of an answer needs, for the page and the dock.

The texts are those of docs/glossary.md, which explains more words; a test compares the two.
"""

from __future__ import annotations

WORDS: dict[str, str] = {
    "scale": "How many level-0 pixels become one pixel of the network's input, along one side. "
    "Scale 2 means: shrink the slide to half its width and height, then show it to the network. "
    "A larger scale is a coarser view of more tissue. Scale 1 shows level 0 as it is. Below 1 "
    "the image would be enlarged; that adds no detail and is always flagged. The µm/px that the "
    "network sees are scale × the slide's mpp.",
    "octave": "A factor of two. Scales 2 and 4 are one octave apart, 2 and 2.8 half an octave. "
    "Errors are given in octaves, so that twice the right scale and half of it count as equally "
    "wrong: 0.1 octave is 7 %, 0.32 is 25 %, 0.5 is 41 %.",
    "mpp, µm/px": "Micrometres per pixel: how much tissue one pixel covers. A smaller number is "
    "a finer image.",
    "window": "The range of scales that is searched, for example 0.5 to 16.",
    "response": "What a layer of the network computes for a patch, averaged over its pixels: "
    "one number per channel, and its variance.",
    "reference": "Images for which the right scale of this network is known.",
    "profile": "A small file made by wsi-scale calibrate from a reference. With it wsi-scale "
    "reads the scale from this network's responses.",
    "level": "One resolution stored in the slide file. Level 0 is the finest.",
    "site": "A place on the slide, the centre of one scale pyramid.",
    "interval": "A range meant to hold the right scale in 90 % of cases. On unfamiliar tissue it "
    "holds it less often.",
    "tolerance": "The scales with nearly the same predictions: at most a tenth of them change "
    "(for a segmenter, what it finds grows or shrinks by at most a tenth). They may be less right "
    "there.",
    "verdict": "Whether the answer can be used.",
    "ok": "One clear best scale, and no reason found to doubt it. Check it against what you know "
    "of the slide: on unfamiliar tissue it may still be wrong.",
    "edge": "The best scale lies at an end of the window, so the number is a bound. Widen the "
    "window.",
    "ambiguous": "Several scales fit (all are listed as candidates), or too little was measured to "
    "choose one.",
    "outside": "The slide is unlike what the network was trained on. The number is unreliable.",
    "flat": "The network responds alike at every scale, so there is no best one. No number.",
    "blank": "There is nothing to look at, for example only glass. No number.",
    "no_evidence": "Nothing in this network reveals its scale. No number.",
    "Dice": "Overlap of two masks: 1 if they are equal, 0 if they share nothing.",
}
"""Each word and its meaning; the verdicts follow ``verdict``."""

MORE = "Every word is explained in docs/glossary.md of wsi-scale."
