"""Feeds damaged and hostile cassettes to all that reads them; what is neither answer nor CassetteError is a finding.

python -m tests.fuzz --only cassettes --seconds 600 --seed 1
"""

from __future__ import annotations

import hashlib
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import msgpack

from recorder.cassette import codec
from recorder.cassette.blocks import inside
from recorder.cassette.frames import Frame, frame, unframe
from recorder.cassette.reader import open_cassette, parse
from recorder.cassette.repair.recover import recover
from recorder.diagnose.check import Level
from recorder.diagnose.doctor import examine
from recorder.errors import CassetteError
from recorder.library.sealing import seal

ROOT = Path(__file__).parents[2]
HANG = 10  # seconds one input may take
MEMORY = 300 << 20  # bytes this process may need
_ZSTD = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
LARGEST = 1 << 20  # bytes of an input
SHOWN = 12  # records and triples looked at one by one

Target = Callable[[Path], object]

# values that have broken readers before
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 0.5, float("nan"), float("inf"), "", "x",
    "\x00", "/", "/dev/zero", "x" * 70_000, b"", b"\xff", b"\xed\xa0\x80", [], {}, [[]], {"": {}}, [None] * 5000,
    [["Date", "Mon, 20 Nov 99999999999999 10:00:00 GMT"]], [["date", "\ud800".encode("utf-8", "surrogatepass")]],
    [["Date", "Mon, 20 Nov 2020 10:00:00 +999999999999999"]], [["authorization", ""]], [["Cookie", "=;=;;"]],
    '[{"channel":"/meta/handshake","successful":true,"clientId":"x","advice":{"timeout":1e999}}]',
    '[{"channel":"/x","data":' + "[" * 900 + "]" * 900 + "}]", "[" * 100_000, '{"a":' * 5000,
    '{"referenceId":"\\ud800"}',
    '[{"channel":"/v2/me/outbound","data":{"referenceId":"\\udfff","record":[]}}]', "eyJ" * 20_000, "://a:" * 9999,
    "1" * 5000, "message=" * 5000, "/**/" + " (" * 9999,
)  # fmt: skip


class Finding(Exception):
    """Something a reader must not do."""


def look_up(path: Path) -> None:
    """All a sealed cassette can be asked, for its first records and triples."""
    with open_cassette(path) as sealed:
        sealed.find("operation", "GetChainedRecord")
        for seq in range(min(sealed.count, SHOWN)):
            sealed.record(seq)
        for n in range(1, min(sealed.stored, SHOWN) + 1):
            for name, value in sealed.row(n).index_keys():
                sealed.find(name, value)
        sealed.verify()


def rescue(path: Path) -> None:
    """What was recovered is sound."""
    target = path.with_name("recovered")
    recover(path, target, force=True)
    unsound = [finding for finding in examine(target) if finding.level is Level.DAMAGE]
    if unsound:
        raise Finding(f"what was recovered is damaged: {unsound[0]}")


TARGETS: tuple[Target, ...] = (lambda path: parse(path.read_bytes()), look_up, examine, rescue)


def feed(data: bytes, path: Path) -> str | None:
    """Give an input to all targets; the traceback of what went wrong, None if nothing did."""
    path.write_bytes(data)
    most = max(MEMORY, peak())  # a process that needed more before, for something else, may need it again
    for target in TARGETS:
        try:
            with _alarm():
                target(path)
        except CassetteError:
            continue
        except Exception:  # noqa: BLE001  # that is what is looked for
            return traceback.format_exc()
        if peak() > most:
            return f"needed {peak() >> 20} MB"
    return None


def peak() -> int:
    """Bytes this process needed at most; not by getrusage, which counts what the parent had before the exec."""
    return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) << 10


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, stack: object) -> None:
        raise Finding(f"takes longer than {HANG} seconds")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, HANG)  # of this process: others may keep the machine busy
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def corpus(folder: Path) -> list[bytes]:
    """The shipped cassettes as they are, sealed and archived; and the test vectors."""
    found = sorted((ROOT / "tests" / "vectors").rglob("*.cassette"))
    for shipped in sorted((ROOT / "cassettes").glob("*.cassette")):
        for archive in (False, True):
            target = folder / f"{shipped.stem}-{archive}"
            seal(shipped, target, archive=archive)
            found.append(target)
        found.append(shipped)
    return [path.read_bytes() for path in found]


