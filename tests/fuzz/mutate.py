"""Makes one damaged input out of good ones; the same number always gives the same input."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence

Way = Callable[[random.Random, bytearray, Sequence[bytes]], bytearray]
LARGE = [0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1 << 24, (1 << 31) - 1]
LARGE += [1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]
PROGRAMS = (".json", ".py", ".pkl")
"""Endings of what matters in an archive of a network, beside many more files of numbers."""
WORDS = [
    *("null", "true", "-1", "0", "1e400", "1e308", "-1e-320", "NaN", "Infinity", "9" * 400, '""'),
    *("[]", "{}", "[[[[[[", "[" * 3000, '{"a":' * 2000, '"\\ud800"', '"\\u0000"', "\x1b[2J", "\n"),
    *('"x"', ",", ":", "\ufeff", "\u202e", "0x10", "1_000", "1,5", "=1+1", "<script>", "\0", "é"),
]


def damaged(seeds: Sequence[bytes], number: int, name: str, *, text: bool) -> bytes:
    """Input ``number`` of a target: one of its seeds, damaged one to eight times."""
    rng = random.Random(f"{name} {number}")
    data = rng.choice(seeds)
    if data.startswith(b"PK") and rng.random() < 0.7:
        return _within(rng, data)
    return _damage(rng, data, seeds, TEXT if text else BINARY)


def _damage(rng: random.Random, data: bytes, seeds: Sequence[bytes], ways: Sequence[Way]) -> bytes:
    found = bytearray(data)
    for _ in range(1 + int(rng.expovariate(1.2)) % 8):
        found = rng.choice(ways)(rng, found, seeds)
    return bytes(found[: 1 << 24])


def _within(rng: random.Random, data: bytes) -> bytes:
    """A zip with one damaged part and right checksums, so that its reader comes to the part."""
    file = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
            names = old.namelist()
            programs = [name for name in names if name.endswith(PROGRAMS)]
            chosen = rng.choice(programs if programs and rng.random() < 0.8 else names)
            for name in names:
                part = old.read(name)
                if name == chosen:
                    is_text = part[:1] in (b"{", b"[") or name.endswith(".py")
                    ways = TEXT if is_text and rng.random() < 0.8 else BINARY
                    part = _damage(rng, part, [part], ways)
                new.writestr(name, part)
    except Exception:  # a corpus holds zips that are no zips
        return _damage(rng, data, [data], BINARY)
    return file.getvalue()


def _place(rng: random.Random, data: bytearray) -> int:
    """Anywhere, but more often near an end, where formats keep their structure."""
    where = rng.random()
    if where < 0.35:
        return min(int(rng.expovariate(1 / 120)), max(0, len(data) - 1))
    if where < 0.6:
        return max(0, len(data) - 1 - int(rng.expovariate(1 / 300)))
    return rng.randrange(max(1, len(data)))


def _bit(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    if data:
        data[_place(rng, data)] ^= 1 << rng.randrange(8)
    return data


def _byte(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    if data:
        data[_place(rng, data)] = rng.randrange(256)
    return data


def _integer(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    size = rng.choice((2, 4, 4, 8))
    value = rng.choice(LARGE) if rng.random() < 0.7 else rng.randrange(1 << (8 * size))
    at = _place(rng, data)
    raw = (value % (1 << (8 * size))).to_bytes(size, rng.choice(("little", "big")))
    data[at : at + size] = raw
    return data


def _nudge(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    """A number that is there, a little larger or smaller."""
    at, size = _place(rng, data), rng.choice((1, 2, 4))
    raw = bytes(data[at : at + size])
    value = (int.from_bytes(raw, "little") + rng.randint(-9, 9)) % (1 << (8 * len(raw) or 8))
    data[at : at + size] = value.to_bytes(len(raw), "little") if raw else b""
    return data


def _cut(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    if rng.random() < 0.15:
        return data[: rng.randrange(len(data) + 1)]
    at = _place(rng, data)
    del data[at : at + int(rng.expovariate(1 / 40)) + 1]
    return data


def _twice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    at, length = _place(rng, data), int(rng.expovariate(1 / 60)) + 1
    return data[:at] + data[at : at + length] * rng.choice((1, 2, 50)) + data[at:]


def _zeros(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    at, length = _place(rng, data), int(rng.expovariate(1 / 60)) + 1
    fill = rng.choice((0, 255))
    data[at : at + length] = bytes([fill]) * len(data[at : at + length])
    return data


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    other = rng.choice(seeds)
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[rng.randrange(len(other) + 1) :]


def _word(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    """A value of JSON, CSV or plain text replaced by another."""
    found = list(re.finditer(rb'"[^"]*"|[-+.\w]+|[\[\]{},:;\n]', bytes(data)))
    word = rng.choice(WORDS).encode("utf-8", "surrogatepass")
    if not found:
        return data + word
    old = rng.choice(found)
    data[old.start() : old.end()] = word if rng.random() < 0.8 else b""
    return data


def _number(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> bytearray:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data)))
    if not found:
        return data
    old = rng.choice(found)
    value = rng.choice(LARGE) * rng.choice((1, 1, -1))
    data[old.start() : old.end()] = str(value).encode()
    return data


BINARY = [_bit, _bit, _byte, _integer, _integer, _integer, _nudge, _cut, _twice, _zeros, _splice]
TEXT = [_word, _word, _number, _number, _number, _byte, _cut, _twice]
