"""Keep what one Locust process counts, lend rows of values to its users, and end all in order.

This module and `recorder.locust` are the only ones that import Locust, which changes the sockets of the whole process:
they are loaded by a locustfile, and by nothing else.

The master stops by telling its workers to quit and waits half a second for their last statistics. Clients that
disconnect in order take longer, so the master asks first: it sends `recorder_end`, each worker stops its users, reports
its statistics and says `recorder_ended`.
"""

from __future__ import annotations

import csv
import gc
import io
import logging
from itertools import count
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import gevent
from gevent.event import AsyncResult, Event
from locust.env import Environment
from locust.runners import (
    STATE_INIT,
    STATE_MISSING,
    STATE_STOPPED,
    STATE_STOPPING,
    LocalRunner,
    MasterRunner,
    WorkerRunner,
)
from locust.stats import CSV_STATS_INTERVAL_SEC, StatsCSVFileWriter

from ...output import replacing
from .counts import Counts, Fault
from .leases import Leases
from .measuring import Reasons

_KEY: Final = "recorder"  # of our numbers in what workers report
_END, _ENDED = "recorder_end", "recorder_ended"
_ROW, _LENT, _BACK = "recorder_row", "recorder_lent", "recorder_back"
_LOCAL: Final = "local"
_ENDING: Final = 30.0  # seconds for workers to stop their users, beyond what these may take by `--stop-timeout`
_LENDING: Final = 30.0  # seconds for the master to lend a row
_OVER = frozenset({STATE_INIT, STATE_STOPPED, STATE_STOPPING})
_log = logging.getLogger("recorder.locust")
_tables = logging.getLogger("locust.stats_logger")  # where Locust prints its own


class Failure(Exception):  # its name is not shown: the reason is the text in the list of failures
    """A reason, as the list of failures shows it."""

    def __repr__(self) -> str:
        return str(self)


