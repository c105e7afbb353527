"""How much of a layer's input a subspace explains, and how many rows are needed for a share of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn.continual.hebbian_subspace import HebbianSubspace

__all__ = ["ExplainedVariance"]

KEEPS = 0.99
"""What the averages over batches keep of themselves: the rows still move while they learn."""


class ExplainedVariance:
    """Average, over the batches of a task, the energy |x|^2 of its vectors and what the rows explain of it.

    The energy is about zero, not about the mean: a weight's gradient multiplies vectors as they are.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a task."""
        self._energy = self._old = 0.0
        self._moments: Tensor | None = None

    @torch.no_grad()
    def add(self, subspace: HebbianSubspace, x: Tensor) -> None:
        """Take in a batch of vectors [B, n]."""
        if not len(x):
            return
        x = x.to(subspace.rows)
        rest = x - subspace.reconstruct(x)
        y = x @ subspace.learning_rows.t()
        energy, left = (float(part.double().square().sum()) / len(x) for part in (x, rest))
        moments = y.t() @ y / len(x)
        self._energy = KEEPS * self._energy + (1 - KEEPS) * energy
        self._old = KEEPS * self._old + (1 - KEEPS) * (energy - left)
        before = torch.zeros_like(moments) if self._moments is None else self._moments
        self._moments = KEEPS * before + (1 - KEEPS) * moments

    def leading(self, share: float, rows: int) -> Tensor:
        """Give the fewest orthonormal combinations [k, rows] of learning rows that explain a share with the old.

        All of them where even they explain less; none where the frozen rows explain it alone, or nothing came in.
        """
        if self._moments is None:
            return torch.zeros(0, rows)
        values, directions = torch.linalg.eigh(self._moments.double())
        explained = self._old + torch.cat([values.new_zeros(1), values.flip(0).clamp(min=0).cumsum(0)])
        enough = explained >= share * self._energy
        k = int(enough.nonzero()[0]) if bool(enough.any()) else len(values)
        leading: Tensor = directions.flip(1)[:, :k].t()
        return leading

    def state_dict(self) -> dict[str, Any]:
        """Give the averages."""
        return {"energy": self._energy, "old": self._old, "moments": self._moments}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the place of the averages whose state it is."""
        self._energy, self._old = state["energy"], state["old"]
        self._moments = state["moments"]
