"""Hold normalisation and neurons still while the weights of a model train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from snn.core.checks import flag, shown
from snn.nn.batch_norm import BatchNorm
from snn.nn.layer import Layer

__all__ = ["frozen"]

_OF_NEURONS = ("threshold", "leak")
_OF_TORCH = nn.modules.batchnorm._BatchNorm


@contextmanager
def frozen(model: nn.Module, batch_norm: bool = True, neurons: bool = True) -> Iterator[None]:
    """Hold parts of a model still while the block runs, and the rest trains.

    What is held gets no gradient, so that no optimiser moves it, whatever it holds (momentum, weight decay), and
    `fit` leaves it out of its own. Behind the block, also after an error, everything is as it was: what may learn,
    and the gradients that were there before. Blocks may be nested.

    Args:
        model: The model; layers added to it inside the block are not held.
        batch_norm: Whether every `BatchNorm` keeps its running statistics, scale and offset, and normalises by them
            in training as in evaluation.
        neurons: Whether neurons, recurrent ones too, keep their `threshold` and `leak`.

    Raises:
        TypeError: `model` is no module.
        ValueError: `batch_norm` or `neurons` is no truth value, or `batch_norm` is True for a model that holds a
            BatchNorm of torch, which moves its statistics by itself.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a module of torch, got {shown(model)}")
    norms: list[BatchNorm] = []
    held: list[nn.Parameter] = []
    batch_norm, neurons = flag("batch_norm", batch_norm), flag("neurons", neurons)
    for name, module in model.named_modules():
        if batch_norm and isinstance(module, _OF_TORCH):
            raise ValueError(
                "batch_norm must be False for a model with a BatchNorm of torch, got True and "
                f"{name or 'the model'} ({type(module).__name__}); snn.nn.BatchNorm can be held"
            )
        if batch_norm and isinstance(module, BatchNorm):
            norms.append(module)
            held += [module.weight, module.bias]
        elif neurons and isinstance(module, Layer):
            held += [p for n, p in module.named_parameters(recurse=False) if n in _OF_NEURONS]
    before = [(module, module.frozen) for module in norms]
    learned = [(parameter, parameter.requires_grad, parameter.grad) for parameter in held]
    try:
        for module in norms:
            module.frozen = True
        for parameter in held:
            parameter.requires_grad_(False)
            parameter.grad = None
        yield
    finally:
        for module, was in before:
            module.frozen = was
        for parameter, learns, grad in learned:
            parameter.requires_grad_(learns)
            parameter.grad = grad
