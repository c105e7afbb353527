"""Collect what comes into a layer between two steps of the optimiser, whatever pieces the steps come in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from snn.train import processes

__all__ = ["Activity", "Call", "Feed"]

Feed = Literal["rates", "spikes", "traces"]
"""What a subspace learns from: each sample's mean input over its steps; its input of every step; or, step by step,
that input and its decaying trace."""


@dataclass(frozen=True, slots=True)
class Call:
    """Say which part of a batch a layer is run on.

    Attributes:
        sequence: Number of the sequences of samples that run together; their pieces in time have the same.
        turn: How often the layer ran in this piece before.
        valid: Steps within the samples' lengths, bool [T, B].
    """

    sequence: int
    turn: int
    valid: Tensor

    @property
    def key(self) -> tuple[int, int]:
        """What the pieces of one sequence have in common."""
        return self.sequence, self.turn


class Activity:
    """Hold the input of one layer since it was last taken.

    Attributes:
        feed: What of it is kept.
        trace_decay: What a trace keeps of itself in a step, in [0, 1); None: the input has no trace.
    """

    def __init__(self, feed: Feed, trace_decay: float | None = None) -> None:
        self.feed: Feed = feed
        self.trace_decay = trace_decay
        self._sums: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._steps: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}

    def add(self, x: Tensor, call: Call) -> None:
        """Keep a piece x [T, B, ...]."""
        x = x.detach()
        if self.feed != "rates":
            self._steps.setdefault(call.key, []).append((x, call.valid))
            return
        if not bool(call.valid.all()):
            x = torch.where(call.valid.reshape(*call.valid.shape, *[1] * (x.dim() - 2)), x, 0.0)
        total, steps = x.sum(0), call.valid.sum(0)
        if call.key in self._sums:
            before = self._sums[call.key]
            total, steps = before[0] + total, before[1] + steps
        self._sums[call.key] = total, steps

    def clear(self) -> None:
        """Forget what was not taken."""
        self._sums.clear()
        self._steps.clear()

    def take(self, like: Tensor) -> Iterator[Tensor]:
        """Give what was collected in all processes, as batches of inputs [R, ...] to learn from one after another.

        Args:
            like: No samples [0, ...] of the layer's input, for a process that has none.
        """
        if self.feed == "rates":
            yield self._rates(like)
        elif self.feed == "spikes":
            x, valid = self._all_steps(like)
            yield x[valid]
        else:
            yield from self._with_traces(*self._all_steps(like))
        self.clear()

    def _rates(self, like: Tensor) -> Tensor:
        rates = [
            total[steps > 0] / steps[steps > 0].reshape(-1, *[1] * (total.dim() - 1)).to(total)
            for total, steps in self._sums.values()
        ]
        return processes.gather_samples(torch.cat([like, *rates]))

    def _all_steps(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Give the samples [B, T, ...] of all processes and their valid steps [B, T]."""
        x, valid = [], []
        for pieces in self._steps.values():
            x.append(torch.cat([part for part, _ in pieces]).transpose(0, 1))
            valid.append(torch.cat([part for _, part in pieces]).t())
        longest = processes.largest(max((part.shape[1] for part in x), default=0))
        x = [_longer(part, longest) for part in [like[:, None], *x]]
        valid = [_longer(part, longest) for part in [like.new_zeros(0, 1, dtype=torch.bool), *valid]]
        return processes.gather_samples(torch.cat(x)), processes.gather_samples(torch.cat(valid))

    def _with_traces(self, x: Tensor, valid: Tensor) -> Iterator[Tensor]:
        trace = torch.zeros_like(x[:, 0])
        for step, counted in zip(x.unbind(1), valid.unbind(1), strict=True):
            if self.trace_decay is None:
                yield step[counted]
                continue
            trace = self.trace_decay * trace + step
            yield torch.cat([step[counted], trace[counted]])


def _longer(x: Tensor, steps: int) -> Tensor:
    """Append steps of zeros to x [B, T, ...]."""
    return torch.cat([x[:, :steps], x.new_zeros(len(x), max(0, steps - x.shape[1]), *x.shape[2:])], 1)
