"""The loss of a language model: the next token's surprise, and a pull on the largest logit that it does not show.

Torch is imported where it is first needed, since the names of losses are read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snn.core.checks import number
from snn.train.losses import IGNORED, LOSSES, Loss, register_loss

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["next_token_loss"]


def next_token_loss(penalty: float = 1e-4) -> Loss:
    """Make a loss of steps: the cross-entropy of the next token in nats, with a penalty in its gradient alone.

    The gradient is that of the cross-entropy plus penalty / 2 times the square of the largest logit (the first of
    equals), step by step: it keeps logits near 0. The value is the cross-entropy, so that it can be read as bits.
    In SpikeGPT's code the penalty keeps its size whatever the loss is multiplied by; here it is part of the loss,
    so that parts of a batch (`accumulate`) and padding weigh it as they weigh the rest.
    `LOSSES` holds it as "next_token", with the penalty of the paper's code.
    Source: Zhu et al., "SpikeGPT", 2023; RWKV-4's "L2Wrap".

    Args:
        penalty: Its size, >= 0.

    Raises:
        ValueError: It is negative or not finite.
    """
    penalty = number("penalty", penalty, low=0.0)
    plain = LOSSES.find("step_cross_entropy")

    def of_steps(y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
        assert plain.of_steps is not None
        loss = plain.of_steps(y, valid, label)
        if not penalty or not y.requires_grad:
            return loss
        largest = y.max(-1).values.where(valid & (label != IGNORED), 0.0)
        pull = largest.square() * (penalty / 2)
        return loss + (pull - pull.detach())

    return Loss(plain.score, of_steps=of_steps)


register_loss("next_token", next_token_loss())
