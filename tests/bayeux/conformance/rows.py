"""A row: what is sent, and what each server answers. An answer is told in words, see `outline`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.bayeux.conformance.bench import Bench
from tests.lab.byhand import Answer, Message

SERVERS = ("standin", "cometd", "faye")

Script: TypeAlias = Callable[[Bench], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        title: What is sent, in words.
        script: Sends it, and tells what came back.
        answers: What each server answers, by its name; a server that cannot do this at all is not in it.
        java: What CometD's Java server does where the stand-in does something else.
    """

    title: str
    script: Script
    answers: dict[str, str]
    java: str | None = None


class Section:
    """Rows on one subject, in the order they are read."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._rows: list[Row] = []

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def row(
        self, title: str, standin: str, *, cometd: str | None = "", faye: str | None = "", java: str | None = None
    ) -> Callable[[Script], Script]:
        """Add a row; who is not named answers as the stand-in does, who is None cannot do this at all."""
        given = {"standin": standin, "cometd": cometd, "faye": faye}

        def add(script: Script) -> Script:
            answers = {name: text or standin for name, text in given.items() if text is not None}
            self._rows.append(Row(title, script, answers, java))
            return script

        return add


def outline(answer: Answer | list[Message], *fields: str) -> str:
    """What an answer holds, in order: `event 1, publish ok`, `connect 402 advice={…}`, or the bare HTTP status.

    Args:
        answer: A response, or the messages of a WebSocket frame.
        fields: What else to tell of each message that is no event; `-` where it has none.
    """
    if isinstance(answer, Answer):
        return outline(answer.messages, *fields) if answer.status == 200 else str(answer.status)
    return ", ".join(_told(message, fields) for message in answer) or "[]"


def _told(message: Message, fields: tuple[str, ...]) -> str:
    channel = message.get("channel", "?")
    if "successful" not in message:
        return f"event {message['data']['n']}"
    name = "publish" if channel.startswith(("/a", "/service", "/v2")) else channel.removeprefix("/meta/")
    end = "ok" if message["successful"] else message["error"].partition(":")[0]
    return " ".join([name, end, *(f"{field}={_json(message.get(field, ...))}" for field in fields)])


def _json(value: Any) -> str:
    return "-" if value is ... else json.dumps(value, sort_keys=True)
