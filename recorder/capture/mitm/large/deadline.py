"""End in time in a process whose end is another's, as that of mitmdump."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def hurried(hurry: Callable[[], None] | None, seconds: float = 1.0) -> Iterator[None]:
    """Call `hurry`, if given, by a signal's handler once the block takes longer than some seconds; it may raise there.

    Only the main thread gets signals, and not all systems have timers: elsewhere the block takes its time.
    """
    if hurry is None or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, lambda *_: hurry())
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
