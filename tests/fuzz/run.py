"""``make fuzz``: damaged inputs for as long as one likes; can be stopped and continued.

    python tests/fuzz/run.py --cases 100000 --out fuzz [--targets tiff,rows]

Cases run in child processes with limits of memory and time. DIR/corpus keeps inputs that ended in a
new way, from which later cases are made too; DIR/found the smallest input of every fault; and
DIR/counts.json how many cases each target has had and how they ended.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from mutate import damaged  # noqa: E402
from targets import Target, all_targets  # noqa: E402

MOST_SECONDS = 90.0
"""A case that takes longer on the clock is ended and counted as a hang."""

MOST_KEPT = 200
"""Inputs of a target's corpus."""


class Child:
    """A process that runs cases, started again after it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def run(self, target: str, path: Path) -> dict[str, Any]:
        """How a case ended; a death is an ending too."""
        if self._process is None:
            command = [sys.executable, str(HERE / "child.py")]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._rest = b""
        assert self._process.stdin is not None
        self._process.stdin.write(
            (json.dumps({"target": target, "path": str(path)}) + "\n").encode()
        )
        self._process.stdin.flush()
        first = self._line()
        second = self._line() if first else None
        if first and second:
            return dict(json.loads(second))
        may_die = bool(first and json.loads(first)["may_die"])
        return self._death(target, may_die)

    def _line(self) -> bytes | None:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not waiting.select(MOST_SECONDS):
                    return None
                more = os.read(self._process.stdout.fileno(), 1 << 16)
                if not more:
                    return None
                self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _death(self, target: str, may_die: bool) -> dict[str, Any]:
        assert self._process is not None
        try:
            code = self._process.wait(1)
            how = f"exit code {code}"
        except subprocess.TimeoutExpired:
            how = f"no answer in {MOST_SECONDS:g} s"
        self.close()
        kind = "held off" if may_die else "death"
        return {"kind": kind, "signature": f"{target} {kind}: {how}", "cpu_s": 0.0, "mib": 0.0}

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._process = None


class Store:
    """What is kept between runs."""

    def __init__(self, out: Path) -> None:
        self.out, self._file = out, out / "counts.json"
        self.counts: dict[str, dict[str, Any]] = {}
        if self._file.exists():
            self.counts = json.loads(self._file.read_text())

    def of(self, target: str) -> dict[str, Any]:
        blank = {"cases": 0, "ended": {}, "most_cpu_s": 0.0, "most_mib": 0.0, "signatures": []}
        return self.counts.setdefault(target, blank)

    def corpus(self, target: Target) -> list[bytes]:
        folder = self.out / "corpus" / target.name
        return [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []

    def keep(self, target: Target, data: bytes, ending: dict[str, Any]) -> bool:
        """Count a case; True if its input is new to the corpus."""
        counts = self.of(target.name)
        counts["cases"] += 1
        ended = Counter(counts["ended"])
        ended[ending["kind"]] += 1
        counts["ended"] = dict(ended)
        counts["most_cpu_s"] = max(counts["most_cpu_s"], round(ending["cpu_s"], 2))
        counts["most_mib"] = max(counts["most_mib"], round(ending["mib"], 1))
        if ending["kind"] not in ("read", "refused"):
            self._keep_fault(target, data, ending["signature"])
        is_new = ending["signature"] not in counts["signatures"]
        if is_new and len(counts["signatures"]) < MOST_KEPT and ending["kind"] != "death":
            counts["signatures"].append(ending["signature"])
            name = hashlib.sha256(data).hexdigest()[:16]
            _write(self.out / "corpus" / target.name / name, data)
            return True
        return False

    def _keep_fault(self, target: Target, data: bytes, signature: str) -> None:
        name = hashlib.sha256(signature.encode()).hexdigest()[:12]
        folder = self.out / "found" / f"{target.name}-{name}"
        smallest = folder / f"smallest{target.ending}"
        if not smallest.exists() or len(data) < smallest.stat().st_size:
            _write(smallest, data)
            _write(folder / "signature.txt", f"{signature}\n".encode())

    def save(self) -> None:
        part = self._file.with_suffix(".part")
        _write(part, (json.dumps(self.counts, indent=1) + "\n").encode())
        part.replace(self._file)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def fuzz(store: Store, targets: dict[str, Target], cases: int, share: int = 200) -> None:
    """Run cases, a share of each target in turn, until there are so many in all."""
    child = Child()
    good = {name: target.seeds() for name, target in targets.items()}
    seeds = {name: with_corpus(good[name], store.corpus(x)) for name, x in targets.items()}
    with tempfile.TemporaryDirectory() as folder:
        try:
            while (left := cases - sum(store.of(name)["cases"] for name in targets)) > 0:
                for name, target in targets.items():
                    for _ in range(max(1, min(share, left) // target.cost)):
                        number = store.of(name)["cases"]
                        data = damaged(seeds[name], number, name, text=target.text)
                        path = Path(folder) / f"case{target.ending}"
                        path.write_bytes(data)
                        if store.keep(target, data, child.run(name, path)):
                            seeds[name].append(data)
                    seeds[name] = with_corpus(good[name], store.corpus(target))
                    store.save()
                total = sum(store.of(name)["cases"] for name in targets)
                print(f"{total} of {cases} cases, {len(faults(store))} kinds of fault", flush=True)
        finally:
            store.save()
            child.close()


def with_corpus(good: list[bytes], corpus: list[bytes]) -> list[bytes]:
    """Inputs to damage: about as many good ones as damaged ones, most of which are refused."""
    return good * max(1, len(corpus) // len(good)) + corpus


def faults(store: Store) -> list[str]:
    """Signatures of what went wrong."""
    found = sorted((store.out / "found").glob("*/signature.txt"))
    return [path.read_text().strip() for path in found]


def table(stores: list[Store]) -> str:
    """The counts as Markdown, for docs/reliability.md."""
    lines = ["| target | cases | read | refused | held off | faults | most CPU, s | most MiB |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for store in stores:
        for name, counts in store.counts.items():
            ended = Counter(counts["ended"])
            fine = [ended.pop(kind, 0) for kind in ("read", "refused", "held off")]
            cells = [name, counts["cases"], *fine, sum(ended.values())]
            cells += [counts["most_cpu_s"], counts["most_mib"]]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    total = sum(counts["cases"] for store in stores for counts in store.counts.values())
    return "\n".join([*lines, "", f"{total} cases in all."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz every reader and parser of wsi-scale.")
    parser.add_argument("--cases", type=int, default=100_000, help="cases in all, earlier ones too")
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--targets", default="", help="names with commas between; default: all")
    parser.add_argument("--table", nargs="+", type=Path, help="only print the counts of folders")
    given = parser.parse_args()
    if given.table:
        print(table([Store(folder) for folder in given.table]))
        return
    targets = all_targets()
    names = [name for name in given.targets.split(",") if name] or list(targets)
    store = Store(given.out)
    try:
        fuzz(store, {name: targets[name] for name in names}, given.cases)
    except KeyboardInterrupt:
        print("stopped; run it again to continue")
    for sentence in faults(store):
        print(sentence)
    sys.exit(1 if any("held off" not in x for x in faults(store)) else 0)


if __name__ == "__main__":
    main()
