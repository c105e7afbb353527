"""Show a run's progress: a bar per epoch, and a line that stays."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

from snn.train import Progress

__all__ = ["Bar", "print_line"]


def print_line(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)


class Bar:
    """Show batches as a bar on a terminal, and every epoch as a line."""

    def __init__(self) -> None:
        """Start without a bar."""
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        """Take a report of `snn.train.fit`."""
        if progress.metrics is not None:
            self._close()
            print_line(_line(progress))
            return
        if self._bar is None:
            title = f"epoch {progress.epoch + 1}/{progress.epochs}"
            quiet = not sys.stderr.isatty()
            self._bar = tqdm(total=progress.batches, desc=title, leave=False, disable=quiet)
        self._bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
        self._bar.update()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def _line(progress: Progress) -> str:
    m = progress.metrics or {}
    rates = " ".join(f"{name} {rate:.1%}" for name, rate in m["rates"].items())
    return (
        f"epoch {progress.epoch + 1:>3}/{progress.epochs}  loss {m['train_loss']:.3f}  "
        f"train {m['train_accuracy']:.1%}  valid {m['valid_accuracy']:.1%}  firing {rates}"
    )
