"""The benchmarks that report rows, in the order of their table. Each is a module of this package with `rows(Scale)`."""

from __future__ import annotations

BENCHES = {
    "causality": "events before their cause, and wrong ids, whatever the client does",
    "pushed": "the same of server-sent events and WebSockets without Bayeux",
    "determinism": "scripted runs that differ in a byte",
    "throughput": "the stand-in against a handler that does nothing on the same HTTP server",
    "peers": "the stand-in against mitmproxy's replay, WireMock and mountebank",
    "engine": "a request through the engine alone, without HTTP",
    "growth": "requests, observations, loading and memory by the number of triples",
    "scale": "CPU time and memory of every command by the number of triples, up to eight hours of a floor",
    "driven": "sessions that one core drives, against a server that does nothing",
    "load": "sessions that Locust plays for a CPU second, beside a bare user of Locust",
    "explore": "a run under a schedule, beside a plain replay on a virtual clock",
    "plugin": "what the pytest plugin adds to the start of a run that has no cassette",
    "fleet": "unit costs of many agents and many cassettes, and the plan that follows",
    "polls": "10,000 held long-polls on one core, and all released at once",
    "recording": "what recording costs a proxy, and what the slim one gains",
    "streams": "what recording adds to the delay of an event on a stream",
    "format": "bytes a triple, and the rate of writing and reading",
    "correlation": "how often the correlator is right",
    "suggest": "dialects derived from traffic, beside those by hand",
    "worst": "CPU time for 1 MB of the worst text for every reader of what others wrote",
    "promises": "planted secrets that are found, frames that a kill loses",
}
