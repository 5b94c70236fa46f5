from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import UsageError
from recorder.plugin.settings import Settings, is_recorded, of_marker, own_name, path_of, rate_of
from recorder.replay.engine.policy import Repeat

FOLDER = Path("/suite/cassettes")
OWN = Settings((FOLDER / "test_a" / "test_b.cassette",))


def marked(*names: Any, **options: Any) -> Settings:
    return of_marker(OWN, FOLDER, names, options)


def test_a_marker_without_a_name_plays_the_tests_own_cassette() -> None:
    assert marked() == OWN


def test_names_are_files_in_the_folder_with_or_without_their_ending() -> None:
    names = marked("preview", "sub/chained", "other.cassette", "v1.2").cassettes

    assert names == tuple(FOLDER / f"{n}.cassette" for n in ("preview", "sub/chained", "other", "v1.2"))


def test_a_whole_path_is_taken_as_it_is() -> None:
    assert path_of(FOLDER, Path("/elsewhere/s.jnl")) == Path("/elsewhere/s.jnl")


@pytest.mark.parametrize("name", ["../secret", "a/../../b", "", 7, None, "a\0b"])
def test_a_name_that_leads_out_of_the_folder_or_is_none_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="cassette"):
        marked(name)


def test_each_option_is_taken_over_the_runs() -> None:
    settings = marked(
        rate="instant", repeat="cycle", strict=True, faults=["drop event X"], misses="warn", unplayed="fail",
        mode="once", upstream="http://gws", seed=3, dialect="gws-outbound",
    )  # fmt: skip

    assert settings == Settings(
        OWN.cassettes, "once", "http://gws", math.inf, Repeat.CYCLE, True, ("drop event X",), "warn", "fail", 3,
        "gws-outbound",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"unplayd": "fail"}, "no option 'unplayd'; did you mean 'unplayed'"),
        ({"xyz": 1}, "no option 'xyz'; there are mode, upstream"),
        ({"unplayed": "fial"}, "unplayed must be one of fail, warn, ignore, not 'fial'; did you mean 'fail'"),
        ({"mode": "new"}, "mode must be one of"),
        ({"rate": 0}, "rate must be a positive number, 'instant' or 'virtual', not 0"),
        ({"rate": True}, "rate must be"),
        ({"rate": math.nan}, "rate must be"),
        ({"repeat": "often"}, "repeat must be one of error, last, cycle"),
        ({"strict": 1}, "strict must be of type bool, not 1"),
        ({"seed": True}, "seed must be of type int"),
        ({"faults": "drop event X"}, "faults must be a list of strings"),
        ({"faults": 7}, "faults must be a list of strings"),
        ({"record_options": ()}, "no option 'record_options'"),
        ({"drive": "yes"}, "drive must be of type bool, not 'yes'"),
        ({"to": 8090}, "to must be of type str, not 8090"),
        ({"values": {"Authorization": "x"}}, "values must be the path of a file"),
        ({"values": ""}, "values must be the path of a file"),
        ({"allow": 1}, "allow must be a string or a list of strings, not 1"),
        ({"allow_all": 1}, "allow_all must be of type bool"),
        ({"on_missing": "sned"}, "on_missing must be one of stop, skip, send, not 'sned'; did you mean 'send'"),
        ({"patience": 0}, "patience must be a positive number of seconds, not 0"),
        ({"patience": True}, "patience must be a positive number of seconds"),
        ({"patience": math.nan}, "patience must be a positive number of seconds"),
        ({"findings": "no"}, "findings must be one of fail, warn, ignore"),
    ],
)
def test_an_option_nobody_can_read_is_an_error_that_says_what_can(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        marked(**options)


def test_the_options_of_a_drive_are_taken() -> None:
    settings = marked(drive=True, to="http://sim", values="v.toml", allow="Get", on_missing="skip", patience=2)

    assert (settings.drive, settings.to, settings.values) == (True, "http://sim", Path("v.toml"))
    assert (settings.allow, settings.on_missing, settings.patience) == (("Get",), "skip", 2.0)


def test_paces() -> None:
    assert [rate_of("rate", value) for value in (1, 2.5, "instant", "virtual", None)] == [1, 2.5, math.inf, None, None]


def test_a_cassette_is_named_by_the_classes_and_the_test_with_its_parameters() -> None:
    assert own_name(["TestDesk", "test_a[x-1]"]) == "TestDesk.test_a[x-1]"


def test_what_is_unfit_for_a_file_is_replaced_and_names_stay_different() -> None:
    names = {own_name([name]) for name in ("test[a/b]", "test[a-b]", "test[a:b]", "test[..]", "test[\ud800]")}

    assert len(names) == 5
    assert not any("/" in name or ":" in name for name in names)


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    one, other = own_name(["t" * 500 + "1"]), own_name(["t" * 500 + "2"])

    assert one != other
    assert len(one) < 200


@pytest.mark.parametrize(
    ("mode", "there", "begun", "recorded"),
    [
        ("none", False, False, False),
        ("once", True, False, False),
        ("once", False, False, True),
        ("once", True, True, True),  # by an earlier test of this run
        ("new_episodes", True, False, True),
        ("all", True, False, True),
    ],
)
def test_what_is_recorded(mode: str, there: bool, begun: bool, recorded: bool, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    if there:
        path.touch()

    assert is_recorded(Settings((path,), mode), {path} if begun else set()) is recorded


def test_several_cassettes_are_played_but_not_recorded(tmp_path: Path) -> None:
    there, missing = tmp_path / "a.cassette", tmp_path / "b.cassette"
    there.touch()

    assert not is_recorded(Settings((there, there), "once"), set())
    with pytest.raises(UsageError, match=r"one cassette, this test names a.cassette, b.cassette"):
        is_recorded(Settings((there, missing), "once"), set())


def test_hosts_and_origins_are_allowed_one_or_many() -> None:
    assert marked(allow_host="a.example").allow_host == ("a.example",)
    assert marked(allow_origin=["null", "https://a.example"]).allow_origin == ("null", "https://a.example")


@pytest.mark.parametrize("value", [None, 7, [7], b"a", {"a": 1}])
def test_a_host_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="allow_host must be a string or a list of strings"):
        marked(allow_host=value)


def test_a_cassette_may_be_named_by_its_url(tmp_path: Path) -> None:
    assert str(path_of(tmp_path, "s3://team/a/day.cassette")) == "s3://team/a/day.cassette"
