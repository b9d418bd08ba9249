"""How every --help ends: the exit codes as a list, and where the words are explained."""

from __future__ import annotations

WORDS = (
    "Words such as scale, octave, window, card, profile and verdict are explained in "
    "docs/glossary.md in the repository."
)
BAD_INPUT = "wrong input or a failure; one sentence on stderr says what to do"
CANCELLED = "cancelled by Ctrl-C or a signal"


def ending(codes: dict[int, str]) -> str:
    r"""Text for the end of a --help: exit codes with their meanings, then ``WORDS``.

    >>> print(ending({0: "done", 130: "cancelled"}).splitlines()[1:4])
    ['Exit codes:', '  0    done', '  130  cancelled']
    """
    lines = [f"  {code:<3}  {meaning}" for code, meaning in codes.items()]
    # click keeps the lines of a paragraph that begins with \b
    return "\n".join(["\b", "Exit codes:", *lines, "", WORDS])


DONE = ending({0: "done", 2: BAD_INPUT, 130: CANCELLED})
"""For commands that end well or not at all."""
CONTINUES = ending({0: "done", 2: BAD_INPUT, 130: f"{CANCELLED}; run it again to continue"})
"""For commands that continue where they were stopped."""
TRAIN_END = ending({0: "done", 2: BAD_INPUT, 130: f"{CANCELLED}; finished networks are kept"})
ESTIMATE_END = ending(
    {
        0: "the verdict is ok: one clear best scale",
        2: BAD_INPUT,
        3: "another verdict: check before use; the report says why",
        130: f"{CANCELLED}; the partial report is kept",
    }
)
RULER_END = ending(
    {
        0: "the verdict is ok",
        2: BAD_INPUT,
        3: "another verdict: check before use; the answer says why",
        130: CANCELLED,
    }
)
INFO_END = ending(
    {
        0: "done",
        2: BAD_INPUT,
        3: "with --pixels: the stated µm/px conflicts with the tissue",
        130: CANCELLED,
    }
)
BATCH_END = ending(
    {
        0: "every slide has an answer, whatever its verdict",
        2: BAD_INPUT,
        3: "some slides failed; their rows say why",
        130: f"{CANCELLED}; continue with --resume",
    }
)
EVALUATE_END = ending(
    {
        0: "every slide was measured",
        2: BAD_INPUT,
        3: "some slides could not be measured; the summary names them",
        130: f"{CANCELLED}; run it again to continue",
    }
)
EXPORT_END = ending(
    {
        0: "every slide was exported",
        2: BAD_INPUT,
        3: "some slides were left out; stderr and the text say why",
        130: CANCELLED,
    }
)
DOCTOR_END = ending(
    {
        0: "slides can be read and a bundled network runs",
        2: BAD_INPUT,
        3: "something that every run needs is missing; the lines marked NO say what to do",
        130: CANCELLED,
    }
)
MAIN_HELP = """Find the scale at which a trained network sees a whole-slide image best.

The scale is how many pixels of the slide's finest level become one pixel of the network's input,
along one side. Scale 2 means: shrink the slide to half its width and height, then show it to the
network. A larger scale is a coarser view of more tissue.

To begin: `wsi-scale estimate SLIDE`."""
MAIN_END = ending(
    {
        0: "done; for estimate: the verdict is ok",
        2: BAD_INPUT,
        3: "another verdict, a conflict or slides that failed; see each command",
        130: CANCELLED,
    }
)