class Ledger:
    """The counts that the users of one environment share.

    Attributes:
        counts: The numbers that Locust has no column for.
        is_ending: Whether no user may begin any more.
    """

    def __init__(self, environment: Environment) -> None:
        """Take part in the events of an environment, whose runner is there."""
        self.counts, self.is_ending = Counts(), False
        self._environment, self._reasons = environment, Reasons()
        self._leases: dict[str, Leases] = {}
        self._rows: dict[str, int | None] = {}
        self._asked: dict[int, AsyncResult[int | None]] = {}
        self._numbers = count()
        self._workers: set[str] = set()  # all that took part in this run; Locust forgets those that are gone
        self._over: set[str] = set()  # those that have said that they have ended, or are counted as lost
        self._ended = Event()
        events = environment.events
        events.test_start.add_listener(self._started)
        events.quitting.add_listener(self._quitting)
        events.quit.add_listener(self._quit)
        match environment.runner:
            case MasterRunner() as runner:
                events.worker_report.add_listener(self._reported)
                events.test_stopping.add_listener(self._stopping)
                runner.register_message(_ENDED, self._worker_ended)
                runner.register_message(_ROW, self._asked_for)
                runner.register_message(_BACK, self._given_back)
            case WorkerRunner() as runner:
                events.report_to_master.add_listener(self._report)
                runner.register_message(_END, self._end)
                runner.register_message(_LENT, self._lent)

    # -- statistics

    def passed(self, kind: str, name: str, milliseconds: float, size: int) -> None:
        """Enter something that went as recorded into the statistics."""
        self._environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=milliseconds,
            response_length=size,
            response=None,
            context={},
            exception=None,
        )

    def failed(self, kind: str, name: str, milliseconds: float | None, reason: str) -> None:
        """Enter something that did not into the statistics, with its reason."""
        self._environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=milliseconds,
            response_length=0,
            response=None,
            context={},
            exception=Failure(self._reasons.short(reason)),
        )

    # -- rows of values

    def has_rows(self, users: str, number: int | None) -> None:
        """Say how many rows there are for a class of users; None if they share their values."""
        self._rows[users] = number

    def take(self, users: str) -> int | None:
        """Return a row for one more user of a class; None if there is none left."""
        if self._rows.get(users) is None:
            return 0
        runner = self._environment.runner
        if not isinstance(runner, WorkerRunner):
            return self._lease(users).take(_LOCAL, {_LOCAL})
        number = next(self._numbers)
        asked = self._asked[number] = AsyncResult()
        runner.send_message(_ROW, {"number": number, "users": users, "rows": self._rows[users]})
        try:
            row: int | None = asked.get(timeout=_LENDING)
        except gevent.Timeout:
            return None
        finally:
            del self._asked[number]
        return row

    def give(self, users: str, row: int) -> None:
        """Take back the row of a user."""
        if self._rows.get(users) is None:
            return
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(_BACK, {"users": users, "row": row})
        else:
            self._lease(users).give(row)

    def none_left(self, users: str) -> None:
        """Count a user that found no row, and so does not begin."""
        self.counts.faults[Fault.NOT_BEGUN.value] += 1
        rows = self._rows.get(users)
        self.failed("session", users, None, f"{Fault.NOT_BEGUN.value}: its values have {rows} rows, one for each user")

    def _lease(self, users: str) -> Leases:
        if users not in self._leases:
            self._leases[users] = Leases(self._rows.get(users))
        return self._leases[users]

    def _asked_for(self, environment: Environment, msg: Any, **_: Any) -> None:
        runner = environment.runner
        if isinstance(runner, MasterRunner):
            self._rows.setdefault(msg.data["users"], msg.data["rows"])  # a master without --host has read nothing
            row = self._lease(msg.data["users"]).take(msg.node_id, set(runner.clients))
            runner.send_message(_LENT, {"number": msg.data["number"], "row": row}, msg.node_id)

    def _lent(self, msg: Any, **_: Any) -> None:
        asked = self._asked.get(msg.data["number"])
        if asked is not None:
            asked.set(msg.data["row"])

    def _given_back(self, msg: Any, **_: Any) -> None:
        self._lease(msg.data["users"]).give(msg.data["row"])

    # -- begin and end

    def _started(self, **_: Any) -> None:
        self.counts.clear()
        self._workers.clear()
        self._over.clear()
        self.is_ending = False

    def _report(self, data: dict[str, Any], **_: Any) -> None:
        data[_KEY] = self.counts.take()

    def _reported(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        self._workers.add(client_id)
        self.counts.add(data.get(_KEY, {}))

    def _stopping(self, environment: Environment, **_: Any) -> None:
        """Let all workers end their users and report, before the master goes on."""
        runner = environment.runner
        if not isinstance(runner, MasterRunner):
            return
        self._workers |= set(runner.clients)
        self.is_ending = True
        with gevent.Timeout(_ENDING + environment.stop_timeout, False):  # it raises nothing
            for worker in _present(runner):
                runner.send_message(_END, None, worker)
            while (self._workers - self._over) & _present(runner):
                self._ended.clear()
                self._ended.wait(1.0)  # a worker that is gone says nothing
        for worker in sorted(self._workers - self._over):
            self._worker_lost(worker)

    def _worker_lost(self, worker: str) -> None:
        """Count a worker that did not report its last numbers: what happened to its users is not known."""
        self._over.add(worker)
        _log.error("worker %s ended without a word; its last numbers are missing", worker)
        self.counts.faults[Fault.WORKER_LOST.value] += 1
        self.failed("session", "worker", None, f"{Fault.WORKER_LOST.value}: its last numbers are missing")

    def _worker_ended(self, msg: Any, **_: Any) -> None:
        self._over.add(msg.node_id)
        self._ended.set()

    def _end(self, environment: Environment, **_: Any) -> None:
        gevent.spawn(self._end_worker, environment.runner)  # the listener of messages must go on

    def _end_worker(self, runner: Any) -> None:
        self.is_ending = True
        runner.stop()
        self._send_statistics(runner)
        runner.send_message(_ENDED)

    def _send_statistics(self, runner: WorkerRunner) -> None:
        data: dict[str, Any] = {}
        self._environment.events.report_to_master.fire(client_id=runner.client_id, data=data)
        runner.send_message("stats", data)

    def _quitting(self, environment: Environment, **_: Any) -> None:
        """End what still runs, after Ctrl-C; then say by the exit code whether all went as recorded."""
        match environment.runner:
            case MasterRunner() as runner if runner.state not in _OVER:
                runner.stop(send_stop_to_client=False)
            case WorkerRunner() as runner if runner.state not in _OVER and not self.is_ending:
                self._end_worker(runner)
            case LocalRunner() as runner if runner.state not in _OVER:
                runner.stop()
        if environment.process_exit_code is None and not self.counts.is_clean:
            environment.process_exit_code = 1

    def _quit(self, **_: Any) -> None:
        """Print the numbers after Locust's own tables, and write them beside its CSV files."""
        environment = self._environment
        if isinstance(environment.runner, WorkerRunner):
            return
        prefix = getattr(environment.parsed_options, "csv_prefix", None)
        if prefix:
            _finish_tables()
        for line in self.counts.lines():
            _tables.info("%s", line)
        if prefix:
            text = io.StringIO(newline="")
            csv.writer(text).writerows([("Group", "Name", "Count"), *self.counts.rows()])
            with replacing(Path(f"{prefix}_sessions.csv"), force=True) as file:
                file.write(text.getvalue().encode())


def _finish_tables() -> None:
    """Let Locust write its CSV files once more, and then no more: it closes them, and waits for its workers."""
    gevent.sleep(CSV_STATS_INTERVAL_SEC)
    writers = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and _writes_tables(one)]
    gevent.killall(writers)


def _writes_tables(greenlet: gevent.Greenlet) -> bool:
    return isinstance(getattr(getattr(greenlet, "_run", None), "__self__", None), StatsCSVFileWriter)


def _present(runner: MasterRunner) -> set[str]:
    """Return the ids of the workers that are heard of; Locust keeps those that are gone for another minute."""
    return {name for name, node in runner.clients.items() if node.state != STATE_MISSING}


_ledgers: WeakKeyDictionary[Environment, Ledger] = WeakKeyDictionary()


def ledger_of(environment: Environment) -> Ledger:
    """Return the ledger of an environment; the first call makes it."""
    found = _ledgers.get(environment)
    if found is None:
        found = _ledgers[environment] = Ledger(environment)
    return found
