"""Weights between the parts of a block."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import linear

from snn.hardware import register_counter
from snn.language.counters import count_projection
from snn.nn import Linear, register_layer
from snn.nn.tensor_checks import check_input, check_stateless

__all__ = ["Projection"]


@register_layer
class Projection(Linear):
    """Connect every input to every output, always by a dense product: y = x W' (+ bias).

    `snn.nn.Linear` chooses between a dense product and one by events from the activity of the whole batch. The two
    sum in different orders, so that the last bits of one sample would depend on the samples and the padding beside
    it; here they do not.
    """

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, in] to [T, B, out]."""
        check_input("Projection", x, self.in_features, weight=self.weight)
        check_stateless("Projection", state)
        y = linear(x, self.weight_in_use(), self.bias)
        return y.to(x.dtype), ()  # autocast gives half precision


register_counter(Projection, count_projection)
