"""Profiles of the witnesses: learnt on some sources, asked about the others.

    python -m benchmarks.witnesses.profiles build/witnesses

Writes profiles.jsonl beside the rows; ``profile_table`` makes the table.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Options
from wsi_scale.estimators.profile_file import About, Profile, keys_of
from wsi_scale.judgement.estimate import estimate
from wsi_scale.known_scale.calibrate.fit import Sample, fit_profile
from wsi_scale.responses.record import PLAIN, Responses

CHOSEN_HERE = (
    "profile was made from",
    "interval reaches the end",
    "reaches beyond 1.25 times",
    "in fewer than",
    "measures the tissue",
)
"""In reasons of rules that were chosen here."""


MOST_LAYERS = 5


@dataclass(frozen=True)
class Told:
    """One answer of one profile."""

    witness: str
    random: bool
    cases: int
    source: str
    error: float
    held: bool | None
    """Whether the interval holds the truth; None without one."""
    verdict: str
    ok_before: bool
    """Whether it would be ``ok`` without the rules that were chosen here."""
    grouped: bool = False
    """Whether whole sources were left out when it was made."""
    own: float = 0.0
    """Median error on its own images, left out."""
    held_by_images: bool | None = None
    """Whether an interval that counts every image left out for itself holds the truth."""
    half: float | None = None
    """Half width of the interval, octaves."""


def samples_in(folder: Path) -> list[tuple[str, Sample]]:
    """(source, sample) of every question kept in a folder; plain patches only."""
    found = []
    for path in sorted(folder.glob("*.json")):
        about, responses = json.loads(path.read_text()), Responses.load(path.with_suffix(".npz"))
        rows = responses._at(responses.variant == PLAIN)
        found.append((about["source"], Sample(about["place"], about["truth"], rows)))
    return found


def fitted(samples: list[Sample]) -> Profile:
    """A profile of MOST_LAYERS layers, spread over the network, for speed."""
    first = samples[0].responses
    keys = keys_of(first)
    keys = keys[:: max(1, len(keys) // MOST_LAYERS)]
    about = About(
        network="witness", sha256=None, input_size=first.input_size, layers=keys,
        sites=8, jitters=0, strength=0.0, images=tuple(x.image for x in samples), version="0",
        seed=0,
    )  # fmt: skip
    return fit_profile(samples, about)


def profiles_of(folder: Path, grouped: bool, deals: int = 2) -> Iterator[Told]:
    """For each witness, and its copy with random weights: the sources dealt in two, several times;
    a profile of 7 cases and one of all cases of the first part, asked about the second."""
    for home in sorted((folder / "asked").iterdir()):
        if "own tissue" in home.name:
            continue
        named = samples_in(home)
        by_source = defaultdict(list)
        for source, sample in named:
            name = source.split(",")[0]
            by_source[name].append(replace(sample, source=name if grouped else ""))
        for deal in range(deals):
            rng = np.random.default_rng([deal, 30])
            order = [str(x) for x in rng.permutation(sorted(by_source))]
            learnt: list[Sample] = []
            while order and len(learnt) < 15:
                learnt += by_source[order.pop()]
            asked = [(source, x) for source in order for x in by_source[source]]
            if len(learnt) < 15 or not asked:
                continue
            few = [learnt[i] for i in rng.permutation(len(learnt))[:7]]
            for part in (few, learnt):
                yield from answers(home.name, part, asked)


def answers(name: str, part: list[Sample], asked: list[tuple[str, Sample]]) -> list[Told]:
    try:
        profile = fitted(part)
    except SettingsError:
        return []
    if any(sample.source for sample in part) and profile.about.error_folders is None:
        return []  # fewer than three sources: none was left out whole
    own = float(np.median(np.abs(profile.errors)))
    alone = {"error_folders": None, "cut_folders": None}
    by_images = replace(profile, about=profile.about.model_copy(update=alone))
    out = []
    for source, sample in asked:
        said, other = (
            estimate(
                sample.responses, estimator="profile", options=Options(profile=x), resamples=40
            )
            for x in (profile, by_images)
        )
        scale = said.voices["profile"]
        if scale is None:
            continue
        held, held_by_images = (_holds(x.interval, sample.scale) for x in (said, other))
        reasons = said.reason.split("; also, ")
        out.append(
            Told(
                name.removesuffix(", random"),
                "random" in name,
                len(part),
                source,
                float(np.log2(scale / sample.scale)),
                held,
                said.verdict,
                said.verdict == "ok"
                or (said.verdict in ("ambiguous", "edge") and all(map(_chosen_here, reasons))),
                own=own,
                held_by_images=held_by_images,
                half=float(np.log2(said.interval[1] / scale)) if said.interval else None,
            )
        )
    return out


def _holds(interval: tuple[float, float] | None, scale: float) -> bool | None:
    return None if interval is None else bool(interval[0] <= scale <= interval[1])


def _chosen_here(reason: str) -> bool:
    return any(words in reason for words in CHOSEN_HERE)


def main() -> None:
    folder = Path(sys.argv[1])
    with (folder / "profiles.jsonl").open("w") as file:
        for grouped in (False, True):
            for one in profiles_of(folder, grouped):
                file.write(json.dumps(asdict(replace(one, grouped=grouped))) + "\n")
                file.flush()


if __name__ == "__main__":
    main()
