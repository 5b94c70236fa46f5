"""Ask a stand-in for the first recorded operation: ten lines, no server. Run: python examples/standin.py CASSETTE."""

import sys
from urllib.request import Request, urlopen

from recorder import StandIn

with StandIn(sys.argv[1], rate="instant") as standin:
    first = standin.recording.triples[0]
    sent = Request(standin.url + first.request.target, first.request.body, {"Content-Type": "application/json"})
    print(first.operation, urlopen(sent).read().decode(), "misses:", len(standin.misses))
