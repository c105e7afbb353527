"""How many steps a method in pieces runs at a time: as many as fit a budget of memory, by what one step keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from snn.nn import DelayLinear, Layer

__all__ = ["kept_per_step", "steps_at_a_time"]

MOST_STEPS = 50
"""Steps at a time: enough for the fused kernels to run at full speed. Twice as many where k learn."""
BUDGET = 64 << 20
"""Bytes that the steps of a piece may keep.

Twice as many where k learn, since layers keep less of the other steps; four times as many with delays, since a
piece goes through the `max_delay` steps before it again.
"""

_Key = tuple[tuple[int, ...], torch.dtype]
_KEPT: WeakKeyDictionary[nn.Module, dict[_Key, int]] = WeakKeyDictionary()


def steps_at_a_time(model: Layer, x: Tensor, marked: bool, traced: bool = False) -> int:
    """Give the steps of a piece, >= 1, for a batch x [T, B, ...].

    The answer depends on shapes alone, never on values: a run that is resumed must have the pieces of an uncut one.

    Args:
        model: Its layers, and what they give, decide.
        x: The batch; its first step may be run to see what layers give.
        marked: Whether only some steps learn.
        traced: Whether weights keep a trace of their input beside it.
    """
    if len(x) == 1:
        return 1
    twice = 2 if marked else 1
    delayed = any(isinstance(part, DelayLinear) for part in model.modules())
    budget = twice * BUDGET * (4 if delayed else 1)
    kept = (2 if traced else 1) * kept_per_step(model, x)
    return max(1, min(twice * MOST_STEPS, budget // max(1, kept)))


def kept_per_step(model: Layer, x: Tensor) -> int:
    """Give about how many bytes of a step are kept for backward: what its layers give, views counted once.

    The first call for a model and a shape runs a step in evaluation, without graph, which changes nothing.
    """
    known = _KEPT.setdefault(model, {})
    key = (tuple(x.shape[1:]), x.dtype)
    if key not in known:
        given: dict[int, Tensor] = {}

        def keep(_: nn.Module, __: Any, output: Any) -> None:
            y = output[0] if isinstance(output, tuple) and output else output
            if isinstance(y, Tensor):
                given.setdefault(y.untyped_storage().data_ptr(), y)

        handles = [part.register_forward_hook(keep) for part in model.modules()]
        try:
            with torch.no_grad(), _evaluating(model):
                model(x[:1], None, None)
        finally:
            for handle in handles:
                handle.remove()
        given.pop(x.untyped_storage().data_ptr(), None)
        known[key] = sum(y.numel() * y.element_size() for y in given.values())
    return known[key]


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put all layers into evaluation while the block runs: no mask is drawn and no statistic moves."""
    training = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
