"""Write counters in the text formats of OpenMetrics 1.0 and of Prometheus 0.0.4. Sans-IO.

The library prometheus-client writes these formats too, with a registry of its own for a whole process. It takes 0.2 s
to be imported, in the event loop that serves clients; the formats take the few lines here. Tests hold the text against
the parser of that library.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..model import Headers

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})  # 0.0.4 leaves a quote in a help text as it is


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a family, with the labels that tell it from the others."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name without `_total`, its type, a help text of one sentence, and its samples."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[Sample, ...]


def counter(name: str, text: str, value: float) -> Family:
    """Return a counter with one sample: a number that only grows while the process runs."""
    return Family(name, "counter", text, (Sample(value),))


def gauge(name: str, text: str, value: float) -> Family:
    """Return a gauge with one sample: a number that goes up and down."""
    return Family(name, "gauge", text, (Sample(value),))


def wanted(headers: Headers) -> str:
    """Return the content type for a request: OpenMetrics, unless Accept prefers plain text."""
    openmetrics = plain = 0.0
    for value in (value for name, value in headers if name.lower() == "accept"):
        for one in value.split(","):
            media, *parameters = (part.strip().lower() for part in one.split(";"))
            quality = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
            if media == "application/openmetrics-text":
                openmetrics = max(openmetrics, quality)
            elif media == "text/plain":
                plain = max(plain, quality)
    return PROMETHEUS if plain > openmetrics else OPENMETRICS


def exposition(families: Iterable[Family], content_type: str) -> bytes:
    """Return families as text in the format that a content type names."""
    is_open = content_type == OPENMETRICS
    escapes = _ESCAPES if is_open else _HELP_ESCAPES
    lines = []
    for family in families:
        name = f"{family.name}_total" if family.kind == "counter" else family.name
        announced = family.name if is_open else name
        lines += [f"# TYPE {announced} {family.kind}", f"# HELP {announced} {family.help.translate(escapes)}"]
        lines += [f"{name}{_labels(sample.labels)} {sample.value}" for sample in family.samples]
    return "".join(f"{line}\n" for line in (*lines, *(["# EOF"] if is_open else []))).encode()


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _quality(text: str) -> float:
    """Return a quality of Accept (RFC 9110, section 12.4.2); 0 for one that cannot be read."""
    try:
        return float(text)
    except ValueError:
        return 0.0
