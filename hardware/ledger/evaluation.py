"""Run a model in evaluation without gradients, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """Set a model to evaluation, without gradients, and every module of it back to its own mode at the end."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training
