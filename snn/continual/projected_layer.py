"""One layer whose weight learns beside what old tasks use: its subspace, what feeds it, and the projection."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from snn.continual.activity import Activity, Call
from snn.continual.explained_variance import ExplainedVariance
from snn.continual.hebbian_subspace import HebbianSubspace, check_finite, derived_seed
from snn.continual.presynaptic import no_input, places, product, vectors
from snn.core.checks import refusal, whole
from snn.core.files.json_file import fields_of
from snn.kernels.presynaptic import with_traces
from snn.nn import DelayLinear, Layer

__all__ = ["Form", "ProjectedLayer"]

Form = Literal["weight", "input"]
"""Where the projection acts: on the gradient of the weight, or on what that gradient multiplies."""

_Route = Literal["weight", "input", "once"]
"""How a batch is projected: the gradient of the weight, all inputs, or one input for all steps."""

LARGEST = 2.0
"""Eigenvalue of HH' from which on a projection would enlarge what it is to remove."""


class ProjectedLayer:
    """Follow one layer: learn the subspace of its input, and keep its weight's gradient out of the frozen part.

    In the weight form the gradient G [out, n] becomes G - G Ho'Ho before a step of the optimiser. In the input form
    the layer's output is y + (c - c), where c is the output on the frozen part of the input and the second c alone
    has a graph: values stay, and the gradient of the weight is that of x - Ho'Ho x. With linear lateral neurons
    they are equal; the weight form takes the inputs where they are fewer, being the same in all steps.

    A layer with delays is another matter, for each of its synapses meets an earlier input of its own. In the input
    form every tap sees the projected input; in the weight form the gradient of the weights is projected as if there
    were no delays. They are equal where a receiver's synapses share their delay, and then nothing of an old input
    gets through. Elsewhere the weight form is exact for old inputs that hold still over the delays, and both let
    a part through where they do not.

    Attributes:
        name: Name in the model.
        layer: The layer.
        subspace: The subspace of its input.
        activity: Its input since the last step of the optimiser.
        variance: How much of the input each direction explains; None where ranks are given.
        form: The form asked for.
        most: Most vectors of a batch that the subspace learns from, drawn among all.
        batches: Batches learned from.
        to_project: Vectors that came in since the last step and are to be projected.
        learned: Vectors learned from at the last step.
    """

    def __init__(
        self,
        name: str,
        layer: Layer,
        subspace: HebbianSubspace,
        activity: Activity,
        *,
        form: Form,
        most: int,
        by_variance: bool,
    ) -> None:
        self.name, self.layer, self.subspace, self.activity = name, layer, subspace, activity
        self.variance = ExplainedVariance() if by_variance else None
        self.form: Form = form
        self.most = most
        self.batches = self.to_project = self.learned = 0
        self._route: _Route | None = None  # of the batch that is collected
        self._seen: Tensor | None = None  # what the gradient of the weight multiplies in this forward pass
        self._empty = no_input(layer)

    @property
    def weight(self) -> Tensor:
        """The weight that learns."""
        return self.layer.weight  # type: ignore[return-value]

    def look(self, seen: Tensor) -> Tensor:
        """Take notice of what the gradient of the weight multiplies: the layer's input, or its trace."""
        self._seen = seen
        return seen

    def see(self, x: Tensor, y: Tensor, call: Call) -> Tensor | None:
        """Take notice of a forward pass; give the output that is to take the place of y, None: y.

        Args:
            x: Input [T, B, ...].
            y: Output [T, B, ...].
            call: Which part of the batch it is.
        """
        x, seen, self._seen = x.detach(), self._seen, None
        if call.valid.shape != x.shape[:2]:
            rule = f"[T, B] = {list(call.valid.shape)}, as the input of the model"
            raise refusal(f"x of {self.name}", rule, list(x.shape[:2]))
        self._empty = x[:0].flatten(0, 1)
        self.activity.add(x, call)
        if self.subspace.frozen:
            self.to_project += int(call.valid.sum()) * places(self.layer, x)
        if seen is None or not (self.subspace.frozen and y.requires_grad and self.weight.requires_grad):
            return None
        new = self._route is None
        if self._route is None:
            self._route = self._choose(seen)
        if self._route == "weight":
            return None
        if self._route == "once" and (new or _is_constant(seen)):
            seen = seen[:1]
        with torch.autocast(x.device.type, enabled=False), with_traces(None):
            earlier = max(0, len(seen) - len(x))
            c = product(self.layer, self.subspace.reconstruct, seen.to(self.weight.dtype), earlier)
        return y + (c.detach() - c)

    def _choose(self, x: Tensor) -> _Route:
        """Decide how the batch that begins with x is projected."""
        if self.form == "input" or isinstance(self.layer, DelayLinear):
            return self.form
        # a product forward and one backward for each sample, beside passes over y, against those for each output
        cheaper = 4 * x.shape[1] * places(self.layer, x) < min(2 * self.subspace.frozen, self.subspace.n)
        return "once" if cheaper and len(x) > 1 and _is_constant(x) else "weight"

    @torch.no_grad()
    def project_gradient(self) -> None:
        """Take the frozen subspace out of the gradient of the weight, if the batch was not projected by inputs."""
        route, self._route = self._route, None
        if route in ("input", "once") or not self.subspace.frozen or self.weight.grad is None:
            return
        gradient = self.weight.grad
        rows = gradient.reshape(-1, self.subspace.n)
        self.weight.grad = self.subspace.project_(rows).to(gradient).reshape(gradient.shape)

    def learn(self) -> None:
        """Let the subspace learn from what came in, in all processes.

        Raises:
            FloatingPointError: Not all of it is finite; the subspace did not learn from it.
        """
        self.learned = 0
        for inputs in self.activity.take(self._empty.to(self.weight)):
            x = self._draw(vectors(self.layer, inputs))
            try:
                check_finite(f"the input of {self.name}", x)
            except ValueError as error:
                raise FloatingPointError(f"{error}; the rows of this task are kept out") from error
            self.subspace.update(x)
            if self.variance is not None:
                self.variance.add(self.subspace, x)
            self.batches += 1
            self.learned += len(x)

    def _draw(self, x: Tensor) -> Tensor:
        """Draw `most` of the vectors, if there are more, by a number of the batch."""
        if len(x) <= self.most:
            return x
        numbers = torch.Generator().manual_seed(derived_seed(self.subspace.seed, self.batches))
        return x[torch.randperm(len(x), generator=numbers)[: self.most].to(x.device)]

    def begin_task(self, rows: int) -> None:
        """Add rows that learn."""
        self.subspace.grow(rows)
        if self.variance is not None:
            self.variance.clear()

    def check_settled(self) -> None:
        """Refuse rows that enlarge what they should stand for.

        Raises:
            FloatingPointError: The rule ran away.
        """
        rows = self.subspace.learning_rows.double()
        if not len(rows):
            return
        sound = bool(torch.isfinite(rows).all())
        largest = float(torch.linalg.eigvalsh(rows @ rows.t()).max()) if sound else float("nan")
        if not largest < LARGEST:
            raise FloatingPointError(
                f"the subspace of {self.name} must have settled (eigenvalues of HH' near 1, below {LARGEST:g}), "
                f"got {largest:.3g}; its lr {self.subspace.lr:g} is too large for its input"
            )

    def finish_task(self, share: float | None) -> None:
        """Freeze the rows that learned; with a share, as many combinations of them as explain it."""
        rows = len(self.subspace.learning_rows)
        if rows and self.variance is not None and share is not None:
            self.subspace.turn(self.variance.leading(share, rows))
        self.subspace.grow(0)

    def clear(self) -> None:
        """Leave out what was collected since the last step."""
        self.activity.clear()
        self._route, self.to_project = None, 0

    def state_dict(self) -> dict[str, Any]:
        """Give what the next batch depends on."""
        variance = None if self.variance is None else self.variance.state_dict()
        return {"subspace": self.subspace.state_dict(), "batches": self.batches, "variance": variance}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the place of the layer whose state it is.

        Raises:
            ValueError: It is of a layer of another width.
        """
        state = fields_of(f"state of {self.name}", state, ("subspace", "batches", "variance"))
        try:
            self.subspace.load_state_dict(state["subspace"])
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error
        self.batches = whole("batches", state["batches"], low=0)
        if self.variance is not None:
            self.variance.load_state_dict(state["variance"])
        self.clear()


def _is_constant(x: Tensor) -> bool:
    """Tell whether x [T, B, ...] is the same in all steps."""
    return torch.equal(x[0], x[-1]) and bool((x == x[0]).all())
