"""Ask the three servers, and write what they answer into `docs/bayeux.md`: `make conformance`."""

from __future__ import annotations

import sys

from tests.bayeux.conformance.bench import asked, serving
from tests.bayeux.conformance.rows import SERVERS
from tests.bayeux.conformance.table import DOCUMENT, SECTIONS, documented
from tests.lab.lab import available


def main() -> None:
    """Nothing is written if a server answers something else than its row says."""
    missing = available()
    if missing:
        sys.exit(f"cannot ask the real servers: {missing}")
    wrong = [line for name in SERVERS for line in _differences(name)]
    if wrong:
        sys.exit("\n".join(wrong))
    DOCUMENT.write_text(documented(DOCUMENT.read_text()))


def _differences(name: str) -> list[str]:
    with serving(name) as peer:
        return [
            f"{section.title}, {row.title}: {name} answers {answer!r}, not {row.answers[name]!r}"
            for section in SECTIONS
            for row in section
            if name in row.answers and (answer := asked(peer, row.script)) != row.answers[name]
        ]


if __name__ == "__main__":
    main()
