"""A server of S3 that counts, and cassettes that differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

from moto.moto_server import threaded_moto_server
from moto.moto_server.werkzeug_app import MotoRequestHandler

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from tests.lab.s3 import s3

CASSETTES = Path(__file__).parents[3] / "cassettes"
SHIPPED = CASSETTES / "preview-session.cassette"


@dataclass
class Counted:
    """Requests that a server of S3 answered, as `GET /bucket/key`, in order."""

    environ: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def fetched(self) -> list[str]:
        return [line for line in self.requests if line.startswith("GET ")]


@contextmanager
def counted_s3() -> Iterator[Counted]:
    """Run a server of S3 with an empty bucket, and count what it is asked."""
    counted = Counted()

    class Counting(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            counted.requests.append(f"{self.command} {self.path.partition('?')[0]}")

    with patch.object(threaded_moto_server, "MotoRequestHandler", Counting), s3() as environ:
        counted.environ = environ
        counted.requests.clear()
        yield counted


def cassette(path: Path, upstream: str) -> Path:
    """Write the shipped session as that of another server, so that its bytes are others."""
    found = read(SHIPPED)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = [encode_header(replace(found.header, upstream=upstream)), *map(encode, found.records)]
    path.write_bytes(b"".join(content))
    return path
