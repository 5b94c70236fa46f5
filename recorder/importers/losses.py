"""Count what an import leaves out, and what it had to guess, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum

from ..errors import CassetteError
from ..printable import Count


class Loss(Enum):
    """The reasons for which a part of a file is not in the cassette; `value` is the name for programs."""

    OTHER_SERVER = "other-server"
    NO_OBJECT = "no-object"
    NO_JSON = "no-json"
    TOO_LARGE = "too-large"
    NO_REQUEST = "no-request"
    NO_URL = "no-url"
    NO_METHOD = "no-method"
    NOT_HTTP = "not-http"
    TUNNEL = "tunnel"
    WORKER_COPY = "service-worker-copy"
    BAD_MESSAGE = "bad-socket-message"
    NO_MESSAGES = "no-socket-messages"
    CONTROL_FRAME = "control-frame"
    NO_HTTP_FLOW = "no-http-flow"
    BAD_FLOW = "bad-flow"
    SAVED_TWICE = "saved-twice"
    REST_OF_FILE = "rest-of-file"
    NO_BODY = "no-body"
    BAD_BODY = "bad-body"
    NO_FILE = "no-body-file"
    LARGE_BODY = "large-body"


class Guess(Enum):
    """The reasons for which a time in the cassette is not that of the file; `value` is the name for programs."""

    NO_START = "no-start"
    EQUAL_STARTS = "equal-starts"
    NO_END = "no-end"
    FROM_TIMINGS = "from-timings"
    NO_MESSAGE_TIME = "no-message-time"
    SECONDS = "time-in-seconds"
    MICROSECONDS = "time-in-microseconds"
    NO_ZONE = "no-zone"
    BEFORE_CAUSE = "before-cause"


_LEFT_OUT = {
    Loss.OTHER_SERVER: "{count:exchange with another server|exchanges with other servers}",
    Loss.NO_OBJECT: "{count:entry that is no object|entries that are no objects}",
    Loss.NO_JSON: "{count:entry that is no JSON|entries that are no JSON}",
    Loss.TOO_LARGE: "{count:entry|entries} larger than 32 MiB",
    Loss.NO_REQUEST: "{count:entry without a request|entries without a request}",
    Loss.NO_URL: "{count:entry without a valid URL|entries without a valid URL}",
    Loss.NO_METHOD: "{count:entry without a method|entries without a method}",
    Loss.NOT_HTTP: "{count:entry|entries} that no server was asked for (data:, blob:, chrome-extension: …)",
    Loss.TUNNEL: "{count:tunnel (CONNECT)|tunnels (CONNECT)}",
    Loss.WORKER_COPY: "{count:copy|copies} of requests that a service worker sent",
    Loss.BAD_MESSAGE: "{count:WebSocket message that cannot be read|WebSocket messages that cannot be read}",
    Loss.CONTROL_FRAME: "{count:ping or pong of a WebSocket|pings and pongs of WebSockets}",
    Loss.NO_HTTP_FLOW: "{count:flow that is not HTTP|flows that are not HTTP}",
    Loss.BAD_FLOW: "{count:damaged flow|damaged flows}",
    Loss.SAVED_TWICE: "{count:earlier state|earlier states} of flows that were saved twice",
}
_BODIES = {
    Loss.NO_MESSAGES: "missing in the {file}: the messages of {count:WebSocket|WebSockets}",
    Loss.NO_BODY: "missing in the {file}: {count:body|bodies}",
    Loss.BAD_BODY: "not readable in the {file}: {count:body|bodies} (no Base64, or an unknown encoding)",
    Loss.NO_FILE: "missing beside the {file}: the files of {count:body|bodies}",
    Loss.LARGE_BODY: "larger than 48 MiB: {count:body|bodies}",
}
_GUESSED = {
    Guess.NO_START: "{count:request has|requests have} no valid time: the order is that of the file",
    Guess.EQUAL_STARTS: "{count:request has|requests have} the time of another one: the order is that of the file, and "
    "the time of their answers is not known",
    Guess.NO_END: "{count:answer has|answers have} no time: a poll was answered before the next poll, any other "
    "request at once",
    Guess.FROM_TIMINGS: "{count:answer has|answers have} no time but that of the parts in timings: their sum is taken",
    Guess.NO_MESSAGE_TIME: "{count:WebSocket message has|WebSocket messages have} no time: each follows the last",
    Guess.SECONDS: "the time of {count:answer|answers} was taken as seconds, not milliseconds, by the polls",
    Guess.MICROSECONDS: "the time of {count:answer|answers} was taken as microseconds, not milliseconds, by the polls",
    Guess.NO_ZONE: "{count:time has|times have} no zone: the zone of the other times is taken, or UTC",
    Guess.BEFORE_CAUSE: "{count:answer or message has|answers and messages have} a time before that of the request "
    "that caused their events: they were put after its answer",
}


HOPELESS = 50_000  # entries or flows of a file none of which can be used, after which it is read no further


class Losses:
    """Counters of an import, by reason.

    Attributes:
        file: What the imported file is, for texts: `HAR` or `flow file`.
        damage: Where and why reading ended before the end of the file; "" if it did not.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.damage = ""
        self._lost: Counter[Loss] = Counter()
        self._guessed: Counter[Guess] = Counter()
        self._first: dict[Loss, str] = {}  # what was wrong with the first part that was left out for a reason

    def lose(self, reason: Loss, count: int = 1, problem: str = "") -> None:
        """Count parts of the file that are not taken; `problem` says more than the reason."""
        self._lost[reason] += count
        if problem:
            self._first.setdefault(reason, problem)

    def give_up(self, read: int, path: str) -> None:
        """Refuse a file of which so many entries or flows were read, and none could be used.

        Raises:
            CassetteError: If these are too many: such a file is of another kind, whatever follows.
        """
        if read >= HOPELESS:
            problem = f"is no {self.file}, or is damaged: none of its first {read} parts is an exchange"
            raise CassetteError(path, problem, hint="; ".join(self.lost_texts()))

    def guess(self, reason: Guess, count: int = 1) -> None:
        """Count times that are not those of the file."""
        self._guessed[reason] += count

    def stop(self, after: int, problem: str) -> None:
        """Note that nothing was read after the entry or flow number `after`."""
        self.damage = f"all after number {after}: {problem}"
        self._lost[Loss.REST_OF_FILE] = 1

    @property
    def left_out(self) -> dict[str, int]:
        """The counts of what was left out, by name."""
        return {reason.value: self._lost[reason] for reason in Loss if self._lost[reason]}

    @property
    def guessed(self) -> dict[str, int]:
        """The counts of guessed times, by name."""
        return {reason.value: self._guessed[reason] for reason in Guess if self._guessed[reason]}

    def lost_texts(self) -> Iterator[str]:
        """Yield a line for each reason for which something was left out."""
        for reason, text in _LEFT_OUT.items():
            if count := self._lost[reason]:
                first = self._first.get(reason)
                yield f"left out: {text.format(count=Count(count))}" + (f" (the first: {first})" if first else "")
        for reason, text in _BODIES.items():
            if count := self._lost[reason]:
                yield text.format(count=Count(count), file=self.file)
        if self.damage:
            yield f"left out: {self.damage}"

    def guessed_texts(self) -> Iterator[str]:
        """Yield a line for each reason for which times were guessed."""
        for reason, text in _GUESSED.items():
            if count := self._guessed[reason]:
                yield f"times of the {self.file}: {text.format(count=Count(count))}"
