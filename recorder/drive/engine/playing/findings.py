"""Word the findings of a drive, and what it waits for.

A text names recorded things by their numbers and names. It never holds a value: live values may be secrets.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....model import Event
from ....printable import counted
from ..plan import Act, Answer, Cause, Finding, Found, Odd, Plan, Source, Step, Told, Why
from ..reading import shown
from .pairing import Surplus
from .resolving import Lacking


class Words:
    """Sentences about the steps of a plan and what its server told."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._title = {step.n: step.title for step in reversed(plan.steps) if step.n}
        self._namesakes: dict[tuple[int, str], list[int]] = {}  # told numbers of events of one name in one triple
        for told in plan.told:
            if told.event is not None and told.n:
                self._namesakes.setdefault((told.n, told.name), []).append(told.number)

    def step(self, step: Step) -> str:
        """Return a step in words, e.g. `step 7 GetChainedRecord`."""
        return f"step {step.number} {step.title}"

    def told(self, told: Told) -> str:
        """Return something that was told in words, e.g. `event PreviewRecord of triple 3`."""
        if told.event is None:
            return f"the answer to {self.step(self._plan.steps[told.step])}" if told.step is not None else "the answer"
        name = f"event {told.name or told.event.channel}"
        if told.n:
            alike = self._namesakes[told.n, told.name]
            which = f" ({alike.index(told.number) + 1} of {len(alike)})" if len(alike) > 1 else ""
            return f"{name}{which} of triple {told.n}"
        return name if told.step is None else f"{name} after {self.step(self._plan.steps[told.step])}"

    def where(self, step: Step) -> str:
        """Return the place of a step in words, e.g. `triple 3 GetChainedRecord`."""
        return f"triple {step.n} {step.title}" if step.n else self.step(step)

    def where_told(self, told: Told) -> str:
        """Return the place of something that was told, e.g. `triple 3 GetChainedRecord, event ChainedRecord`."""
        what = f"event {told.name or told.event.channel}" if told.event is not None else "answer"
        if told.n:
            return f"triple {told.n} {self._title.get(told.n, '')}".rstrip() + f", {what}"
        if told.step is not None:
            return f"{self.where(self._plan.steps[told.step])}, {what}"
        return f"{_session(told.client)}, {what}"

    def where_connection(self, key: str) -> str:
        """Return the place of a connection in words, e.g. `session s1, connection 3f2a`."""
        connection = self._plan.connections.get(key)
        return f"{_session(connection.client)}, connection {key}" if connection else f"connection {key}"

    def wait(self, step: Step, cause: Cause) -> str:
        """Return what a step waits for, e.g. `step 7 X waits for event Y of triple 3 (value handle)`."""
        if cause.told is not None:
            what = self.told(self._plan.told[cause.told])
        else:
            what = self.step(self._plan.steps[cause.step or 0])
        return f"{self.step(step)} waits for {what}{_reason(cause)}"

    def missing(
        self, told: Told, seconds: float, waits: Iterable[Step], *, at: float, failure: str, lost: str
    ) -> Finding:
        """Build the finding about something that was not told.

        Args:
            told: What it is.
            seconds: How long it was waited for.
            waits: The steps that wait for it.
            at: Seconds since the drive began.
            failure: Why no answer came, if that is known.
            lost: Why the connection that brings it was lost meanwhile; "" if it was not.
        """
        cause = self._plan.steps[told.step] if told.step is not None else None
        since = cause.t if cause else (self._plan.steps[0].t if self._plan.steps else 0)
        recorded = f"it was recorded {_seconds(max(0, told.t - since) / 1e9)} after {_begin(self, cause)}"
        if failure:
            text = f"{self.told(told)} did not come: {failure}; {recorded}"
        else:
            text = f"{self.told(told)} did not come within {_seconds(seconds)}; {recorded}"
        if lost:
            text += f"; its connection was lost meanwhile ({lost})"
        for step in list(waits)[:1]:
            text += f"; {self.step(step)} waits for it"
        found = Found.MISSING_ANSWER if told.event is None else Found.MISSING_EVENT
        return Finding(found, told.step, told.n, self.where_told(told), text, at, told.number)

    def refused(self, step: Step, told: Told, answer: Answer, at: float) -> Finding:
        """Build the finding about a step that was accepted in the recording, and is refused."""
        said, recorded = _said(answer), _recorded(told)
        if said == recorded:
            said += ", with a code of a refusal in its body"
        text = f"{self.step(step)} was refused ({said}); the recorded server accepted it ({recorded})"
        return Finding(Found.REFUSED, step.number, step.n, self.where_told(told), text, at, told.number)

    def accepted(self, step: Step, told: Told, answer: Answer, at: float) -> Finding:
        """Build the finding about a step that was refused in the recording, and is accepted."""
        text = f"{self.step(step)} was accepted ({_said(answer)}); the recorded server refused it ({_recorded(told)})"
        return Finding(Found.ACCEPTED, step.number, step.n, self.where_told(told), text, at, told.number)

    def failed(self, step: Step, failure: str, at: float) -> Finding:
        """Build the finding about a step that could not be done."""
        text = f"{self.step(step)} could not be sent: {failure}"
        return Finding(Found.FAILED, step.number, step.n, self.where(step), text, at)

    def surplus(self, connection: str, event: Event, name: str, outcome: Surplus, at: float) -> Finding:
        """Build the finding about an event that stands for no recorded one."""
        what = f"event {name}" if name == event.channel else f"event {name} on {event.channel}"
        if outcome.twin is not None:
            told = self._plan.told[outcome.twin]
            text = f"{what} came once more: an equal one came before, as {self.told(told)}; it was recorded once"
            return Finding(
                Found.UNEXPECTED, told.step, told.n, self.where_told(told), text, at, told.number, Odd.DOUBLED
            )
        text, odd = f"{what} came where none was recorded", Odd.UNKNOWN
        if outcome.stranger:
            odd = Odd.WRONG_ID
            text += f"; its {outcome.stranger} is an id that this client neither made up nor was told for it"
        elif outcome.next is not None:
            odd = Odd.EARLY
            told = self._plan.told[outcome.next]
            cause = self._plan.steps[told.step] if told.step is not None else None
            text += f"; the next one was recorded after {_begin(self, cause)}, which has not been sent"
        return Finding(Found.UNEXPECTED, None, 0, self.where_connection(connection), text, at, odd=odd)

    def no_value(self, step: Step, lack: Lacking, source: Source, at: float) -> Finding:
        """Build the finding about something that was told without a value that a step needs."""
        told = self._plan.told[source.told]
        text = (
            f"{self.told(told)} came without a value at {shown(source.place)}, "
            f"which {self.step(step)} sends as {lack.hole.name}"
        )
        return Finding(Found.NO_VALUE, step.number, told.n, self.where_told(told), text, at, told.number)

    def lacks(self, lack: Lacking) -> str:
        """Return why a step with a hole without a value was not sent."""
        name = lack.hole.name
        if lack.without:
            return f"the value {name} was not in {self.told(self._plan.told[lack.without[0].told])}"
        if lack.hole.sources:
            source = self._plan.told[lack.hole.sources[0].told]
            return f"the value {name} comes from {self.told(source)}, which did not come"
        return f"the recorded value {name} is a pseudonym, and no other one was given"

    def left_out(self, step: Step, reason: str, at: float) -> Finding:
        """Build the finding about a step that was not sent."""
        text = f"{self.step(step)} was not sent: {reason}"
        return Finding(Found.LEFT_OUT, step.number, step.n, self.where(step), text, at)

    def lost(self, connection: str, reason: str, at: float) -> Finding:
        """Build the finding about a connection that was lost and recovered."""
        where = self.where_connection(connection)
        return Finding(Found.LOST, None, 0, where, f"the connection was lost ({reason}), and recovered", at)

    def gone(self, connection: str, reason: str, events: int, steps: int, at: float) -> Finding:
        """Build the finding about a connection that was lost for good."""
        where = self.where_connection(connection)
        text = (
            f"the connection was lost ({reason}) and did not come back; "
            f"{counted(events, 'recorded event')} cannot come by it, and {counted(steps, 'step')} cannot be sent"
        )
        return Finding(Found.FAILED, None, 0, where, text, at)


