"""Finish a closed cassette: remove hosts without an API, and seal it.

Both write a new file that takes the place of the closed one, and may take a while. Ctrl-C, SIGTERM or SIGHUP leaves the
closed cassette as it is, whole.
"""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ...cassette.reader import open_cassette
from ...errors import RecorderError
from ...fleet.store.keeping import Working
from ...library.sealing import seal
from ...system.signals import ENDS, HANGUP
from ..saying import progress, say

_SILENCE = 1.0  # seconds, after which the user is told what takes so long


class Finishing:
    """The steps after a recording. A signal ends the running step, and no step follows."""

    def __init__(self, path: Path, *, is_left: bool, hangs_up: bool = True) -> None:
        """Begin with a closed cassette.

        Args:
            path: The cassette.
            is_left: Whether a second signal came already, so that `seal` leaves the cassette as it is.
            hangs_up: SIGHUP leaves the cassette as it is, too.

        """
        self._path, self._is_left = path, is_left
        self._signals = tuple(number for number in ENDS if number != signal.SIGINT and (hangs_up or number != HANGUP))

    def sift(self, hosts: Callable[[], Iterable[str]]) -> None:
        """Remove the hosts without an API.

        Args:
            hosts: Removes the hosts, and returns lines for the user.

        """
        with self._leavable("removes hosts without an API; Ctrl-C leaves them in"):
            try:
                for text in hosts():
                    say(f"{self._path}: {text}")
            except KeyboardInterrupt:
                self._is_left = True
                say(f"{self._path}: interrupted: the hosts without an API are still in it")

    def seal(self) -> int:
        """Seal the cassette; return 0, or the exit code of the error that left it a journal."""
        way = f"recorder seal {shlex.quote(str(self._path))} seals it"
        if self._is_left:
            say(f"{self._path}: is not sealed; {way}")
            return 0
        before = self._path.stat().st_size
        with self._leavable("is being sealed; Ctrl-C leaves it as it is"):
            try:
                with progress(f"{self._path}: seals") as shown:
                    seal(self._path, self._path, watch=shown.feed if shown else None)
            except KeyboardInterrupt:
                if not self._is_sealed():  # a signal may come after the last step
                    say(f"{self._path}: interrupted: is whole, but not sealed; {way}")
                    return 0
            except RecorderError as exc:
                say(f"{exc}; the recording is whole, but not sealed; {way}")
                return exc.exit_code
        say(f"{self._path}: sealed, {before} bytes before, {self._path.stat().st_size} now")
        return 0

    def put(self, working: Working) -> int:
        """Put the cassette at its URL; return 0, or the exit code of the error that left it here."""
        with self._leavable(f"is put at {working.target}; Ctrl-C leaves it here"):
            try:
                for there in working.put():
                    say(f"{there}: is there, whole")
            except KeyboardInterrupt:
                say(f"{working.target}: interrupted: {working.kept()}")
                return 130
            except RecorderError as exc:
                say(str(exc))
                return exc.exit_code
        return 0

    def _is_sealed(self) -> bool:
        with open_cassette(self._path) as cassette:
            return cassette.is_sealed

    @contextmanager
    def _leavable(self, told: str) -> Iterator[None]:
        """Raise KeyboardInterrupt on each signal in the block; tell the user what the block does if it takes long."""
        heard = [number for number in self._signals if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, _interrupted) for number in heard}
        waiting = threading.Timer(_SILENCE, say, [f"{self._path}: {told}"])
        waiting.start()
        try:
            yield
        finally:
            waiting.cancel()
            for number, handler in before.items():
                signal.signal(number, handler)


def _interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # a handler's signature
    raise KeyboardInterrupt
