"""Run cases in a process that may die, hang or grow: what a damaged file does to it is part of the result."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cases import Outcome

LIMIT_S = 30.0
"""Seconds for one case."""
_START_S = 300.0
"""Seconds for a process to begin: it may have to compile."""


class Worker:
    """Hold one process that serves cases; a new one takes over where one has died."""

    def __init__(self, serve: Callable[..., None], *given: Any) -> None:
        self._serve, self._given = serve, given
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=self._serve, args=(theirs, *self._given))
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_START_S) or self._pipe.recv() != "ready":
            raise RuntimeError(f"the process for {self._given} did not start")

    def run(self, case: int, seed: int) -> tuple[Outcome, str]:
        """Run a case."""
        self._pipe.send((case, seed))
        try:
            if self._pipe.poll(LIMIT_S):
                return self._pipe.recv()
            found: tuple[Outcome, str] = ("hang", f"no answer in {LIMIT_S:g} s")
        except EOFError:
            self._process.join()
            found = ("crash", f"exit code {self._process.exitcode}")
        self._process.kill()
        self._process.join()
        self._start()
        return found

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def run_cases(
    cases: Iterable[int], seed: int, serve: Callable[..., None], *given: Any
) -> Iterator[tuple[int, Outcome, str]]:
    """Run cases by number in a process that `serve` serves."""
    worker = Worker(serve, *given)
    try:
        for case in cases:
            yield case, *worker.run(case, seed)
    finally:
        worker.close()
