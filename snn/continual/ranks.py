"""How many rows each layer's subspace gets for each task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from snn.core.checks import number, refusal, whole

__all__ = ["RankPlan", "Ranks"]

Ranks = int | float | Mapping[str, Sequence[int]]
"""Rows of every task, the same for all layers; or the share of the input's energy, in (0, 1), that a task's rows
explain together with the old ones; or a list for each layer, by name: rows of the first task, the second, ..."""

CANDIDATES = 4
"""One row of so many inputs is a candidate where a share decides how many stay."""


class RankPlan:
    """Say how many rows a layer gets for a task.

    Attributes:
        share: Share of the energy that decides instead, after the task; None: ranks are given.
    """

    def __init__(self, ranks: Ranks, widths: Mapping[str, int]) -> None:
        """Check what is asked for.

        Args:
            ranks: What is asked for.
            widths: Inputs of each layer, by its name.

        Raises:
            ValueError: It is nothing of the kind, names another layer or not all of them, or a layer has more rows
                than inputs.
        """
        self.share: float | None = None
        self._widths = dict(widths)
        self._each: int | None = None
        self._lists: dict[str, list[int]] = {}
        if isinstance(ranks, Mapping):
            self._read_lists(ranks)
        elif isinstance(ranks, float):
            self.share = number("ranks", ranks, above=0.0, below=1.0)
        else:
            self._each = whole("ranks", ranks, low=1)
            for name, width in self._widths.items():
                if self._each > width:
                    raise refusal("ranks", f"at most {width}, the inputs of {name}", ranks)

    def _read_lists(self, ranks: Mapping[str, Sequence[int]]) -> None:
        if set(ranks) != set(self._widths):
            raise refusal("ranks", f"a list for each of the layers {list(self._widths)}", list(ranks))
        for name, width in self._widths.items():
            given: Any = ranks[name]
            if not isinstance(given, list | tuple) or not given:
                raise refusal(f"ranks[{name!r}]", "a list of rows: of the first task, the second, ...", given)
            rows = [whole(f"ranks[{name!r}][{i}]", m, low=0) for i, m in enumerate(given)]
            if sum(rows) > width:
                raise refusal(f"ranks[{name!r}]", f"at most {width} rows together, the layer's inputs", given)
            self._lists[name] = rows

    def rows(self, name: str, task: int, frozen: int) -> int:
        """Give how many rows a layer gets for a task.

        Args:
            name: Layer.
            task: Task, from 0.
            frozen: Rows of the tasks before.

        Raises:
            ValueError: Its list has no entry for the task, or it would have more rows than inputs.
        """
        width = self._widths[name]
        if self.share is not None:
            return min(width - frozen, math.ceil(width / CANDIDATES))
        if self._each is not None:
            if frozen + self._each > width:
                rule = f"at most {width - frozen} in task {task + 1}, for {name} has {width} inputs"
                raise refusal("ranks", rule, self._each)
            return self._each
        given = self._lists[name]
        if task >= len(given):
            raise refusal(f"ranks[{name!r}]", f"a list with rows for task {task + 1}", given)
        return given[task]

    def describe(self) -> Any:
        """Give what was asked for, as JSON values."""
        if self.share is not None:
            return self.share
        return self._lists if self._each is None else self._each