def is_end(step: Step) -> bool:
    """Return whether a step ends its connection."""
    return step.act in (Act.CLOSE, Act.DISCONNECT)


def is_begin(step: Step) -> bool:
    """Return whether a step begins its connection."""
    return step.act in (Act.HANDSHAKE, Act.STREAM, Act.SOCKET)


def _reason(cause: Cause) -> str:
    if cause.why is Why.VALUE and cause.names:
        return f" (value{'s' if len(cause.names) > 1 else ''} {', '.join(cause.names)})"
    return " (of another client)" if cause.why is Why.OTHER else ""


def _begin(words: Words, step: Step | None) -> str:
    return "the begin" if step is None else words.step(step)


def _session(client: str) -> str:
    return f"session {client}" if client else "a client without a session"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"


def _said(answer: Answer) -> str:
    if answer.reply is not None:
        return _reply(answer.reply)
    return f"status {answer.status}"


def _recorded(told: Told) -> str:
    if told.reply is not None:
        return _reply(told.reply)
    return f"status {told.response.status}" if told.response is not None else "no status"


def _reply(reply: dict[str, object]) -> str:
    if reply.get("successful"):
        return "successful"
    parts = str(reply.get("error", "without a text")).split(":")  # the clientId stands between the code and the text
    code, text = parts[0], parts[-1]
    return f"error {code}" + (f" {text}" if text != code else "")
