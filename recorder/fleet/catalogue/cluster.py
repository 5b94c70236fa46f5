"""Spread the reading of cassettes over the workers of a Dask cluster.

The workers need this package and the files. Results come back a few at a time, packed, and never all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from ...errors import UpstreamError, UsageError, WorkerError

_PATIENCE = 30  # seconds for a cluster to answer
_AHEAD = 2  # items beside those that are worked at


def spread_over(
    scheduler: str, make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], items: Iterable[Any]
) -> Iterator[Any]:
    """Yield what a function returns for each item, as the workers of a cluster are done with them.

    Args:
        scheduler: Address of the scheduler, such as `tcp://127.0.0.1:8786`.
        make: Returns the function for some arguments. It must be a function of a module.
        args: The arguments.
        items: The items; no more of them are with the cluster at a time than it can work at, and two.

    Raises:
        UsageError: If the library is missing.
        UpstreamError: If the scheduler does not answer, or has no workers.
        WorkerError: If a worker died, again and again, at one item, or lacks this package.
    """
    try:
        from distributed import Client  # noqa: PLC0415  # an extra, and slow to import
    except ImportError as exc:
        problem = f"--scheduler needs {(exc.name or '').partition('.')[0]}"
        raise UsageError(f"{problem}: pip install 'outbound-recorder[cluster]'") from exc
    try:
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as exc:
        raise UpstreamError(f"{scheduler}: no Dask scheduler answers: {exc}") from exc
    with client:
        yield from _results(client, scheduler, make, args, iter(items))


def _results(
    client: Any, scheduler: str, make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], items: Iterator[Any]
) -> Iterator[Any]:
    from distributed import as_completed  # noqa: PLC0415  # see above

    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError as exc:
        raise UpstreamError(f"{scheduler}: has no workers; start some with dask worker {scheduler}") from exc
    room = sum(client.nthreads().values()) + _AHEAD
    first = [client.submit(_call, make, args, item, pure=False) for item in islice(items, room)]
    going = as_completed(first, loop=client.loop)
    for future in going:
        result = _result_of(future, scheduler)
        future.release()
        for item in islice(items, 1):
            going.add(client.submit(_call, make, args, item, pure=False))
        yield result


def _result_of(future: Any, scheduler: str) -> Any:
    from distributed import KilledWorker  # noqa: PLC0415  # see above

    try:
        return future.result()
    except KilledWorker as exc:
        raise WorkerError(f"{scheduler}: a worker died again and again, perhaps because memory ran out") from exc
    except ImportError as exc:
        raise WorkerError(f"{scheduler}: the workers lack outbound-recorder[catalogue]: {exc}") from exc


def _call(make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], item: Any) -> Any:
    return make(*args)(item)
