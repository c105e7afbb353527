"""Go on token by token: one compiled pass through the whole model in place of hundreds of calls of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import RealArray
from snn.core.checks import instance, refusal
from snn.kernels.memory import NUMPY_TYPES
from snn.kernels.wkv import LEAST, WKVState
from snn.language.block import BlockState
from snn.language.channel_mixing import ChannelMixingState
from snn.language.embedding import check_tokens
from snn.language.spike_gpt import SpikeGPT
from snn.language.state_checks import check_finite
from snn.language.step_loops import AFTER, BEFORE, EXPONENT, FIRE, StepMemory, StepWeights, take_token
from snn.language.time_mixing import TimeMixingState
from snn.nn import LIF, LIFState

__all__ = ["Stepper"]

_PLACES = {"none": 0, "spike_after": AFTER, "spike_before": BEFORE}
_MEMBRANES = {"none": (0, 0), "spike_after": (1, 1), "spike_before": (3, 6)}
"""Rows of membranes [d] in the state of time mixing and of channel mixing, whose last four are the hidden ones'."""


class Stepper:
    """Run a SpikeGPT in evaluation on the CPU, a token at a time: `logits, state = stepper(tokens, state)`.

    It computes what the model does, in other orders of sums: logits are equal to rounding, and where rounding takes
    a membrane over its threshold a spike may differ. It holds a copy of the weights as they were when it was made.
    """

    def __init__(self, model: SpikeGPT) -> None:
        """Copy the weights.

        Args:
            model: In float32 or float64, on the CPU; with the neurons that it was made with.

        Raises:
            ValueError: It is no such model.
        """
        instance("model", model, SpikeGPT)
        weight = model.head.weight
        if weight.device.type != "cpu" or weight.dtype not in NUMPY_TYPES:
            raise refusal("model", "on the CPU in float32 or float64", f"{weight.dtype} on {weight.device}")
        self.vocab, self.width, self.layers = model.vocab, model.width, model.layers
        self._variant: str = model.config()["variant"]
        fresh = SpikeGPT(1, 1, 1, model.config()["variant"])
        known = {part.extra_repr() for part in fresh.modules() if isinstance(part, LIF)}
        for name, part in model.named_modules():
            if isinstance(part, LIF) and part.extra_repr() not in known:
                raise refusal(f"{name} of the model", "the neurons that it was made with", part)
        self._weights = _read_weights(model)
        real, d = NUMPY_TYPES[weight.dtype], self.width
        self._memory = StepMemory(np.empty((7, d), real), np.empty(4 * d, real), np.empty(4 * d, np.int64))
        self._state_rows = FIRE + sum(_MEMBRANES[self._variant])

    def __call__(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        """Map tokens int64 [T, B] to logits [T, B, V] and the state behind them, without graph.

        Args:
            x: Tokens, each in 0..V - 1.
            state: What the model or an earlier call gave, which stays as it is; None begins at rest.

        Returns:
            Logits, and the state [B, L, rows, d], which `unpack` turns into that of the model.

        Raises:
            TypeError: Tokens are no tensor, or `state` is none of this model.
            ValueError: A token is outside the vocabulary, or the state is of another batch or not finite.
        """
        check_tokens(x, self.vocab)
        real = self._memory.rows.dtype
        steps, batch = x.shape
        shape = (batch, self.layers, self._state_rows, self.width)
        now = self._start(state, shape, real)
        logits = np.empty((steps, batch, self.vocab), real)
        for tokens, out in zip(x.numpy(), logits, strict=True):
            take_token(np.ascontiguousarray(tokens), self._weights, now, self._memory, out)
        return torch.from_numpy(logits), torch.from_numpy(now)

    def _start(self, state: Any, shape: tuple[int, ...], real: np.dtype[Any]) -> RealArray:
        """Give a state to work on: a copy."""
        if state is None:
            now = np.zeros(shape, real)
            now[:, :, EXPONENT] = LEAST
            return now
        given = self.pack(state) if isinstance(state, tuple) else state
        if not isinstance(given, Tensor) or given.shape != shape or given.numpy().dtype != real:
            raise refusal(
                "state of Stepper", f"a tensor {list(shape)} of {real}, or a state of the model", given
            )
        check_finite("Stepper", given)
        return given.detach().numpy().copy()

    def pack(self, state: tuple[BlockState, ...]) -> Tensor:
        """Give a state of the model as [B, L, rows, d]: the last of time mixing, p, q, o, that of the other, v.

        Raises:
            ValueError: It has another number of blocks.
        """
        if len(state) != self.layers:
            raise refusal("state of Stepper", f"a tuple of {self.layers} BlockState", len(state))
        blocks = []
        for time, channel in state:
            rows = [time.last, *time.wkv, channel.last]
            rows += [
                part for fire in (*time.fire, *channel.fire) for part in torch.split(fire.v, self.width, -1)
            ]
            blocks.append(torch.stack(rows, 1))
        return torch.stack(blocks, 1).detach()

    def unpack(self, state: Tensor) -> tuple[BlockState, ...]:
        """Give a state of this class as the model's own."""
        of_time = _MEMBRANES[self._variant][0]
        blocks = []
        for rows in state.unbind(1):
            last, p, q, o, last_channel, *v = rows.unbind(1)
            channel = v[of_time:]
            if self._variant == "spike_before":
                channel = [*channel[:2], torch.cat(channel[2:], -1)]
            time = TimeMixingState(last, WKVState(p, q, o), tuple(LIFState(one) for one in v[:of_time]))
            seen = ChannelMixingState(last_channel, tuple(LIFState(one) for one in channel))
            blocks.append(BlockState(time, seen))
        return tuple(blocks)


@torch.no_grad()
def _read_weights(model: SpikeGPT) -> StepWeights:
    """Lay the weights out for `take_token`."""
    parts: list[dict[str, Tensor]] = [_of_block(block) for block in model.blocks]
    stacked = {name: torch.stack([one[name] for one in parts]) for name in parts[0]}
    outside = [torch.stack([norm.weight, norm.bias]) for norm in (model.norm_in, model.norm_out)]
    stacked |= {
        "embedding": model.embedding(torch.arange(model.vocab)[:, None])[0][:, 0],
        "norms_outside": torch.stack(outside),
        "head": model.head.weight_in_use().t(),
    }
    arrays = {name: np.array(tensor.numpy(), order="C") for name, tensor in stacked.items()}
    return StepWeights(**arrays, place=_PLACES[model.config()["variant"]])


def _of_block(block: Any) -> dict[str, Tensor]:
    """Give the weights of a block by their names in `StepWeights`."""
    time, channel = block.time_mixing, block.channel_mixing
    square = (time.key, time.value, time.receptance, time.output, channel.receptance)
    return {
        "norms": torch.stack(
            [torch.stack([n.weight, n.bias]) for n in (block.norm_time, block.norm_channel)]
        ),
        "w": -time.decay.exp(),
        "u": time.bonus,
        "mix": torch.cat([time.mix, channel.mix]),
        "square": torch.stack([layer.weight_in_use().t() for layer in square]),
        "wide": channel.key.weight_in_use().t(),
        "narrow": channel.value.weight_in_use().t(),
    }
