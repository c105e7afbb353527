"""Learn the subspace of a layer's input by Hebbian and anti-Hebbian steps of lateral weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.continual.lateral_neurons import SpikingLateral
from snn.core.checks import instance, number, refusal, shown, whole

__all__ = ["HebbianSubspace", "check_finite", "derived_seed"]

INNER_STEPS = 5
"""Steps of the rule on one batch."""
EMA = 0.9
"""What the average of the steps keeps of itself."""
CLIP = 10.0
"""Largest entry of a step before it is averaged."""


def derived_seed(*key: int) -> int:
    """Give a seed of its own for each key of whole numbers >= 0."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)


def check_finite(name: str, x: Tensor) -> None:
    """Refuse a tensor with an entry that is not finite.

    Raises:
        ValueError: It has one.
    """
    if bool(torch.isfinite(x.sum())):  # one pass; a sum that overflows is looked at again
        return
    bad = x[~torch.isfinite(x)]
    if len(bad):
        raise refusal(name, "finite", bad[0])


class HebbianSubspace:
    """Hold lateral weights H [M, n] whose rows come to span what vectors x [n] lie in.

    Lateral neurons see y = H x and send H'y back, which is taken from x: the Hebbian term y x' and the anti-Hebbian
    term -y (H'y)' together are Oja's subspace rule, dH = mean of y (x - H'y)' over a batch. A step is clipped to
    [-10, 10], averaged (0.9 of the average, 0.1 of the step) and added `lr` times, five times on every batch. Its
    speed goes as lr |x|^2. Rows that were frozen take part in H'y, and stay.

    The frozen part of H'y is the same in all five steps, for neither x nor these rows move: it is computed once.
    Source: Xiao et al., "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural
    Networks", ICLR 2024; Oja, "Neural networks, principal components, and subspaces", 1989.

    Attributes:
        n: Length of the vectors.
        seed: Decides the rows that are added.
        lr: Learning rate, > 0.
        lateral: How lateral neurons code y; None: as it is, by linear neurons.
        frozen: How many rows stay, 0..M: the first ones.
    """

    def __init__(
        self,
        n: int,
        seed: int = 0,
        *,
        lr: float = 0.01,
        lateral: SpikingLateral | None = None,
        like: Tensor | None = None,
    ) -> None:
        """Start without rows.

        Args:
            n: Length of the vectors, >= 1.
            seed: Decides the rows that are added, >= 0.
            lr: Learning rate, > 0.
            lateral: How lateral neurons code y; None: as it is.
            like: A tensor whose floating point type and device H has; None: torch's defaults.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        self.n = whole("n", n, low=1)
        self.seed = whole("seed", seed, low=0)
        self.lr = number("lr", lr, above=0.0)
        self.lateral = None if lateral is None else instance("lateral", lateral, SpikingLateral)
        like = torch.empty(0) if like is None else like.detach()
        if not like.is_floating_point():
            raise refusal("like", "a floating point tensor", like)
        self.frozen = 0
        self._rows = like.new_zeros(0, self.n)
        self._average = like.new_zeros(0, self.n)
        self._complement: Tensor | None = None

    @property
    def rows(self) -> Tensor:
        """Lateral weights H [M, n], frozen rows first; not to be written into."""
        return self._rows

    @property
    def frozen_rows(self) -> Tensor:
        """The rows that stay, [frozen, n]."""
        return self._rows[: self.frozen]

    @property
    def learning_rows(self) -> Tensor:
        """The rows that learn, [M - frozen, n]."""
        return self._rows[self.frozen :]

    def grow(self, m: int) -> None:
        """Freeze the rows there are, and add m >= 0 that learn: orthonormal among themselves, drawn from the seed.

        Raises:
            ValueError: There would be more rows than a vector has entries, or m is no whole number >= 0.
        """
        m = whole("m", m, low=0)
        if len(self._rows) + m > self.n:
            rule = f"at most {self.n - len(self._rows)}, so that no more rows are than the {self.n} inputs"
            raise refusal("m", rule, m)
        self.frozen = len(self._rows)
        self._complement = None
        drawn = np.random.default_rng((self.seed, self.frozen)).standard_normal((self.n, m))
        q, r = np.linalg.qr(drawn)
        new = torch.from_numpy((q * np.sign(np.diagonal(r))).T.copy()).to(self._rows)
        self._rows = torch.cat([self._rows, new])
        self._average = torch.zeros_like(new)

    def drop(self) -> None:
        """Take away the rows that learn."""
        self._rows = self._rows[: self.frozen].clone()
        self._average = self._average[:0].clone()

    def turn(self, directions: Tensor) -> None:
        """Replace the rows that learn by combinations of them.

        Args:
            directions: Orthonormal combinations [k, M - frozen]; of fewer than there are rows, the rest is lost.

        Raises:
            ValueError: They are of another width.
        """
        learning = self.learning_rows
        if directions.dim() != 2 or directions.shape[1] != len(learning):
            raise refusal("directions", f"[k, {len(learning)}], one column a learning row", directions)
        new = directions.to(learning) @ learning
        self._rows = torch.cat([self.frozen_rows, new])
        self._average = torch.zeros_like(new)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Learn from a batch, by five steps.

        Args:
            x: Vectors [B, n]; none at all teach nothing.

        Raises:
            ValueError: x is of another shape, or not finite; then nothing was learned.
        """
        x = self._checked(x)
        check_finite("x", x)
        rows = self.learning_rows
        if not len(x) or not len(rows):
            return
        rest = x - self.reconstruct(x)
        for _ in range(INNER_STEPS):
            y = self._code(x @ rows.t())
            step = (y.t() @ torch.addmm(rest, y, rows, alpha=-1)).div_(len(x)).clamp_(-CLIP, CLIP)
            self._average.mul_(EMA).add_(step, alpha=1 - EMA)
            rows.add_(self._average, alpha=self.lr)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Give the part Ho'y of vectors x [B, n] that the frozen rows Ho stand for, with y = Ho x as it is coded.

        Raises:
            ValueError: x is of another shape.
        """
        x = self._checked(x)
        return self._code(x @ self.frozen_rows.t()) @ self.frozen_rows

    @torch.no_grad()
    def project_(self, x: Tensor) -> Tensor:
        """Give what frozen rows leave of vectors x [B, n], x - Ho'Ho x, by linear neurons; x may be overwritten.

        By two thin products or one with I - Ho'Ho, whichever is less work.

        Raises:
            ValueError: x is of another shape.
        """
        x, old = self._checked(x), self.frozen_rows
        if 2 * len(old) < self.n:
            return x.addmm_(x @ old.t(), old, alpha=-1)
        if self._complement is None:
            self._complement = torch.addmm(torch.eye(self.n).to(old), old.t(), old, alpha=-1)
        return x @ self._complement

    def state_dict(self) -> dict[str, Any]:
        """Give the rows, the averaged steps of those that learn, and how many are frozen."""
        return {"rows": self._rows.clone(), "average": self._average.clone(), "frozen": self.frozen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the place of the subspace whose state it is.

        Raises:
            ValueError: It is no such state, or of vectors of another length.
        """
        if not isinstance(state, dict) or set(state) != {"rows", "average", "frozen"}:
            raise refusal("state of a HebbianSubspace", "a dict of rows, average and frozen", state)
        rows, average = (instance(name, state[name], Tensor) for name in ("rows", "average"))
        if rows.dim() != 2 or rows.shape[1] != self.n or len(rows) > self.n:
            raise refusal("rows", f"[M, {self.n}] with M <= {self.n}", rows)
        check_finite("rows", rows)
        check_finite("average", average)
        frozen = whole("frozen", state["frozen"], low=0, high=len(rows))
        if average.shape != rows[frozen:].shape:
            raise refusal(
                "average", f"of the shape {list(rows[frozen:].shape)} of the rows that learn", average
            )
        self.frozen = frozen
        self._rows, self._average = rows.to(self._rows, copy=True), average.to(self._rows, copy=True)
        self._complement = None

    def _code(self, y: Tensor) -> Tensor:
        return y if self.lateral is None else self.lateral(y)

    def _checked(self, x: Tensor) -> Tensor:
        """Give x in the type of the rows."""
        if not isinstance(x, Tensor):
            raise TypeError(f"x must be a tensor [B, {self.n}], got {shown(x)}")
        if x.dim() != 2 or x.shape[1] != self.n:
            raise refusal("x", f"[B, {self.n}]", x)
        return x.detach().to(self._rows)
