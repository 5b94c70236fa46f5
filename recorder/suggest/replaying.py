"""Find what a replay must know: what the client makes up, what differs between equal messages, what an ack says."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..printable import counted
from .causing.causes import Causes
from .causing.joins import READS
from .keys import Key
from .reading.templates import ID
from .reading.traffic import BARE, Asked
from .reading.values import are_made_up, is_number, is_random, is_time

_STATUS = re.compile(r"(?:status|code|result|rc|errno|err(?:or)?_?code|return_?code|success|outcome)$", re.IGNORECASE)
_MOST = 0.8  # share of answers with a status
_MADE = 0.9  # share of the values that no message had before
_FEW = 4  # different values of a status


@dataclass(frozen=True, slots=True)
class Status:
    """Where answers say how it went.

    Attributes:
        path: The place.
        success: Values that say that it went well, with the number of answers.
        failure: The other values.
        of: How many answers there are.
    """

    path: str
    success: dict[str, int]
    failure: dict[str, int]
    of: int


def status_of(causes: Causes) -> Status | None:
    """Return where answers of operations say how it went, beside the HTTP status; None if they do not."""
    served = {asked.number for asked in causes.of.values()} | {asked.number for asked in causes.followed.values()}
    answers = [one for one in causes.traffic.asked if one.method not in READS and one.answered and one.is_good]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in answers:
        for path, values in one.answered.items():
            if path.startswith("body.") and "*" not in path and len(values) == 1 and _STATUS.search(path):
                counts[path][values[0]] += 1
    fitting = [
        (sum(found.values()), -path.count("."), path)
        for path, found in counts.items()
        if sum(found.values()) >= _MOST * len(answers) and len(found) <= _FEW and _is_status(found)
    ]
    if not fitting:
        return None
    path = max(fitting)[2]
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for value, count in counts[path].items():
        own = [one for one in answers if one.answered.get(path) == (value,)]
        (good if _is_success(value, own, answers, path, served) else bad)[value] = count
    return Status(path, dict(good), dict(bad), len(answers))


def _is_status(found: Counter[str]) -> bool:
    return all(value.lstrip("-").isdigit() and len(value) <= 5 for value in found) or all(
        re.fullmatch(r"[A-Za-z_ ]{2,24}", value) for value in found
    )


def _is_success(value: str, own: list[Asked], answers: list[Asked], path: str, served: Collection[int]) -> bool:
    if any(one.number in served for one in own) or len(own) > len(answers) / 2:
        return True
    # an operation whose every answer says so hardly fails always
    operations = {one.operation for one in own}
    others = {one.operation for one in answers if one.answered.get(path) != (value,)}
    return value.lower() in {"0", "ok", "success", "200", "accepted", "queued", "pending"} or not operations & others


@dataclass(frozen=True, slots=True)
class Minted:
    """A key that the client makes up, with how many values came first in a request."""

    name: str
    values: int
    per_operation: bool


def minted(causes: Causes, keys: Iterable[Key]) -> list[Minted]:
    """Return the keys whose values the client makes up: no message had them before a request that holds them."""
    found = []
    for key in keys:
        made: set[str] = set()
        values: set[str] = set()
        uses = 0
        paths = {(source.operation, source.path) for source in key.sources if not source.is_answer}
        paths = {one for one in paths if one[1].partition(".")[0] not in {"path", "channel"}}
        for one in causes.traffic.asked:
            for path, own in one.sent.items():
                if (one.operation, path) in paths:
                    values |= set(own)
                    uses += len(own)
                    made |= {value for value in own if causes.joins.is_first(one, value)}
        is_new_each_time = uses == len(values) > 1 and are_made_up(made)
        looks = key.is_exact or is_new_each_time or all(map(is_random, made))
        if made and looks and len(made) >= _MADE * len(values):
            found.append(Minted(key.name, len(made), key.is_exact))
    return found


def volatile(causes: Causes, keys: Iterable[Key]) -> dict[str, str]:
    """Return the places whose values differ although nothing else does, each with the reason."""
    taken = {source.path for key in keys for source in key.sources} | {path for key in keys for path in key.events}
    joined = {pair.source.path for pair in causes.joins.found} | {pair.event for pair in causes.joins.found}
    found: dict[str, str] = {}
    for path, values in _of_requests(causes).items():
        if path not in taken | joined and (why := _why(values, of_request=True)):
            found[path] = why
    events: dict[str, list[str]] = defaultdict(list)
    for event in causes.traffic.pushed:
        for path, own in event.values.items():
            if not path.endswith(BARE) and not path.startswith("channel:"):
                events[path] += own
    asked = {value for _, value in causes.joins.users}
    for path, values in events.items():
        if all(value.isdigit() for value in values) and not all(map(is_time, values)) and not asked.isdisjoint(values):
            continue  # requests name them, so they are no mere counters
        if path not in taken | joined and (why := _why(values, of_request=False)):
            found.setdefault(path, why)
    return dict(sorted(found.items()))


def _of_requests(causes: Causes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in causes.traffic.asked:
        for path, values in one.sent.items():
            root = path.partition(".")[0]
            if not path.endswith(BARE) and root in {"body", "query", "header", "data"}:
                found[path] += values
    return found


def _why(values: list[str], *, of_request: bool) -> str | None:
    """Return why values do not count, None if they may."""
    different = len(set(values))
    if all(map(is_time, values)) and (different > 1 or not of_request):
        return f"{counted(different, 'different time')} in {counted(len(values), 'message')}"
    if different < max(3, 0.9 * len(values)):
        return None
    if all(map(is_number, values)) and not of_request:
        numbers = [int(value) for value in values]
        if numbers == sorted(numbers):
            return f"grows from message to message, {counted(different, 'value')}"
    if of_request and all(is_random(value) and not value.isdigit() for value in values):
        return f"{counted(different, 'different value')} in {counted(len(values), 'request')}, which nothing repeats"
    return None


def logins(causes: Causes, cookies: Collection[str]) -> dict[str, tuple[int, list[str]]]:
    """Return the requests whose answers begin a session, how many do, and where they have a token beside cookies.

    Args:
        causes: The requests.
        cookies: Names of the cookies that tell clients apart.
    """
    found: dict[str, set[str]] = defaultdict(set)
    begun: Counter[str] = Counter()
    causing = {one.operation for one in causes.of.values()}
    for one in causes.traffic.asked:
        if one.method != "POST" or not one.is_good or one.command or ID in one.operation or one.operation in causing:
            continue
        tokens = {
            path
            for path, values in one.answered.items()
            if "*" not in path and any(is_random(value) and value in causes.traffic.credentials for value in values)
        }
        if tokens or any(name in cookies for name, _ in one.set_cookies):
            found[one.operation] |= tokens
            begun[one.operation] += 1
    counts = Counter(one.operation for one in causes.traffic.asked)
    most = max(1, causes.traffic.clients.count)
    return {name: (begun[name], sorted(own)) for name, own in found.items() if counts[name] <= most}
