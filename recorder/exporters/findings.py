"""Format the findings of a scan: as a line of text, as a row for programs, and as a SARIF log.

SARIF 2.1.0 is the format in which code hosts and editors take the results of analysers (OASIS standard, 27 March 2020;
section numbers below are those of the standard).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from ..errors import CassetteError, RecorderError
from ..printable import counted, printable
from ..redaction.bodies.change import Unread as Why
from ..redaction.bodies.change import told
from ..redaction.scan import Finding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_DOCUMENTATION = "https://github.com/outbound-recorder/outbound-recorder/blob/main/docs/security.md"


@dataclass(frozen=True, slots=True)
class Unread:
    """Bodies of one media type that a scan could not look through.

    Attributes:
        media_type: Their media type.
        bodies: How many there are.
        text: How many there are, and what became of them, for users.
    """

    media_type: str
    bodies: int
    text: str


def unread(unlooked: Counter[tuple[str, Why]]) -> Iterator[Unread]:
    """Yield the bodies that a scan could not look through, by media type and by what became of them."""
    for (media_type, why), bodies in sorted(unlooked.items(), key=lambda item: (item[0][0], item[0][1].value)):
        (text,) = told(Counter({(media_type, why): bodies}))
        yield Unread(media_type, bodies, printable(text))


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a file could not be scanned to its end.

    Attributes:
        code: Exit code of the command.
        where: Place of the damage in the file; "" if the reason is about the whole file.
        problem: The reason, without the file and the place.
        text: The file, the place and the reason, for users.
    """

    code: int
    where: str
    problem: str
    text: str


def failure(error: RecorderError) -> Failure:
    """Build the failure of a file from the error that ended its scan."""
    if not isinstance(error, CassetteError):
        return Failure(error.exit_code, "", str(error), str(error))
    where = "" if error.offset is None else f"byte {error.offset}"
    return Failure(error.exit_code, where, printable(error.problem), str(error))


def line(path: Path, finding: Finding) -> str:
    """Return a finding as one line of text."""
    which = finding.part if finding.record is None else f"record {finding.record}, {finding.part}"
    return printable(f"{path}: {which}: {finding.where}: {finding.kind}: {finding.masked}")


def row(path: Path, found: Finding | Unread | Failure) -> dict[str, object]:
    """Return a finding, bodies that were not looked through, or a failure, as a row for programs."""
    if isinstance(found, Failure):
        broken = {"level": "error", "record": None, "part": "file", "where": found.where}
        return {"file": str(path), **broken, "kind": "not scanned", "masked": found.problem}
    if isinstance(found, Unread):
        count = counted(found.bodies, "body", "bodies")
        note = {"level": "note", "record": None, "part": "body", "where": found.media_type}
        return {"file": str(path), **note, "kind": "not looked through", "masked": count}
    place = {"level": "error", "record": found.record, "part": found.part, "where": found.where}
    return {"file": str(path), **place, "kind": found.kind, "masked": found.masked}


def sarif(found: Iterable[tuple[Path, Finding | Unread | Failure]], *, version: str, folder: Path) -> dict[str, Any]:
    """Return a SARIF log of what a scan found.

    Args:
        found: The findings and failures with their files, in order.
        version: Version of the recorder.
        folder: Files inside this folder are named relative to it, as code hosts want them.
    """
    results, notes, seen = [], [], Counter[tuple[str, ...]]()
    rules: dict[str, int] = {}
    codes: list[int] = []
    for path, one in found:
        artifact = {"artifactLocation": {"uri": _uri(path, folder)}}
        if not isinstance(one, Finding):
            level = "note" if isinstance(one, Unread) else "error"
            notes.append({"level": level, "message": {"text": one.text}, "locations": [{"physicalLocation": artifact}]})
            if isinstance(one, Failure):
                codes.append(one.code)
            continue
        place = (artifact["artifactLocation"]["uri"], one.part, _steady(one.where), one.kind)
        seen[place] += 1
        results.append(_result(one, artifact, rules, _fingerprint(*place, str(seen[place]))))
    driver = {"name": "recorder scan", "version": version, "informationUri": _DOCUMENTATION}
    code = codes[0] if codes else 7 if results else 0
    invocation: dict[str, Any] = {"executionSuccessful": not codes, "exitCode": code}
    if notes:
        invocation["toolExecutionNotifications"] = notes
    tool = {"driver": {**driver, "rules": list(map(_rule, rules))}}
    run = {"tool": tool, "invocations": [invocation], "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(one: Finding, artifact: dict[str, Any], rules: dict[str, int], fingerprint: str) -> dict[str, Any]:
    names = [one.part, one.where] if one.record is None else [f"record {one.record}", one.part, one.where]
    place = printable(" > ".join(names))
    logical = {"name": printable(one.where), "fullyQualifiedName": place}
    return {
        "ruleId": _rule_id(one.kind),
        "ruleIndex": rules.setdefault(one.kind, len(rules)),
        "level": "error",
        "message": {"text": printable(f"{one.kind} in {place}: {one.masked}")},
        "locations": [{"physicalLocation": artifact, "logicalLocations": [logical]}],
        "partialFingerprints": {"place/v1": fingerprint},
    }


def _rule(kind: str) -> dict[str, Any]:
    text = f"A cassette must not hold this value: {kind}."
    return {"id": _rule_id(kind), "shortDescription": {"text": text}, "helpUri": f"{_DOCUMENTATION}#check"}


def _rule_id(kind: str) -> str:
    return re.sub(r"\W+", "-", kind.lower())


def _fingerprint(*place: str) -> str:
    """Return a hash of the place of a finding (3.27.17), from which nobody can guess the value."""
    return blake2b("\0".join(place).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _steady(where: str) -> str:
    """Return a place without the indexes of arrays: another session has its values at other indexes."""
    return re.sub(r"\[\d+\]", "[]", where)


def _uri(path: Path, folder: Path) -> str:
    """Return the URI of a file (3.4.3): relative to `folder` if the file is inside, otherwise absolute."""
    whole = Path(os.path.abspath(folder / path))  # noqa: PTH100  # resolve() would follow a link out of the folder
    inside = whole.is_relative_to(folder)
    return quote_from_bytes(os.fsencode(whole.relative_to(folder).as_posix())) if inside else whole.as_uri()
