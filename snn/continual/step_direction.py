"""See whether an optimiser stepped where the projected gradients point."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from snn.core.checks import refusal

__all__ = ["StepDirection"]

LEAST_COSINE = 0.95
"""Of the angle between a step and what goes against the gradient."""
LEAST_STEP = 1e-5
"""Share of the weights' norm below which a step is not looked at: rounding turns it."""


class StepDirection:
    """Compare the first step of a task with the gradient that it is to go against.

    An optimiser that scales weights one by one (Adam) or carries steps of the task before (momentum) leaves what
    gradients were projected on, whatever settings it was made from.
    """

    def __init__(self) -> None:
        self._before: dict[str, tuple[Tensor, Tensor]] = {}

    def expect(self, weights: Mapping[str, Tensor]) -> None:
        """Remember the weights and their gradients ahead of a step."""
        self._before = {
            name: (weight.detach().clone(), weight.grad.detach().clone())
            for name, weight in weights.items()
            if weight.grad is not None
        }

    def forget(self) -> None:
        """Compare nothing."""
        self._before = {}

    def check(self, weights: Mapping[str, Tensor]) -> None:
        """Look at the weights after the step; at none that hardly moved.

        Raises:
            ValueError: A weight went elsewhere.
        """
        before, self._before = self._before, {}
        for name, (weight, gradient) in before.items():
            step = weights[name].detach() - weight
            if float(step.norm()) <= LEAST_STEP * float(weight.norm()):
                continue
            cosine = -float((step * gradient).sum() / (step.norm() * gradient.norm()))
            if not cosine >= LEAST_COSINE:
                rule = (
                    f"one whose first step of a task goes against the projected gradient of {name} (SGD without "
                    "momentum of another task)"
                )
                raise refusal("optimizer", rule, f"a cosine of {cosine:.2f} between them")
