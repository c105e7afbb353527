"""Find where numbers stopped being numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snn.nn import Layer
from snn.train.losses import valid_mask

__all__ = ["finite_gradients", "first_fault"]


def finite_gradients(model: nn.Module) -> bool:
    """Tell whether all gradients are finite; a loss may be while they are not, as no NaN passes a threshold."""
    found = [p.grad.isfinite().all() for p in model.parameters() if p.grad is not None]
    return bool(torch.stack(found).all()) if found else True


@torch.no_grad()
def first_fault(model: Layer, x: Tensor, lengths: Tensor) -> str:
    """Say what is not finite first on the way of x [T, B, ...] through a model: a weight, the input, or a layer."""
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"parameter {name}"
    if not bool(x.isfinite().all()):
        return "the input"
    found: list[str] = []

    def watch(name: str, layer: nn.Module) -> Any:
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
        layer.register_forward_hook(watch(name, layer)) for name, layer in leaves if isinstance(layer, Layer)
    ]
    try:
        model(x, None, lengths)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else "the backward pass, no layer's output"
