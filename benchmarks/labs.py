"""The labs whose truth is known: their dialects by hand, and how a recording of each is replayed to live clients.

Clients of APIs in which the client makes ids send other ids than those that were recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from recorder.api.cassette import Cassette
from recorder.model import Recording
from tests.lab.apis.lab import Api, play
from tests.lab.lab import run_js_client
from tests.lab.processes import recorder
from tests.lab.salesforce import lab as salesforce
from tests.lab.sessions import days_work
from tests.lab.truth import Truth, events_of, read, requests_of

CASSETTES = Path(__file__).parents[1] / "tests" / "cassettes" / "labs"
_PATIENCE = 1.0  # seconds that a step waits for its events
_PARCELS = str(Path(__file__).parents[1] / "tests" / "dialect" / "parcels.toml")


@dataclass(frozen=True, slots=True)
class Played:
    """What live clients got of a replay.

    Attributes:
        early: Events that came before the request that causes them.
        wrong: Events and answers with ids that are not those of their client.
        lost: Events that never came.
        doubled: Events that came again, or belong to nothing.
        note: What the server said if it failed.
    """

    early: int
    wrong: int
    lost: int
    doubled: int
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether this is how it must be."""
        return not (self.early or self.wrong or self.lost or self.doubled or self.note)


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab. `by_hand` is the name of a shipped dialect or a file; `replay` takes cassette, dialect and rate."""

    by_hand: str
    replay: Callable[[Path, str, str], Played]


class Heard(NamedTuple):
    """An event: at or of which step, None for none, its channel and its data."""

    step: int | None
    channel: str
    data: Any


def _served(cassette: Path, dialect: str, rate: str, work: Callable[[str], Played]) -> Played:
    with recorder("replay", cassette, "--dialect", dialect, "--rate", rate) as server:
        played = work(server.url)
    note = f"exit code {server.code}: {server.stderr.strip()[:200]}" if server.code else ""
    return Played(played.early, played.wrong, played.lost, played.doubled, note)


def _replay_api(api: Api, channels: Callable[[str], bool], cassette: Path, dialect: str, rate: str) -> Played:
    """Replay to clients that judge by themselves; `channels` says on which they count what nobody caused."""
    recording, truth = _known(cassette)
    unasked = sum(truth[event.seq, event.index] is None and channels(event.channel) for event in events_of(recording))

    def work(url: str) -> Played:
        verdicts = play(api, url, {"seed": "another", "patience": _PATIENCE * 1000})
        early, wrong, lost, doubled, came = (
            sum(one[name] for one in verdicts) for name in ("early", "wrong", "lost", "doubled", "unasked")
        )
        refused = sum(one["refused"] for one in verdicts)
        return Played(early, wrong + refused, lost + max(0, unasked - came), doubled + max(0, came - unasked))

    return _served(cassette, dialect, rate, work)


def _replay_gws(cassette: Path, dialect: str, rate: str) -> Played:
    script = days_work("live-", timeout=_PATIENCE)
    expected = _expected(cassette, [step.get("path") for step in script["steps"]])

    def work(url: str) -> Played:
        return judge(_heard(run_js_client(url, script)), expected, _gws_ids)

    return _served(cassette, dialect, rate, work)


def _replay_salesforce(cassette: Path, dialect: str, rate: str) -> Played:
    script = {**salesforce.SESSION, "login": "none", "token": "00Dother!token", "patience": _PATIENCE * 1000}
    expected = _expected(cassette, [step["do"] for step in script["steps"]])

    def work(url: str) -> Played:
        return judge(_heard(salesforce.play("jsforce", url, script)), expected, lambda data: data)

    return _served(cassette, dialect, rate, work)


def _gws_ids(data: Any) -> Any:
    """Return a recorded event as a client with other referenceIds has to get it."""
    return json.loads(json.dumps(data).replace('"desk-', '"live-'))


def judge(heard: Sequence[Heard], expected: Sequence[Heard], translated: Callable[[Any], Any]) -> Played:
    """Judge what a client heard at each of its steps by what the recording has for them."""
    left = [Heard(step, channel, translated(data)) for step, channel, data in expected]
    early = wrong = doubled = 0
    for one in heard:
        same = [other for other in left if (other.channel, other.data) == (one.channel, one.data)]
        in_time = [other for other in same if other.step is None or (one.step is not None and other.step <= one.step)]
        alike = [other for other in left if _kind(other) == _kind(one)]
        found = next(iter(in_time or same or alike), None)
        early += bool(same) and not in_time
        wrong += not same and bool(alike)
        if found is None:
            doubled += 1
        else:
            left.remove(found)
    return Played(early, wrong, len(left), doubled)


def _kind(one: Heard) -> tuple[Any, ...]:
    data = one.data
    header = data.get("payload", {}).get("ChangeEventHeader", {})
    user = data.get("userData", {}).get("GSW_USER_EVENT")
    return one.channel, data.get("messageType"), data.get("notificationType"), user, header.get("changeType")


def _heard(lines: Sequence[Mapping[str, Any]]) -> list[Heard]:
    return [Heard(line["step"], line["channel"], line["data"]) for line in lines if line["kind"] == "event"]


def _known(cassette: Path) -> tuple[Recording, Truth]:
    with Cassette(cassette) as opened:
        return opened.recording(), read(cassette.with_suffix(".truth.json"))


def _expected(cassette: Path, asks: Sequence[str | None]) -> list[Heard]:
    """Return the recorded events, each with the step that caused it; `asks` says which steps are requests."""
    recording, truth = _known(cassette)
    steps = [step for step, ask in enumerate(asks) if ask is not None]
    asked = requests_of(recording)[-len(steps) :]  # those before are a login
    step_of = {request.seq: step for request, step in zip(asked, steps, strict=True)}

    def found() -> Iterator[Heard]:
        for event in events_of(recording):
            cause = truth[event.seq, event.index]
            yield Heard(None if cause is None else step_of[cause], event.channel, event.data)

    return list(found())


LABS = {
    "gws": Lab("gws-outbound", _replay_gws),
    "salesforce": Lab("salesforce", _replay_salesforce),
    "workspace": Lab(
        "genesys-workspace", partial(_replay_api, "workspace", lambda name: name == "/workspace/v3/voice")
    ),
    "parcels": Lab(_PARCELS, partial(_replay_api, "parcels", lambda name: name != "/heartbeat")),
}
