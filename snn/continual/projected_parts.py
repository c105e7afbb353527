"""Which layers of a model are projected, how fast their subspaces learn, and what is held still beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from snn.continual.presynaptic import WITH_VECTORS
from snn.core.checks import choice, number, refusal
from snn.nn import DelayLinear, Layer
from snn.nn.layer import runs_as

__all__ = ["find_layers", "held_parameters", "rates_of"]

PIXEL_LR, LR = 0.001, 0.01
"""Published rates of the Hebbian rule: of the layer that sees the pixels, and of the others."""


def find_layers(model: Layer, layers: Sequence[str] | None) -> dict[str, Layer]:
    """Give the layers to project by name.

    Raises:
        ValueError: A name is that of no layer that can be projected; or none is given, and the model has other
            weights, or none.
    """
    known = _known(model)
    for name, part in known.items():
        if part.gradient_input is not None:
            raise refusal(f"gradient_input of {name}", "None: one projection is enough", part.gradient_input)
    kinds = ", ".join(kind.__name__ for kind in WITH_VECTORS)
    if layers is not None:
        if isinstance(layers, str) or not layers:
            raise refusal("layers", "a list of names", layers)
        return {choice(f"layers[{i}]", name, tuple(known)): known[name] for i, name in enumerate(layers)}
    if not known:
        raise refusal("model", f"one with layers to project ({kinds})", type(model).__name__)
    mine = {id(parameter) for layer in known.values() for parameter in layer.parameters(recurse=False)}
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and id(parameter) not in mine:
            rule = f"a weight of {kinds}, or left out by `layers`"
            raise refusal(f"{name} of the model", rule, list(parameter.shape))
    for name, part in model.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise refusal(
                f"{name} of the model", "a BatchNorm of snn.nn, which can be held", type(part).__name__
            )
    return known


def _known(model: Layer) -> dict[str, Layer]:
    """Give all layers of a model that can be projected by name."""
    layers = {name: part for name, part in model.named_modules() if isinstance(part, Layer)}
    return {name: layer for name, layer in layers.items() if runs_as(layer, *WITH_VECTORS)}


def held_parameters(model: Layer, projected: Sequence[Layer]) -> list[nn.Parameter]:
    """Give what learns in the first task alone: biases, normalisation, neurons, delays; not of layers left out."""
    delays = {id(layer.position) for layer in projected if isinstance(layer, DelayLinear)}
    free = [layer for layer in _known(model).values() if layer not in projected]
    spared = {id(parameter) for layer in free for parameter in layer.parameters(recurse=False)}
    return [
        part
        for part in model.parameters()
        if id(part) in delays or (part.dim() <= 1 and id(part) not in spared)
    ]


def rates_of(lr: float | Mapping[str, float] | None, names: Sequence[str]) -> dict[str, float]:
    """Give the rate of the Hebbian rule for each layer."""
    if lr is None:
        return {name: LR if i else PIXEL_LR for i, name in enumerate(names)}
    if not isinstance(lr, Mapping):
        return dict.fromkeys(names, number("lr", lr, above=0.0))
    if set(lr) != set(names):
        raise refusal("lr", f"a number, or one for each of the layers {list(names)}", list(lr))
    return {name: number(f"lr[{name!r}]", lr[name], above=0.0) for name in names}
