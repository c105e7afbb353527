"""Find where NaN or infinity came into a run."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from snn.nn import Layer
from snn.train.batches import Prepared
from snn.train.losses import valid_mask

__all__ = ["explain", "first_non_finite", "gradients_are_finite"]

_BACKWARD = "the backward pass, no layer's output"


def gradients_are_finite(model: nn.Module) -> bool:
    """Tell whether all gradients are finite; a loss may be while they are not, as no NaN passes a threshold."""
    found = [p.grad.isfinite().all() for p in model.parameters() if p.grad is not None]
    return bool(torch.stack(found).all()) if found else True


def explain(model: Layer, batch: Prepared, loss: float, name: str) -> str:
    """Say what is not finite first, and what may help.

    Args:
        model: The model.
        batch: What it was given.
        loss: Mean loss of a sample.
        name: Name of the loss.
    """
    if not bool(batch.x.isfinite().all()):
        return "first: the input"
    if batch.label.is_floating_point() and not bool(batch.label.isfinite().all()):
        return "first: the label"
    first = first_non_finite(model, batch.x, batch.lengths)
    if first == _BACKWARD and not math.isfinite(loss):
        return f"first: the loss {name!r} itself, of outputs that are finite"
    return f"first: {first}. A lower lr may help"


@torch.no_grad()
def first_non_finite(model: Layer, x: Tensor, lengths: Tensor) -> str:
    """Name what is not finite first: a weight, the input, or the output of a layer as the input passes through.

    Args:
        model: The model.
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample, [B].
    """
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"parameter {name}"
    if not bool(x.isfinite().all()):
        return "the input"
    found: list[str] = []

    def make_hook(name: str, layer: nn.Module) -> Any:
        def hook(_: nn.Module, __: Any, output: tuple[Tensor, Any]) -> None:
            y = output[0]
            bad = (~y.isfinite()).flatten(2).any(2) & valid_mask(y, lengths)[:, :, 0]
            if not found and bool(bad.any()):
                step, sample = bad.nonzero()[0].tolist()
                found.append(
                    f"layer {name} ({type(layer).__name__}), step {step}, sample {sample} of the batch"
                )

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    handles = [
        layer.register_forward_hook(make_hook(name, layer))
        for name, layer in leaves
        if isinstance(layer, Layer)
    ]
    try:
        model(x, None, lengths)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else _BACKWARD
