"""Run every command on a small cassette in this process, and print as JSON what each printed, wrote and returned."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from click.testing import CliRunner

import recorder
from recorder.cli import main

# in this order: some read what others wrote
COMMANDS = """
ls s.cassette --json
show s.cassette 1
show s.cassette 2 --json
addon record
ca --ca-dir ca
completion bash
slice s.cassette --triples 1-3 -o journal.cassette
seal journal.cassette
seal journal.cassette -o archive.cassette --archive
seal journal.cassette
slice s.cassette --triples 4-5 -o later.cassette
merge journal.cassette later.cassette -o merged.cassette
recover journal.cassette -o recovered.cassette
redact s.cassette --dry-run
redact s.cassette -o redacted.cassette
recorrelate s.cassette --dialect gws-outbound -o again.cassette
migrate old.cassette -o new.cassette
convert s.cassette --to har -o s.har
convert s.cassette --to mermaid
convert s.cassette --to curl
convert s.cassette --to pytest -o test_it.py
convert s.cassette --to perfetto -o s.json
import s.har -o imported.cassette
dialect
dialect show gws-outbound
dialect suggest s.cassette -o mine.toml --yes
dialect check mine.toml
policy
policy show gws
diff s.cassette again.cassette
diff s.cassette merged.cassette --json
doctor s.cassette
doctor torn.cassette --json
drive s.cassette --dry-run
load s.cassette --dry-run
verify s.cassette --to http://127.0.0.1:9 --dry-run
catalogue show nothing
query --list
query --show slowest
query --catalogue nothing slowest
explain s.cassette 2
explain s.cassette 2 --json
grep PreviewRecord s.cassette
ls s.cassette merged.cassette
stats s.cassette --json
stats s.cassette merged.cassette --jobs 2
scan s.cassette
scan s.cassette journal.cassette --format sarif
report s.cassette -o page.html
report s.cassette -o page.html
report s.cassette -o page.html --force
tail recovered.cassette
textconv s.cassette
edit s.cassette --to s.toml
edit --from s.toml -o edited.cassette
store push s.cassette shelf
store push s.cassette shelf
store check shelf
store pull shelf
help ls
timeline s.cassette
ls con.cassette
show nothing.cassette
ls folder
replay
record
demo --no-such-option
"""


def printed() -> Iterator[dict[str, object]]:
    """Yield what each command did; of files their names and digests."""
    for line in COMMANDS.strip().splitlines():
        told = CliRunner().invoke(main, shlex.split(line), prog_name="recorder")
        found = told.exception
        failed = "" if found is None or isinstance(found, SystemExit) else repr(found)
        yield {"command": line, "code": told.exit_code, "out": told.stdout, "err": told.stderr, "failed": failed}
    yield {"files": {path.as_posix(): digest(path) for path in sorted(Path().rglob("*")) if path.is_file()}}


def digest(path: Path) -> str:
    if path.parts[0] == "ca" or path.stem in ("redacted", "imported"):  # by a new key each time
        return ""
    return hashlib.sha256(path.read_bytes().replace(os.fsencode(Path.cwd()), b".")).hexdigest()


def imported() -> Iterator[str]:
    """Import every module; yield the names of those that cannot be."""
    for found in walk_packages(recorder.__path__, "recorder."):
        if found.name != "recorder.__main__":
            try:
                import_module(found.name)
            except Exception as exc:  # noqa: BLE001  # whatever is wrong with it
                yield f"{found.name}: {exc!r}"


if __name__ == "__main__":
    print(json.dumps({"not imported": list(imported())}))
    os.chdir(sys.argv[1])
    os.environ["RECORDER_CACHE"] = f"{sys.argv[1]}-cache"
    for row in printed():
        print(json.dumps(row))
