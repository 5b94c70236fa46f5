"""Find the schedule that a user names, and write the one that was found for a test or a command beside its cassette.

A user names a file, the id of one that lies beside a cassette, or deviations as a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UsageError
from ..files import Remote, open_regular
from ..output import refuse, replacing
from ..replay.engine.orders.deviations import Deviation
from ..replay.engine.orders.schedule import Kept, Schedule, of_text, to_text

SUFFIX = ".schedule.json"
_MOST = 64 << 20  # bytes of a file
_FEW = 5  # ids that an error lists
_ID = re.compile(r"[0-9a-fA-F]{4,8}")  # four digits of an id are enough where no other one begins with them
_RECORDED = "recorded"
_TEXT = re.compile(r"\s*(?:ack|event|answer)\s|\s*recorded\s*(?:;|$)")
_IN_NAME = re.compile(r"\.([0-9a-f]{8})" + re.escape(SUFFIX))


def file_name(cassette: str, schedule: Schedule) -> str:
    """Return the name of a schedule's file: that of a cassette without its ending, the id, and `.schedule.json`."""
    return f"{_stem(cassette)}.{schedule.id}{SUFFIX}"


def kept(wanted: str | Sequence[str], cassettes: Sequence[Path]) -> Kept:
    """Return the schedule that a user names.

    Args:
        wanted: A path, an id (its first four digits are enough), or one text or more: deviations, apart by semicolons,
            or `recorded`.
        cassettes: The cassettes of the run; an id stands for a file beside one of them.

    Raises:
        UsageError: If there is no such schedule, it was found with other cassettes, or a file or text has a mistake.
        InputError: If the disk fails.

    """
    given = [wanted] if isinstance(wanted, str) else wanted
    if len(given) == 1 and not _TEXT.match(given[0]):
        only = given[0]
        if not only.strip():
            raise UsageError("the schedule has no name; give its id, its file, or deviations as a text")
        is_id = _ID.fullmatch(only) is not None and not Path(only).is_file()
        found = _beside(only.lower(), cassettes) if is_id else read(Path(only))
        _must_be_of(found, only, cassettes)
        return found
    texts = [text.strip() for one in given for text in one.split(";")]
    deviations = [Deviation.parse(text) for text in texts if text not in ("", _RECORDED)]
    if deviations and _RECORDED in texts:
        raise UsageError(f"'{_RECORDED}' is the order without deviations; leave it out, or the others")
    return Kept(Schedule.of(deviations))


def read(path: Path) -> Kept:
    """Return the schedule in a file.

    Raises:
        UsageError: If the file cannot be opened, or holds no schedule.
        InputError: If the disk fails.

    """
    try:
        with open_regular(path) as file:
            content = file.read(_MOST + 1)
    except OSError as exc:
        way = "a schedule is named by its file, its id, or deviations such as 'event 4.1 before ack 4'"
        raise UsageError(f"{path}: {exc.strerror or exc}; {way}") from exc
    if len(content) > _MOST:
        raise UsageError(f"{path}: is no schedule: it has more than {_MOST >> 20} MB")
    return of_text(content, str(path))


def beside(cassettes: Sequence[Path]) -> dict[str, Path]:
    """Return the files of schedules that lie beside cassettes and have their names, by id, sorted."""
    found = {id_: path for cassette in cassettes for id_, path in _files(cassette)}
    return dict(sorted(found.items()))


def folder_for(cassette: Path, wanted: Path | None) -> Path:
    """Return the folder for the schedules of a cassette, after a look whether a file can be written there.

    Args:
        cassette: The first cassette of a run.
        wanted: The folder that the user names; None for that of the cassette.

    Raises:
        UsageError: If the cassette is at a URL and no folder is named.
        OutputError: If the folder cannot be written.
    """
    if wanted is None and isinstance(cassette, Remote):
        raise UsageError(f"{cassette}: nothing is written beside a cassette at a URL; name a folder")
    folder = cassette.parent if wanted is None else wanted
    refuse(folder / file_name(cassette.name, Schedule()), force=True)
    return folder


def keep(found: Kept, folder: Path, cassettes: Sequence[Path]) -> Path:
    """Write the file of a schedule, over one that has its name: that is about the same schedule.

    Args:
        found: The schedule, and what is known about it.
        folder: The folder, which is made if it is missing.
        cassettes: The cassettes; nobody may read the file who may not read them.

    Returns:
        The file.

    Raises:
        OutputError: If it cannot be written.
        UsageError: If its name is taken by a folder or a device.
    """
    path = folder / file_name(cassettes[0].name, found.schedule)
    if path.is_dir():  # nobody chose this name, so nobody can choose another one
        way = "move it away, or name another folder"
        raise UsageError(f"{path}: is a folder, and the file of the schedule has this name; {way}")
    with replacing(path, force=True, like=cassettes) as file:
        file.write(to_text(found).encode("utf-8", "backslashreplace"))
    return path


def _must_be_of(found: Kept, wanted: str, cassettes: Sequence[Path]) -> None:
    names = [path.name for path in cassettes]
    if found.cassettes and names and not {*found.cassettes} & {*names}:
        of, others = ", ".join(found.cassettes), ", ".join(names)
        way = "its deviations can be given as a text"
        raise UsageError(f"schedule {wanted}: was found with {of}, not with {others}; {way}")


def _beside(beginning: str, cassettes: Sequence[Path]) -> Kept:
    known = beside(cassettes)
    fitting = [path for id_, path in known.items() if id_.startswith(beginning)]
    if len(fitting) == 1:
        return read(fitting[0])
    where = ", ".join(path.name for path in cassettes)
    if fitting:
        raise UsageError(f"schedule {beginning}: {len(fitting)} beside {where} begin so; give more digits of the id")
    ids = f"{', '.join([*known][:_FEW])}{', …' if len(known) > _FEW else ''}" or "none"
    there = f"there {'are' if len(known) > 1 else 'is'} {ids}"
    raise UsageError(f"schedule {beginning}: no such schedule beside {where}; {there}")


def _files(cassette: Path) -> Iterator[tuple[str, Path]]:
    if isinstance(cassette, Remote):  # what lies beside a URL is named as a file
        return
    try:
        names = sorted(path.name for path in cassette.parent.iterdir())
    except OSError:  # a folder that may be passed through but not listed: its files can be named
        return
    for name in names:
        rest = name.removeprefix(_stem(cassette.name))
        found = _IN_NAME.fullmatch(rest) if rest != name else None
        if found is not None:
            yield found[1], cassette.parent / name


def _stem(cassette: str) -> str:
    return Path(cassette).name.removesuffix(".cassette")
