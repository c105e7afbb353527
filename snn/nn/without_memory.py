"""Build layers without the memory of their parameters, to see what they would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from snn.core.checks import refusal

__all__ = ["without_memory"]


class _AtMost(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuse a tensor of more elements than so many, as it is made."""

    def __init__(self, most: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = most

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.numel() > self.most:
            raise refusal("tensors", "those in the file", f"one of shape {list(made.shape)}")
        return made


@contextmanager
def without_memory(most: int) -> Iterator[None]:
    """Make what the block makes on torch's device "meta", and no tensor of more than `most` elements.

    Raises:
        ValueError: A tensor would have more.
    """
    with torch.device("meta"), _AtMost(most):
        yield
