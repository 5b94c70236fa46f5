from __future__ import annotations

import pytest

from benchmarks import flakes


@pytest.mark.once
def test_tests_that_share_cassettes_do_not_disturb_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    code = flakes.main(["--runs", "2", "--workers", "4"])

    told = capsys.readouterr()
    assert code == 0, told.err
    assert "2 runs, 40 tests, 0 failures" in told.out


@pytest.mark.once
def test_a_test_that_hears_of_another_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crossed = flakes.SUITE.replace('assert data["referenceId"] == f"{own}', 'assert data["referenceId"] == f"x{own}')
    monkeypatch.setattr(flakes, "SUITE", crossed)

    code = flakes.main(["--runs", "1", "--workers", "0"])

    assert code == 1
    assert "1 runs, 20 tests, 20 failures" in capsys.readouterr().out
