"""Format text for a terminal of a given width, with or without colours; rich is imported on the first use.

Recorded text must come in escaped (`printable`); it is passed to rich as text, never as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from ..temporary import temporary_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Styled: TypeAlias = tuple[str, str]  # a text and its style, e.g. "bold red"
Cell: TypeAlias = str | Styled

STATES = {"complete": "green", "acked": "yellow", "failed": "red", "unacked": "yellow", "aborted": "red"}
_GAP = 2  # cells between columns
_KEPT = 5_000  # rows of a table in memory
_BATCH = 500  # rows that are printed at once

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        least: Cells the column keeps on a narrow screen; None if it is never cut.
    """

    name: str
    style: str = ""
    right: bool = False
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal: its width in cells, and whether colours are wanted."""

    width: int
    color: bool = True

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
        """Return a table that fits the width; the widest column that may be cut is cut first."""
        return "".join(self.drawing(columns, rows))

    def drawing(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
        """Yield the text of `table` in parts; the rows are not kept in memory if they are many."""
        heading: list[Cell] = [(column.name, "bold") for column in columns]
        with Spooled(chain([heading], rows)) as spooled:
            widths = self._fitted(columns, spooled.widths)
            for part in batched(spooled):  # without rich's own table, which takes a millisecond per row
                yield "".join(self._line(row, columns, widths) for row in part)

    def _line(self, row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int]) -> str:
        drawn = (self._cell(*one) for one in zip(row, columns, widths, strict=True))
        return (" " * _GAP).join(drawn).rstrip() + "\n"

    def line(self, *pieces: Cell, indent: int = 0) -> str:
        """Return the pieces on one line; a line that is too long continues below, indented by `indent` cells."""
        text = _joined(pieces)
        if not indent or text.cell_len <= self.width:
            return self.drawn(text)
        first, *others = text.wrap(self._console(), max(self.width - indent, 20), tab_size=4)
        return self.drawn(first) + "".join(self.drawn(_joined([" " * indent]).append_text(other)) for other in others)

    def drawn(self, what: RenderableType) -> str:
        """Return the characters and escape codes that show a rich object."""
        console = self._console()
        console.print(what)
        written = console.file.getvalue()  # type: ignore[attr-defined]  # the file is ours
        return "\n".join(line.rstrip() for line in written.split("\n"))

    def _console(self) -> Console:
        from rich.console import Console  # noqa: PLC0415  # takes 50 ms; output into pipes needs no rich

        # an empty _environ: rich must not read COLUMNS or NO_COLOR, which the caller has already applied
        return Console(
            file=StringIO(),
            width=self.width,
            force_terminal=True,
            color_system="standard" if self.color else None,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def _cell(self, cell: Cell, column: Column, width: int) -> str:
        text, style = (cell, column.style) if isinstance(cell, str) else cell
        if cells(text) > width:
            text = f"{_cut(text, width - 1)}…"
        padding = " " * (width - cells(text))
        drawn = self._styled(text, style)
        return padding + drawn if column.right else drawn + padding

    def _styled(self, text: str, style: str) -> str:
        if not style or not text or not self.color:
            return text
        from rich.color import ColorSystem  # noqa: PLC0415  # slow to import, see _console
        from rich.style import Style  # noqa: PLC0415  # slow to import, see _console

        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    def _fitted(self, columns: Sequence[Column], wanted: Sequence[int]) -> list[int]:
        widths = list(wanted)
        over = sum(widths) + _GAP * (len(widths) - 1) - self.width
        # first cut columns down to their `least`; if the rows are still too wide, cut every column down to one cell
        for leasts in ([column.least for column in columns], [1] * len(columns)):
            room = [(0 if least is None else width - least) for width, least in zip(widths, leasts, strict=True)]
            while over > 0 and max(room) > 0:
                widest = room.index(max(room))
                widths[widest] -= 1
                room[widest] -= 1
                over -= 1
        return widths


def cells(text: str) -> int:
    """Return the number of terminal cells of a text: a Chinese letter takes two cells, a combining accent none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415  # slow to import, see _console

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    from rich.cells import set_cell_size  # noqa: PLC0415  # slow to import, see _console

    return text[:width] if text.isascii() else set_cell_size(text, width)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return a table as plain text for a pipe; nothing is cut."""
    return "".join(aligning(rows))


def aligning(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the text of `aligned` in parts; the rows are not kept in memory if they are many."""
    with Spooled(rows) as spooled:
        widths = spooled.widths
        padded = "  ".join(f"{{:{width}}}" for width in widths).format
        for part in batched(spooled):
            rows_of_text = ([_plain(cell) for cell in row] for row in part)
            lines = (
                (padded(*row) if "".join(row).isascii() else "  ".join(map(_padded, row, widths))).rstrip()
                for row in rows_of_text
            )
            yield "\n".join(lines) + "\n"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


class Spooled:
    """Rows of a table that are iterated again: the first ones are kept in memory, the others in a temporary file.

    Attributes:
        widths: Cells of the widest text of each column.
    """

    def __init__(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Take all rows; there is one at least."""
        every = map(self._measured, batched(rows))
        self.widths: list[int] = []
        self._first = list(chain.from_iterable(islice(every, _KEPT // _BATCH)))
        self._rest = temporary_text()
        self._rest.writelines(f"{json.dumps(part)}\n" for part in every)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        yield from self._first
        self._rest.seek(0)
        yield from chain.from_iterable(map(json.loads, self._rest))

    def _measured(self, rows: list[Sequence[Cell]]) -> list[Sequence[Cell]]:
        widths = [_widest(list(map(_plain, column))) for column in zip(*rows, strict=True)]
        self.widths = [max(pair) for pair in zip(self.widths, widths, strict=True)] if self.widths else widths
        return rows


def _widest(texts: Sequence[str]) -> int:
    return max(map(len if "".join(texts).isascii() else cells, texts))


def batched(rows: Iterable[T]) -> Iterator[list[T]]:
    """Yield rows in lists: printing each alone would take as long as making it."""
    every = iter(rows)
    while part := list(islice(every, _BATCH)):
        yield part


def _plain(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _text(cell: Cell) -> Text:
    from rich.text import Text  # noqa: PLC0415  # slow to import, see _console

    return Text(cell) if isinstance(cell, str) else Text(*cell)


def _joined(cells: Sequence[Cell]) -> Text:
    whole = _text("")
    for cell in cells:
        whole.append_text(_text(cell))
    return whole
