"""What a user does to the gradients before every step of the optimiser: `fit(..., on_gradients=f)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from snn.core.checks import refusal
from snn.nn import Layer
from snn.train.config import TrainConfig

__all__ = ["OnGradients", "check_hook", "clip_gradients", "hook_state", "restore_hook"]

OnGradients = Callable[[Layer], object]
"""Called with the model, whose gradients it may change. If it has `check(model, config)`, that is called before the
first step; if it has `state_dict()` and `load_state_dict(state)`, its state is kept in the checkpoint."""


def check_hook(hook: OnGradients | None, model: Layer, config: TrainConfig) -> None:
    """Let a hook look at the model and the settings before the first step, if it has a `check`.

    Raises:
        ValueError: It cannot be called, or has only one of `state_dict` and `load_state_dict`.
    """
    if hook is None:
        return
    if not callable(hook):
        raise refusal("on_gradients", "a function of the model", hook)
    if hasattr(hook, "state_dict") != hasattr(hook, "load_state_dict"):
        raise refusal("on_gradients", "with both of state_dict() and load_state_dict(), or neither", hook)
    if hasattr(hook, "check"):
        hook.check(model, config)


def hook_state(hook: OnGradients | None) -> Any:
    """Give the state of a hook that has one: tensors and JSON values by name."""
    return hook.state_dict() if hook is not None and hasattr(hook, "state_dict") else {}


def restore_hook(hook: OnGradients | None, state: Any) -> None:
    """Put a hook back where its state was taken."""
    if hook is not None and hasattr(hook, "load_state_dict"):
        hook.load_state_dict(state)


def clip_gradients(model: Layer, norm: float | None) -> None:
    """Scale all gradients down together until their norm is no larger than `norm`; None leaves them."""
    if norm is not None:
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], norm)
