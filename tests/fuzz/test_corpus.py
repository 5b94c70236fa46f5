"""Each input of the corpus, as a plain test: those that fuzzing begins with, and those that were findings."""

from __future__ import annotations

import pytest

from . import harnesses
from .guarding import HANG, told
from .running import CORPUS, SLOWER, corpus

FED = [name for name, module in harnesses.names().items() if ".standin" not in module]


@pytest.mark.parametrize("name", FED)
def test_no_input_of_the_corpus_is_a_finding(name: str) -> None:
    harness = harnesses.load(name)
    seconds = SLOWER * getattr(harness, "SECONDS", HANG)  # coverage may be measured here, too

    inputs = corpus(name)
    found = [(data[:100], finding) for data in inputs if (finding := told(harness.TestOneInput, data, seconds))]

    assert inputs != []
    assert found == []


def test_each_folder_of_the_corpus_is_of_a_harness() -> None:
    assert sorted(folder.name for folder in CORPUS.iterdir()) == sorted(FED)
