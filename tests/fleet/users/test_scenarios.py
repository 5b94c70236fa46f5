"""Cassettes are read once, and all is checked before anything is sent."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from recorder.drive.engine.driver import OnMissing
from recorder.errors import NothingSelected, UsageError, ValuesError
from recorder.fleet.users.scenarios import Load, Settings, rate_of

ROOT = Path(__file__).parents[3]
LABS = ROOT / "tests" / "cassettes" / "labs"
GWS, DESK = LABS / "gws.cassette", LABS / "desk.cassette"
TO = "http://127.0.0.1:8090"


def load(*cassettes: Path, environment: dict[str, str] | None = None, **more) -> Load:
    settings = {"to": TO, "allow_all": True, "send_recorded_credentials": True, **more}
    return Load(Settings(cassettes=tuple((one, 1) for one in cassettes or (GWS,)), **settings), environment or {})


def agents(folder: Path, count: int, column: str = "headers.Authorization") -> tuple[Path]:
    path = folder / "agents.csv"
    path.write_text(f"{column}\n" + "".join(f"Basic {number}\n" for number in range(count)))
    return (path,)


def test_what_is_allowed_and_has_its_values_can_begin():
    assert load().problems(200) == []


def test_what_is_not_allowed_is_named_with_its_option():
    made = load(allow_all=False, allow=("GetPreviewRecord", "GetRekord"))

    assert "GetChainedRecord (3 times) may change data; --allow GetChainedRecord allows it" in made.problems()
    assert not any(line.startswith("GetPreviewRecord") for line in made.problems())
    assert made.unused() == ["no request needs the permission 'GetRekord'"]
    assert {step.operation for step in made.refused()} >= {"GetChainedRecord"}


def test_each_user_needs_a_row_of_values(tmp_path):
    made = load(values=agents(tmp_path, 3))

    assert made.problems(3) == []
    assert made.problems(4) == [
        f"{tmp_path / 'agents.csv'} has values for 3 users, and there are 4; add rows, or play with --users 3"
    ]
    assert load(values=agents(tmp_path, 0)).problems() == ["the file with the values of the users has no row"]


def test_a_recorded_token_is_missing_for_another_host_unless_each_row_has_one(tmp_path):
    assert "header Authorization" in load(send_recorded_credentials=False).problems()[0]
    assert load(send_recorded_credentials=False, values=agents(tmp_path, 2)).problems(2) == []


def test_what_only_some_rows_lack_is_told_once(tmp_path):
    path = tmp_path / "agents.csv"
    path.write_text("headers.Authorization,device\nBasic a,\n,d-1\n,d-2\n")

    [problem] = load(send_recorded_credentials=False, values=(path,)).problems()

    assert "header Authorization" in problem


def test_a_mistake_in_any_row_is_told_before_anything_is_sent(tmp_path):
    path = tmp_path / "agents.csv"
    path.write_text('headers.Authorization\nBasic a\n"b\nc"\n')

    with pytest.raises(ValuesError, match="line 4"):
        load(values=(path,)).problems()


def test_users_with_the_same_kinds_of_values_share_one_plan(tmp_path):
    made = load(values=agents(tmp_path, 2, "keys.campaign"))
    [scenario] = made.scenarios
    parts = [made.part(scenario, number, made.rows.values(number), secrets.token_bytes) for number in (0, 1)]

    assert parts[0].plan is parts[1].plan
    assert parts[0].driver is not parts[1].driver
    assert parts[0].plan is not scenario.plan  # it has holes for the campaign
    assert "headers.X" not in str(made.unused())


def test_a_value_that_no_request_takes_is_told(tmp_path):
    assert load(values=agents(tmp_path, 1, "keys.kampagne")).unused() == [
        "no request takes the value keys.kampagne of the values"
    ]


def test_several_cassettes_have_names_of_their_own_and_their_problems_too():
    made = load(GWS, DESK, allow_all=False)

    assert [one.label for one in made.scenarios] == ["gws", "desk"]
    assert any(line.startswith(f"{DESK}: publish /desk/notes may change data") for line in made.problems())
    assert [len(made.writes(one)) for one in made.scenarios] == [18, 9]


def test_a_dry_run_lists_what_the_first_user_sends(tmp_path):
    made = load(values=agents(tmp_path, 1, "keys.campaign"), to="")

    rows = made.listed(made.scenarios[0])

    assert len(rows) == len(made.scenarios[0].plan.steps)
    assert load(values=agents(tmp_path, 0), to="").listed(made.scenarios[0])


def test_only_chosen_sessions_are_played():
    assert load(sessions=("s1",)).scenarios[0].plan.clients.keys() == {"s1"}
    with pytest.raises(UsageError, match="s9"):
        load(sessions=("s9",))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"cassettes": ()}, "name at least one cassette"),
        ({"cassettes": ((GWS, 0),)}, "its weight must be 1 or more"),
        ({"rate": 0.0}, "rate must be a positive number"),
        ({"patience": 0.0}, "patience must be a positive number"),
        ({"to": "http://a:b@host"}, "--to takes no login"),
    ],
)
def test_what_cannot_be_used_is_refused(more, told):
    with pytest.raises(UsageError, match=told):
        Load(Settings(**{"cassettes": ((GWS, 1),), "to": TO, **more}), {})


def test_a_cassette_without_requests_has_nothing_to_send(tmp_path):
    from recorder.cassette.codec import encode_header
    from recorder.model import Header

    path = tmp_path / "empty.cassette"
    path.write_bytes(encode_header(Header(0, "http://host.example", "gws-outbound", "none")))

    with pytest.raises(NothingSelected):
        load(path)


def test_a_rate_is_a_number_or_a_word():
    assert (rate_of("instant"), rate_of(3)) == (float("inf"), 3.0)
    with pytest.raises(UsageError, match="rate must be"):
        rate_of("fast")


def test_a_load_goes_on_without_what_is_missing():
    assert Settings(cassettes=()).on_missing is OnMissing.SKIP
