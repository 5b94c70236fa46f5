"""Cassettes, sealed and not, damaged in ways whose checksums fit: each reader gives an answer or a CassetteError.

An input is a cassette, or else the seed of changes to one of the shipped ones.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from recorder.cassette.frames import unframe
from recorder.errors import CassetteError
from tests.fuzz.fuzz_cassette import corpus, feed, mutate
from tests.fuzz.guarding import Wrong

SECONDS = 10.0  # the whole of a cassette is read four times, and written once


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    if not _begins(data):
        random = Random(data)
        data = mutate(random.choice(_pool()), list(_pool()), random)
    found = feed(data, _folder() / "input")
    if found is not None:
        raise Wrong(found)


def _begins(data: bytes) -> bool:
    try:
        next(unframe(data))
    except (CassetteError, StopIteration):
        return False
    return True


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-cassettes-"))


@cache
def _pool() -> tuple[bytes, ...]:
    return tuple(corpus(_folder()))
