"""Open the files of other tools: plain, compressed, or in a ZIP with the bodies beside the archive.

The content decides, not the suffix: Playwright writes `.har.zip`, users send `.har.gz`, and mitmproxy's `.zhar` is a
zlib stream.
"""

from __future__ import annotations

import codecs
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ..errors import CassetteError
from ..files import open_regular

LARGEST_BODY = 48 << 20  # bytes of one body; it is in memory several times while it is read
_PIECE = 1 << 18
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_BROKEN = (
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    struct.error,
    EOFError,
)  # what unpacking raises beside OSError
_LAYERS = 3  # of compression around an archive; more is an attack
_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Container:
    """A file of another tool; it can be read from its beginning several times.

    Attributes:
        path: The name of the file, for errors.
    """

    def __init__(self, path: str, opened: Callable[[], IO[bytes]], folder: Path | None = None) -> None:
        """Keep how the file is opened.

        Args:
            path: The name of the file, for errors.
            opened: Opens the file anew, at its beginning.
            folder: The folder whose files may hold bodies of the archive; None for data in memory.
        """
        self.path = path
        self._opened = opened
        self._folder = folder

    @classmethod
    def of(cls, path: Path) -> Container:
        """Return the container of a file on disk."""
        return cls(str(path), lambda: open_regular(path), path.absolute().parent)

    @classmethod
    def of_bytes(cls, data: bytes, path: str) -> Container:
        """Return the container of a file in memory."""
        return cls(path, lambda: io.BytesIO(data))

    @contextmanager
    def reading(self) -> Iterator[io.BufferedReader[Any]]:
        """Open the content for reading, decompressed.

        Raises:
            CassetteError: If the file cannot be opened or decompressed.
        """
        try:
            with self._opened() as file:
                yield self._unwrapped(file)
        except (OSError, *_BROKEN) as exc:
            raise CassetteError(self.path, f"cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc

    def attached(self, name: str) -> bytes | None:
        """Return the content of a file beside the archive, at most `LARGEST_BODY`; None if there is no such file.

        A name with a folder is refused: an archive must not choose which files of the machine are read.
        """
        if not name or name in (".", "..") or PurePosixPath(name).name != name or "\\" in name or "\0" in name:
            return None
        try:
            with self._opened() as file:
                if file.read(4) == _ZIP:
                    with zipfile.ZipFile(file) as zipped:
                        beside = PurePosixPath(self._member(zipped)).parent / name
                        with zipped.open(str(beside)) as found:
                            return _bounded(found)
            if self._folder is None or (self._folder / name).is_symlink():
                return None
            with open_regular(self._folder / name) as found:
                return _bounded(found)
        except (OSError, ValueError, KeyError, RuntimeError, *_BROKEN):
            return None  # ValueError: a name that no file can have

    def _unwrapped(self, file: IO[bytes]) -> io.BufferedReader[Any]:
        stream: io.BufferedReader[Any] = io.BufferedReader(_Readable(file), _PIECE)
        for _ in range(_LAYERS):
            start = stream.peek(4)[:4]
            if start == _ZIP:
                whole = stream if stream.seekable() else io.BytesIO(_bounded(stream) or b"")
                try:
                    zipped = zipfile.ZipFile(whole)
                    member = zipped.open(self._member(zipped))
                except (RuntimeError, ValueError) as exc:  # encrypted, of a version that zipfile lacks, or damaged
                    raise CassetteError(self.path, f"cannot be read: {exc}") from exc
                stream = io.BufferedReader(_Readable(member), _PIECE)
            elif start[:2] == _GZIP:
                stream = io.BufferedReader(_Inflated(stream, zlib.MAX_WBITS | 16), _PIECE)
            elif len(start) > 1 and start[0] == 0x78 and int.from_bytes(start[:2], "big") % 31 == 0:  # RFC 1950
                stream = io.BufferedReader(_Inflated(stream, zlib.MAX_WBITS), _PIECE)
            else:
                return stream
        return stream

    def _member(self, zipped: zipfile.ZipFile) -> str:
        """Return the name of the one archive in a ZIP."""
        names = [name for name in zipped.namelist() if name.lower().endswith((".har", ".har.gz", ".zhar", ".flows"))]
        names = [name for name in names if not PurePosixPath(name).name.startswith("._")]  # what macOS adds to files
        names = [name for name in names if PurePosixPath(name).name == "har.har"] or names  # the name in Playwright's
        if len(names) != 1:
            problem = "holds no HAR" if not names else f"holds {len(names)} archives; unpack it and import one"
            raise CassetteError(self.path, problem)
        return names[0]


def as_utf_8(stream: io.BufferedReader[Any]) -> IO[bytes]:
    """Return a stream of text as UTF-8 without a byte order mark, also of a file in UTF-16."""
    start = stream.peek(4)[:4]
    if start.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    wide = next((name for mark, name in _UTF_16 if start.startswith(mark)), "")
    if wide:
        stream.read(2)
    elif len(start) > 1 and 0 in start[:2] and ord("{") in start[:2]:
        wide = "utf-16-be" if start[0] == 0 else "utf-16-le"
    return io.BufferedReader(_Recoded(stream, wide), _PIECE) if wide else stream


def _bounded(file: IO[bytes] | io.BufferedReader[Any]) -> bytes | None:
    found = file.read(LARGEST_BODY + 1)
    return None if len(found) > LARGEST_BODY else found


class _Readable(io.RawIOBase):
    """The raw form of any binary file, which BufferedReader needs for `peek`."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


class _Inflated(io.RawIOBase):
    """The decompressed content of a gzip or zlib stream; a stream that is cut off ends early."""

    def __init__(self, file: io.BufferedReader[Any], bits: int) -> None:
        self._file, self._bits = file, bits
        self._stage = zlib.decompressobj(bits)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._stage.eof:  # gzip files may have several members (RFC 1952, section 2.2)
                self._rest = (self._stage.unused_data or self._file.read(_PIECE)).lstrip(b"\0")
                if self._bits == zlib.MAX_WBITS or not self._rest.startswith(_GZIP):
                    return 0
                self._stage = zlib.decompressobj(self._bits)
            data = self._rest or self._file.read(_PIECE)
            found = self._stage.decompress(data, len(buffer))
            self._rest = self._stage.unconsumed_tail
            if found or not (data or self._stage.eof):
                buffer[: len(found)] = found
                return len(found)


class _Recoded(io.RawIOBase):
    """A text in another encoding as UTF-8."""

    def __init__(self, file: io.BufferedReader[Any], codec: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(codec)("surrogatepass")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            data = self._file.read(_PIECE)
            try:
                text = self._decoder.decode(data)
            except UnicodeDecodeError as exc:
                raise EOFError("it is no UTF-16") from exc
            self._left = text.encode("utf-8", "surrogatepass")
            if not data:
                break
        found, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(found)] = found
        return len(found)
