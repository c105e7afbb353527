"""Mix every token with the one before it, channel by channel."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["token_shift"]


def token_shift(x: Tensor, last: Tensor, mix: Tensor) -> Tensor:
    """Give mix x_t + (1 - mix) x_{t-1} for several rows of mixes at once.

    Args:
        x: Tokens [T, B, d].
        last: The token before the first [B, d].
        mix: S rows of weights [S, d].

    Returns:
        The S mixtures, one after another, [T, B, S d].
    """
    before = torch.cat([last[None], x[:-1]]) if len(x) else x
    return torch.cat([torch.lerp(before, x, row) for row in mix.unbind(0)], -1)
