"""Find what a foreign model keeps from run to run, refuse it where nothing resets it, and leave it as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["hidden_state_kept"]


@contextmanager
def hidden_state_kept(modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Put attributes and buffers back to what they were, once a model has run.

    Args:
        modules: The modules by name, set to rest.

    Raises:
        ValueError: A module without a reset held numbers from an earlier run, and this run changed them: it did not
            begin at rest, and the counts are those of another run.
    """
    before = {name: _Kept(module) for name, module in modules.items()}
    try:
        yield
        for name, kept in before.items():
            kept.check(name)
    finally:
        for kept in before.values():
            kept.restore()


class _Kept:
    """Hold what a module held."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = {k: _copied(v) for k, v in vars(module).items() if not k.startswith("_")}
        self._buffers = dict(module._buffers)
        self._copies = [(tensor, tensor.detach().clone()) for tensor in self._tensors().values()]
        resets = ("reset", "reset_mem")
        self._resets = any(callable(getattr(module, reset, None)) for reset in resets)

    def _tensors(self) -> dict[str, Tensor]:
        return _tensors_in({**self._attributes, **self._buffers})

    def check(self, name: str) -> None:
        """Refuse state that was left over."""
        if self._resets:
            return
        now = _tensors_in({**vars(self._module), **self._module._buffers})
        for (part, _), (_, was) in zip(self._tensors().items(), self._copies, strict=True):
            after = now.get(part)
            changed = after is None or not _equal(was, after)
            if changed and bool((was != 0).any()):
                raise ValueError(
                    f"{name}.{part} ({type(self._module).__name__}) must be at rest before a run is counted, got "
                    "state of an earlier run; give the module a reset()"
                )

    def restore(self) -> None:
        """Put everything back."""
        for tensor, was in self._copies:
            if not _equal(tensor, was):
                tensor.copy_(was)
        for name in [k for k in vars(self._module) if not k.startswith("_")]:
            if name not in self._attributes:
                delattr(self._module, name)
        for name, value in self._attributes.items():
            vars(self._module)[name] = value
        self._module._buffers.clear()
        self._module._buffers.update(self._buffers)


def _copied(value: Any) -> Any:
    """Copy a collection, not what is in it."""
    return copy.copy(value) if isinstance(value, list | dict) else value


def _tensors_in(held: Mapping[str, Any]) -> dict[str, Tensor]:
    """Give the tensors among values and in lists, tuples and dicts of them, by name and place."""
    found: dict[str, Tensor] = {}
    for name, value in held.items():
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, list | tuple | dict) and not name.startswith("_"):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            found |= {f"{name}[{key!r}]": part for key, part in parts if isinstance(part, Tensor)}
    return found


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool(torch.equal(a, b))
