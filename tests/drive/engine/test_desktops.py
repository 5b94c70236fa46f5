"""What a drive does with sessions as desktops have them; `docs/drive.md` says so too."""

from __future__ import annotations

import pytest

from recorder.dialect.definition import load
from recorder.drive.engine.needs import with_given
from recorder.drive.engine.plan import Act, Why
from recorder.drive.engine.values import Values

from . import desktops
from .plans import acts, hole, planned, sources, titled, waits


def test_two_windows_are_two_connections_that_both_hear():
    plan = planned(desktops.two_windows())

    assert plan.clients["s1"].connections == ("client1", "client2")
    assert [one.replaces for one in plan.connections.values()] == ["", ""]
    assert waits(plan, titled(plan, "CompleteRecord"), Why.ORDER, Why.VALUE).count("PreviewRecord") == 2


def test_a_page_that_is_loaded_again_takes_the_handle_from_its_session_before():
    plan = planned(desktops.a_page_that_is_loaded_again())

    assert [one.replaces for one in plan.connections.values()] == ["", "client1"]
    assert sources(plan, titled(plan, "GetChainedRecord"), "handle") == ["PreviewRecord"]


def test_a_window_that_is_closed_is_no_page_that_is_loaded_again():
    plan = planned(desktops.a_window_that_is_closed())

    assert acts(plan).count(Act.DISCONNECT) == 1
    assert [one.replaces for one in plan.connections.values()] == ["", ""]


def test_who_is_idle_sends_what_keeps_the_session_alive_and_no_polls():
    plan = planned(desktops.an_idle_hour())

    pings = [step for step in plan.steps if step.title == "GET /api/v2/ping"]
    assert len(pings) == 15
    assert [step.holes for step in pings] == [()] * 15  # the time in the query is sent as recorded
    think = titled(plan, "CompleteRecord").t - max(cause.t for cause in titled(plan, "CompleteRecord").causes)
    assert think < 60e9


def test_who_gets_a_record_first_is_waited_for_by_the_other():
    plan = planned(desktops.a_preview_that_somebody_else_takes())

    assert sources(plan, titled(plan, "CompleteRecord"), "handle") == ["PreviewRecord"]
    assert "RecordCancel" in waits(plan, titled(plan, "GetPreviewRecord"), Why.ORDER, Why.VALUE)
    (gone,) = [told for told in plan.told if told.name == "RecordCancel"]
    assert gone.step == titled(plan, "CompleteRecord").number


def test_events_that_nobody_asked_for_are_waited_for():
    plan = planned(desktops.events_that_nobody_asked_for())

    assert waits(plan, titled(plan, "CompleteRecord"), Why.ORDER)[1:] == ["/v2/me/devices", "CampaignUnloaded"]
    assert [told.n for told in plan.told if told.event is not None] == [1, 0, 0, 2]


def test_ids_inside_texts_are_found_on_both_sides():
    step = titled(planned(desktops.ids_inside_texts()), "AddNote")

    assert [(one.recorded, one.place) for one in step.holes] == [
        ("rec-77a1", ("path", 5)),
        ("rec-77a1", ("member", "text")),
        ("0c2f-4d1e", ("member", "text")),
    ]


def test_zeros_before_a_number_count():
    step = titled(planned(desktops.ids_with_leading_zeros()), "CompleteRecord")

    assert hole(step, "handle").recorded == "000471"
    assert "dialingAttempts" not in {one.place[-1] for one in step.holes}


@pytest.mark.parametrize("title", ["RescheduleRecord", "CancelReschedule"])
def test_a_time_that_an_agent_chose_is_sent_as_recorded(title):
    step = titled(planned(desktops.a_callback_in_an_hour()), title)

    assert "dateTime" not in {one.place[-1] for one in step.holes}


def test_a_time_may_be_given_for_one_operation():
    values = Values.parse('[keys]\n"RescheduleRecord.dateTime" = "env:IN_AN_HOUR"', "v.toml", {"IN_AN_HOUR": "later"})
    plan = with_given(planned(desktops.a_callback_in_an_hour()), values, load())

    (own,) = [one for step in plan.steps for one in step.holes if one.place[-1] == "dateTime"]
    assert own in titled(plan, "RescheduleRecord").holes
    assert values.value(own, "s1", "RescheduleRecord") == "later"


def test_a_double_click_waits_for_no_answer():
    plan = planned(desktops.a_double_click())

    assert waits(plan, titled(plan, "CompleteRecord", 1), Why.TURN, Why.ORDER) == ["CompleteRecord"]
    assert hole(titled(plan, "CompleteRecord", 1), "reference").is_fresh


def test_who_logs_in_again_waits_for_the_end_of_the_shift_before():
    plan = planned(desktops.a_shift_that_ends_and_begins())

    again = titled(plan, "POST /api/login", 1)
    assert waits(plan, again, Why.OTHER) == ["POST /api/logout", "answer to POST /api/logout"]
