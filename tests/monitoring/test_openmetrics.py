"""The text of counters is read by the parsers of prometheus-client, for any label and help text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from recorder.monitoring.openmetrics import OPENMETRICS, PROMETHEUS, Family, Sample, counter, exposition, gauge, wanted

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True).map(lambda name: f"recorder_{name}_x")
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters='\n"\\'), max_size=20)
FAMILIES = st.builds(
    Family,
    NAMES,
    st.sampled_from(["counter", "gauge"]),
    TEXTS,
    st.lists(TEXTS, max_size=3, unique=True).map(
        lambda them: tuple(Sample(n, (("of", t),)) for n, t in enumerate(them))
    ),
)


@given(FAMILIES)
def test_the_parser_of_openmetrics_reads_back_what_was_written(family: Family) -> None:
    (found,) = openmetrics(exposition([family], OPENMETRICS).decode())

    assert (found.name, found.type, found.documentation) == (family.name, family.kind, family.help)
    assert [(one.labels, one.value) for one in found.samples] == [
        (dict(one.labels), one.value) for one in family.samples
    ]


@given(FAMILIES.filter(lambda family: bool(family.samples)))
def test_the_parser_of_prometheus_reads_back_what_was_written(family: Family) -> None:
    (found,) = prometheus(exposition([family], PROMETHEUS).decode())

    assert found.type == family.kind
    assert [(one.labels, one.value) for one in found.samples] == [
        (dict(one.labels), one.value) for one in family.samples
    ]


def test_only_openmetrics_ends_with_eof_and_names_the_family_without_total() -> None:
    them = [counter("recorder_requests", "Requests.", 3), gauge("recorder_open", "Open.", 1.5)]

    assert exposition(them, OPENMETRICS) == (
        b"# TYPE recorder_requests counter\n# HELP recorder_requests Requests.\nrecorder_requests_total 3\n"
        b"# TYPE recorder_open gauge\n# HELP recorder_open Open.\nrecorder_open 1.5\n# EOF\n"
    )
    assert exposition(them[:1], PROMETHEUS) == (
        b"# TYPE recorder_requests_total counter\n# HELP recorder_requests_total Requests.\nrecorder_requests_total 3\n"
    )


def test_the_format_is_the_one_that_accept_prefers_and_openmetrics_by_itself() -> None:
    scraper = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

    assert wanted(()) == OPENMETRICS
    assert wanted((("Accept", "*/*"),)) == OPENMETRICS
    assert wanted((("accept", scraper),)) == OPENMETRICS
    assert wanted((("Accept", "text/plain;version=0.0.4"),)) == PROMETHEUS
    assert wanted((("Accept", "text/plain;q=high"),)) == OPENMETRICS
    assert wanted((("Accept", "application/openmetrics-text;q=0.1"), ("Accept", "text/plain"))) == PROMETHEUS
