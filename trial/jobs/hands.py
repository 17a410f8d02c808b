"""One door to whoever works, for every command: threads or processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from trial.jobs.afar import Packed, packed, unpack_and_call
from trial.jobs.cluster import connected, each_there, threads_of
from trial.jobs.processes import deaf_children, end_with, quiet_children
from trial.study.study import Study

One = TypeVar("One")
Result = TypeVar("Result")


class Each(Protocol):
    """Every job with what ``function`` makes of its study and of it, in the order in which they finish.

    ``name`` says which job it is. Where processes work, all of them must be picklable.
    """

    def __call__(
        self,
        function: Callable[[Study, One], Result],
        jobs: Iterable[tuple[Study, One]],
        name: Callable[[One], str] = str,
    ) -> Iterator[tuple[One, Result]]: ...


@dataclass(frozen=True)
class Hands:
    """Who works: ``each`` hands them jobs, ``many`` of which are worked on at once."""

    each: Each
    many: int


@contextmanager
def hands(
    workers: int, dask: str | None = None, backend: str | None = None, prefer: str = "threads"
) -> Iterator[Hands]:
    """Those who work, until the end of the block: ``workers`` here, or the cluster ``dask`` (see ``cluster``).

    ``backend``: of joblib; None: what joblib.parallel_config says, else what is ``prefer``red. It changes no number.
    """
    if dask is None:
        yield Hands(partial(_each_here, workers, backend, prefer), workers)
        return
    with connected(dask) as client:
        yield Hands(partial(_each_afar, client, dask), max(1, threads_of(client, dask)))


def _each_here(
    workers: int,
    backend: str | None,
    prefer: str,
    function: Callable[[Study, One], Result],
    jobs: Iterable[tuple[Study, One]],
    name: Callable[[One], str] = str,
) -> Iterator[tuple[One, Result]]:
    """As ``Each``, on this machine; one worker is this thread."""
    if workers <= 1:
        yield from ((job, function(study, job)) for study, job in jobs)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(
        n_jobs=workers,
        backend=backend,
        prefer=prefer,
        return_as="generator_unordered",
        initializer=end_with,
        initargs=(os.getpid(),),
    )
    handed: dict[int, One] = {}

    def calls() -> Iterator[Any]:
        for number, (study, job) in enumerate(jobs):
            handed[number] = job
            yield delayed(_numbered)(number, function, study, job)

    with quiet_children(), deaf_children():
        finished = parallel(calls())
    yield from ((handed.pop(number), result) for number, result in finished)


def _numbered(number: int, function: Callable[[Study, One], Result], study: Study, job: One) -> tuple[int, Result]:
    return number, function(study, job)


def _each_afar(
    client: Any,
    address: str,
    function: Callable[[Study, One], Result],
    jobs: Iterable[tuple[Study, One]],
    name: Callable[[One], str] = str,
) -> Iterator[tuple[One, Result]]:
    """As ``Each``, on a cluster, where the studies are unpacked."""
    there = each_there(client, address, partial(unpack_and_call, function), _packed(jobs), lambda both: name(both[1]))
    yield from ((job, result) for (_, job), result in there)


def _packed(jobs: Iterable[tuple[Study, One]]) -> Iterator[tuple[Packed, One]]:
    """The jobs with their studies packed, once where several of one study come one after another."""
    last: tuple[Study, Packed] | None = None
    for study, job in jobs:
        if last is None or last[0] is not study:
            last = study, packed(study)
        yield last[1], job