# Mutations


def mutate(data: bytes, others: list[bytes], random: Random) -> bytes:
    """A few changes, of bytes or of whole frames whose checksums fit again."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        change = random.choice(_CHANGES)
        data = change(data, others, random)[:LARGEST]
    return data


def _flip(data: bytes, others: list[bytes], random: Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 16))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(data: bytes, others: list[bytes], random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(data: bytes, others: list[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.choice((1, 2, 12, 100)) :]


def _insert(data: bytes, others: list[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    added = random.choice((random.randbytes(20), b"\x94\x02\xce", b"\x94\x02\xce\x00\x00\x00\x00" * 9, b"\x00" * 99))
    return data[:at] + added + data[at:]


def _splice(data: bytes, others: list[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _reframe(data: bytes, others: list[bytes], random: Random) -> bytes:
    """Change frames and make all checksums fit."""
    try:
        found = list(unframe(data))
    except CassetteError:
        return data
    if not found:
        return data
    at = random.randrange(len(found))
    match random.randrange(8):
        case 0:
            del found[at]
        case 1:
            found.insert(random.randrange(len(found) + 1), found[at])
        case 2:
            found[at] = Frame(0, random.choice((1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20, 63, 64, 65, 127)), found[at].body)
        case 3 if random.random() < 0.2:
            found = [*found[:1], Frame(0, codec.BLOCK, _block(found[1:-1])), *found[-1:]]
        case 4:
            found = _unpacked(found)
        case 5:
            found[at] = Frame(0, found[at].kind, _flip(found[at].body, others, random))
        case _:
            found[at] = Frame(0, found[at].kind, _changed_body(found[at].body, random))
    return b"".join(_ended(found, random))


def _block(found: list[Frame]) -> bytes:
    raw = b"".join(frame(one.kind, one.body) for one in found)
    (block,) = unframe(codec.encode_value(codec.BLOCK, [len(raw), bytes(_ZSTD.compress(raw))]))
    return block.body


def _unpacked(found: list[Frame]) -> list[Frame]:
    """Frames of blocks as frames of their own."""
    frames: list[Frame] = []
    for one in found:
        try:
            frames += inside(one, path="")
        except CassetteError:
            frames.append(one)
    return frames


def _changed_body(body: bytes, random: Random) -> bytes:
    try:
        value = msgpack.unpackb(body, strict_map_key=False)
        return bytes(msgpack.packb(_changed(value, random)))[:LARGEST]
    except (ValueError, TypeError, OverflowError, msgpack.exceptions.UnpackException):
        return body  # no value, or one that Python has no shape for: a map as the key of a map


def _changed(value: Any, random: Random) -> Any:
    """A value with one of the values in it replaced."""
    if random.random() < 0.25 or not value or not isinstance(value, dict | list):
        return (
            random.choice(HOSTILE) if random.random() < 0.8 else [value] * random.choice((1, 3, 3 if value else 5000))
        )
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    key = random.choice(list(value))
    return value | {key: _changed(value[key], random)}


def _ended(found: list[Frame], random: Random) -> Iterator[bytes]:
    """Frames as bytes, with the checksum of the end, and mostly the place of the contents, put right."""
    digest, offset, contents = hashlib.sha256(), 0, 0
    for one in found:
        body = one.body
        if one.kind == codec.CONTENTS:
            contents = offset
        if one.kind == codec.END and len(body) == 42:
            place = contents if random.random() < 0.95 else random.choice((1, 7, offset, 2**40, 2**63, 2**64 - 1))
            body = body[:2] + place.to_bytes(8, "big") + digest.digest()
        written = frame(one.kind, body)
        digest.update(written)
        offset += len(written)
        yield written


_CHANGES = (_flip, _cut, _remove, _insert, _splice, _reframe, _reframe, _reframe, _reframe, _reframe)


def with_checksums(found: list[Frame]) -> bytes:
    """Frames as a file whose end fits."""
    return b"".join(_ended(found, Random(0)))
