"""Name all commands in groups, with one short line for each.

The lines stand here and not in the modules of the commands: the help of `recorder` prints them all, and imports none of
these modules.
"""

from __future__ import annotations

WORDS = f"{__name__}.words"  # in a context of click: the words behind the command
LONGEST = 60  # characters of a line: with the name, it fits a terminal of 80 columns

GROUPS: dict[str, dict[str, str]] = {
    "Record": {
        "record": "Record the traffic between a desktop and a server.",
        "tail": "Follow a recording while it is written.",
        "ca": "Show the CA that clients trust while recorded over TLS.",
        "addon": "Print the path of a script for your own mitmproxy.",
    },
    "Look": {
        "ls": "List triples: request, ack, events.",
        "show": "Show a triple or another record in full.",
        "timeline": "Show the moments of a session, one line each.",
        "explain": "Explain why an event was linked to a request.",
        "grep": "Search cassettes for triples.",
        "stats": "Count operations, states, latencies, events, and polls.",
        "report": "Write the session as one HTML page.",
        "view": "Look at cassettes in a browser.",
        "diff": "Compare the sessions in two cassettes.",
        "doctor": "Check that a cassette is sound.",
    },
    "Play": {
        "replay": "Stand in for the recorded server, offline.",
        "drive": "Play the client's side of a cassette against a server.",
        "verify": "Play the client's side, and judge the server's answers.",
        "load": "Play cassettes as many users, on Locust.",
        "explore": "Find the order of events that a client does not bear.",
        "demo": "Record and replay a session on this machine.",
    },
    "Keep": {
        "seal": "Make a finished cassette canonical, with an index.",
        "slice": "Cut a cassette down to some triples.",
        "edit": "Edit a cassette as text, for variants of a recording.",
        "merge": "Merge several cassettes into one.",
        "recover": "Save the intact records of a damaged cassette.",
        "migrate": "Convert a cassette of an older format.",
        "store": "Keep the cassettes of a test suite in a store.",
    },
    "Exchange": {
        "import": "Make a cassette from a HAR or a file of mitmproxy.",
        "convert": "Write a cassette in a format of another tool.",
        "textconv": "Print a cassette as text for git diff.",
    },
    "Fleet": {
        "catalogue": "Build tables over many cassettes, as Parquet.",
        "query": "Ask a catalogue of cassettes in SQL.",
    },
    "Rules": {
        "dialect": "List, print, check, and suggest dialects.",
        "recorrelate": "Link the events of a cassette again, by a dialect.",
        "policy": "List, print, and check redaction policies.",
        "scan": "Search cassettes for secrets.",
        "redact": "Replace the secrets in a cassette.",
    },
    "More": {
        "completion": "Print the script of completion for a shell.",
        "help": "Show the help of a command.",
    },
}

NAMES = tuple(sorted(name for group in GROUPS.values() for name in group))

# commands of other tools, for users who come from there
MEANT = {
    "cat": "show", "check": "doctor", "compare": "diff", "export": "convert", "filter": "grep", "find": "grep",
    "html": "report", "join": "merge", "list": "ls", "log": "timeline", "mock": "replay", "play": "replay",
    "search": "grep", "serve": "replay", "start": "record", "validate": "doctor",
}  # fmt: skip
