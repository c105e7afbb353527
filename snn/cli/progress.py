"""Show a run's progress: a bar per epoch, and a line that stays."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import snn

__all__ = ["Bar", "print_line"]


def print_line(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)


class Bar:
    """Show batches as a bar on a terminal, and every epoch as a line."""

    def __init__(self, epoch_line: Callable[[snn.train.Progress], str]) -> None:
        """Start without a bar; `epoch_line` makes the line of an epoch that is done."""
        self._epoch_line = epoch_line
        self._bar: Any = None

    def __call__(self, progress: snn.train.Progress) -> None:
        """Take a report of `snn.train.fit`."""
        if progress.metrics is not None:
            self._close()
            print_line(self._epoch_line(progress))
            return
        if self._bar is None:
            from tqdm import tqdm  # only a run that trains needs it

            title = f"epoch {progress.epoch + 1}/{progress.epochs}"
            quiet = not sys.stderr.isatty()
            self._bar = tqdm(total=progress.batches, desc=title, leave=False, disable=quiet)
        self._bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
        self._bar.update()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
