"""Work on a Dask cluster, by futures of our own loop: what is left over when workers come and go is done again.

Workers need this engine in the same versions, and nothing else: no common folder, no files. What a job returns comes
back through the scheduler. joblib's own Dask backend is not used: it waits for ever for a job that ends its workers.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from trial.errors import Incomplete, Refused, Stopped, TrialError, not_installed
from trial.jobs.processes import ALONE, deaf_children, quiet_children, without_frames
from trial.jobs.provenance import installed

LOCAL = re.compile(r"local:([1-9]\d{0,3})", re.ASCII)
ALLOWED = "local:N for N processes here, or the address of a scheduler, as tcp://10.0.0.1:8786"
PATIENCE_S = 60.0
"""How long nobody may be there to work, before the run stops."""
LOOK_S, CONNECT_S = 1.0, 20
AHEAD = 2
"""Jobs handed out per thread of the cluster: the next one is there when one is done, and few wait in memory."""
TRIES = 2
"""A job that fails on one worker (its disk is full, say) is tried so many times more."""
LOGGING = ("distributed", "tornado", "asyncio")
OURS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 2,
    "distributed.deploy.lost-worker-timeout": "5s",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1
    ),
}
"""Of our own cluster: a job that ended three workers is put aside; a worker is taken for lost after so long. What
watches the processes a hundred times a second is off or rare, and no pages of theirs are served: nobody looks at them.
Memory goes back to the system as in any process: Dask's MALLOC_TRIM_THRESHOLD_ would give it back after every array,
which took a tenth of the time.
"""
One = TypeVar("One")
Result = TypeVar("Result")


def must_be_usable(address: str, workers: int | None = None, backend: str | None = None) -> None:
    """Raises Refused for what is no address, for what is asked of this machine beside it, and when there is no Dask."""
    if workers is not None or backend is not None:
        raise Refused("--dask: not with --workers or --backend, which are of this machine alone")
    if not LOCAL.fullmatch(address) and not re.fullmatch(r"[a-z]+://[^\s/]+|(?!local:)[\w.-]+:\d+", address):
        raise Refused(f"--dask: seen {address!r}; allowed: {ALLOWED}")
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise Refused(f"--dask: {not_installed('dask.distributed', 'dask')}") from None


def each_there(
    client: Any,
    address: str,
    function: Callable[[One], Result],
    jobs: Iterable[One],
    name: Callable[[One], str] = str,
) -> Iterator[tuple[One, Result]]:
    """Every job with what ``function`` makes of it, in the order in which they finish; ``name`` says which one it is.

    ``client``: one that is ``connected`` to ``address``. Function and jobs must be picklable. A worker that is lost
    costs its jobs a second try. A job whose workers end again and again is put aside until the others are done, then
    tried alone. Raises Incomplete, naming them, when some still fail so, Refused when a worker has other versions than
    are here, Stopped when the scheduler goes or nobody is there to work.
    """
    suspects: list[One] = []
    yield from _done(client, function, iter(jobs), address, name, suspects)
    guilty: list[One] = []
    for suspect in suspects:
        yield from _done(client, function, iter([suspect]), address, name, guilty)
    if guilty:
        named = ", ".join(map(name, guilty))
        raise Incomplete(f"{named}: every worker that had it ended (out of memory, perhaps), also alone")


def _done(
    client: Any,
    function: Callable[[One], Result],
    jobs: Iterator[One],
    address: str,
    name: Callable[[One], str],
    suspects: list[One],
) -> Iterator[tuple[One, Result]]:
    """The jobs that finish; those that end their workers are added to ``suspects``."""
    from distributed import KilledWorker

    known, seen = installed(), time.monotonic()
    waiting: dict[Any, One] = {}
    while True:
        threads = threads_of(client, address)
        seen = time.monotonic() if threads else seen
        if time.monotonic() - seen > PATIENCE_S:
            raise Stopped(f"{address}: no worker was there for {PATIENCE_S:.0f} s")
        while len(waiting) < AHEAD * max(threads, 1) and (job := next(jobs, None)) is not None:
            waiting[client.submit(_there, function, job, known, pure=False, retries=TRIES)] = job
        if not waiting:
            return
        for future in _finished(list(waiting), address):
            job, error = waiting.pop(future), _error(future, address)
            if isinstance(error, KilledWorker):
                suspects.append(job)
            elif isinstance(error, TrialError):
                raise error
            elif error is not None:
                raise Stopped(f"{address}: {name(job)}: {type(error).__name__}: {error}") from error
            else:
                yield job, future.result()


def _there(function: Callable[[One], Result], job: One, known: dict[str, str]) -> Result:
    """On a worker: the result of a job, if nothing there can change a number."""
    if ALONE in os.environ:
        without_frames()
    here = installed()
    for name in {**known, **here}:
        was, now = (side.get(name, "not there") for side in (known, here))
        if was != now:
            raise Refused(f"a worker has another {name}: {now}, here it is {was}; install the same on every worker")
    return function(job)


def _finished(futures: list[Any], address: str) -> set[Any]:
    """Those that finished or failed, after LOOK_S at most. Raises Stopped when the scheduler goes."""
    from distributed import TimeoutError as LateError
    from distributed import wait

    try:
        return set(wait(futures, timeout=LOOK_S, return_when="FIRST_COMPLETED").done)
    except (LateError, TimeoutError):
        return set()
    except _gone() as error:
        raise Stopped(f"{address}: the scheduler is gone") from error


def _error(future: Any, address: str) -> BaseException | None:
    """Why a job failed, or None. Raises Stopped where it was given up, as when the scheduler is gone."""
    if future.status == "cancelled" or future.status == "lost":
        raise Stopped(f"{address}: the scheduler is gone")
    return future.exception() if future.status == "error" else None


def threads_of(client: Any, address: str) -> int:
    """Threads of all workers that are there; of our own cluster those that ended are started again.

    Raises Stopped when the scheduler does not answer.
    """
    try:
        found = sum(client.nthreads().values())
    except _gone() as error:
        raise Stopped(f"{address}: the scheduler is gone") from error
    if (local := LOCAL.fullmatch(address)) and found < int(local[1]):
        client.cluster.scale(int(local[1]))
    return found


def _gone() -> tuple[type[BaseException], ...]:
    """What a call raises when the scheduler goes."""
    from distributed import CancelledError

    return CancelledError, OSError, TimeoutError


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler, which is started here for ``local:N``. Raises Refused when none answers."""
    import dask
    from distributed import Client

    with _quiet_logs(), ExitStack() as open_:
        there: Any = address
        if local := LOCAL.fullmatch(address):
            open_.enter_context(dask.config.set(OURS))
            there = open_.enter_context(_started(int(local[1])))
        try:
            client = Client(there, timeout=f"{CONNECT_S} s")
        except (OSError, ValueError) as error:
            raise Refused(f"--dask: no scheduler answers at {address} ({error})") from None
        yield open_.enter_context(client)


def _started(workers: int) -> Any:
    """A cluster of processes of this machine, which end with this one. Raises Stopped when they cannot be started."""
    from distributed import LocalCluster

    try:
        with quiet_children(), deaf_children():
            return LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
            )
    except (RuntimeError, OSError, TimeoutError) as error:
        raise Stopped(f"--dask: {workers} workers could not be started: {error}") from error


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """What Dask tells of lost connections is told by our own messages."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in LOGGING]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
