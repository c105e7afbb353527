"""Modules of torch as layers of `snn.nn`: what the converters of torch, SpikingJelly and snnTorch share.

A model is walked through its `torch.nn.Sequential` containers. A module with a `forward` of its own says nothing
about the order of its parts: give the parts as a list, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from snn import nn
from snn.core.checks import refusal, shown

__all__ = ["Chain", "Rule", "Rules", "convert", "one_number"]

Rule = Callable[["Chain", Any], None]
"""Adds what a module becomes."""
Rules = Mapping[type, Rule]
"""Which rule a class of modules has; subclasses, which may do other things, have their own or none."""


class Chain:
    """Collect layers in their order.

    Attributes:
        layers: The layers so far.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.layers: list[nn.Layer] = []

    def add(self, layer: nn.Layer, **values: Tensor | None) -> None:
        """Add a layer with values for its parameters and buffers, in the type that these have."""
        given = {name: value for name, value in values.items() if value is not None}
        if given:
            layer.to(next(iter(given.values())).dtype)
        with torch.no_grad():
            for name, value in given.items():
                getattr(layer, name).copy_(value.detach())
        self.layers.append(layer)

    def add_bias(self, where: str, bias: Tensor) -> None:
        """Add to the bias of the connection that was added last.

        Raises:
            ValueError: The last layer is none.
        """
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, nn.Linear):
            raise refusal(
                f"{where}: bias of its recurrence", "behind a Linear, which takes it over", "another place"
            )
        total = bias if last.bias is None else last.bias + bias
        self.layers.pop()
        self.add(nn.Linear(last.in_features, last.out_features, bias=True), weight=last.weight, bias=total)


def convert(module: torch_nn.Module | Iterable[torch_nn.Module], rules: Rules, known: str) -> nn.Sequential:
    """Convert a module, or modules in a row.

    Args:
        module: A module with a rule, a `torch.nn.Sequential` of such, or a list of them.
        rules: What to do with neurons and containers of the other package, beside those of torch.
        known: What can be converted, in words, for messages.

    Returns:
        The layers, with copies of all weights, in training or evaluation as the first module is.

    Raises:
        TypeError: It is no module, nor a list of them.
        ValueError: A module has no rule, or an option that no layer here has; the message names it.
    """
    if not isinstance(module, torch_nn.Module) and (
        isinstance(module, type) or not isinstance(module, Iterable)
    ):
        raise TypeError(f"module must be a torch module or a list of them, got {shown(module)}")
    parts = [module] if isinstance(module, torch_nn.Module) else list(module)
    chain, every = Chain(), {**_TORCH, **rules}
    for name, part in _flat(parts):
        rule = every.get(type(part))
        if rule is None:
            raise refusal(f"module {name!r}", f"one of {known}", type(part).__name__)
        try:
            rule(chain, part)
        except ValueError as error:
            raise ValueError(f"module {name!r} ({type(part).__name__}): {error}") from None
    model = nn.Sequential(*chain.layers)
    model.train(parts[0].training if parts else False)
    return model


def one_number(name: str, value: Any) -> float:
    """Give a number that a module may hold as a tensor of one.

    Raises:
        ValueError: There are several.
    """
    if isinstance(value, Tensor) and value.numel() != 1:
        raise refusal(name, "one number for the layer", list(value.shape))
    return float(value.detach() if isinstance(value, Tensor) else value)


def _flat(parts: list[Any], prefix: str = "") -> Iterator[tuple[str, torch_nn.Module]]:
    """Give modules in a row, those of containers among them, with their names."""
    for i, part in enumerate(parts):
        if not isinstance(part, torch_nn.Module):
            raise TypeError(f"module must be a torch module or a list of them, got {type(part).__name__}")
        _refuse_hooks(f"{prefix}{i}", part)
        if type(part) is torch_nn.Sequential:
            yield from _flat(list(part), f"{prefix}{i}.")
        else:
            yield f"{prefix}{i}", part


def _refuse_hooks(name: str, module: torch_nn.Module) -> None:
    """Refuse what a hook may change: pruning and older norms make the weights anew in every forward pass."""
    for part_name, part in module.named_modules(prefix=name):
        if part._forward_pre_hooks or part._forward_hooks:
            rule = (
                "without hooks (prune.remove, remove_weight_norm and remove_spectral_norm make weights plain)"
            )
            raise refusal(f"module {part_name!r}", rule, type(part).__name__)


def add_linear(chain: Chain, module: Any) -> None:
    """Add a fully connected layer."""
    layer = nn.Linear(module.in_features, module.out_features, bias=module.bias is not None)
    chain.add(layer, weight=module.weight, bias=module.bias)


def add_conv(chain: Chain, module: Any) -> None:
    """Add a convolution."""
    padding = module.padding
    if isinstance(padding, str):
        spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        if padding == "same" and any(span % 2 for span in spans):
            raise refusal("padding", "as much before as behind", padding)
        padding = tuple(span // 2 for span in spans) if padding == "same" else (0, 0)
    if module.padding_mode != "zeros":
        raise refusal("padding_mode", "'zeros'", module.padding_mode)
    options = {"dilation": module.dilation, "groups": module.groups, "bias": module.bias is not None}
    layer = nn.Conv2d(
        module.in_channels, module.out_channels, module.kernel_size, module.stride, padding, **options
    )
    chain.add(layer, weight=module.weight, bias=module.bias)


def add_norm(chain: Chain, module: Any) -> None:
    """Add a normalisation with running statistics."""
    if not module.affine or not module.track_running_stats or module.momentum is None:
        raise refusal("affine, track_running_stats and momentum", "set", [module.affine, module.momentum])
    layer = nn.BatchNorm(module.num_features, eps=module.eps, momentum=module.momentum)
    names = ("weight", "bias", "running_mean", "running_var")
    chain.add(layer, **{name: getattr(module, name) for name in names})


def add_pool(chain: Chain, module: Any) -> None:
    """Add average or maximum pooling."""
    if module.ceil_mode or not getattr(module, "count_include_pad", True):
        raise refusal("ceil_mode and count_include_pad", "False and True", [module.ceil_mode, False])
    if getattr(module, "divisor_override", None) is not None or getattr(module, "dilation", 1) not in (
        1,
        (1, 1),
    ):
        raise refusal("divisor_override and dilation", "None and 1", "others")
    kind = nn.MaxPool2d if isinstance(module, torch_nn.MaxPool2d) else nn.AvgPool2d
    chain.add(kind(module.kernel_size, module.stride, module.padding))


def _add_adaptive(chain: Chain, module: Any) -> None:
    chain.add(nn.AdaptiveAvgPool2d(module.output_size))


def _add_flatten(chain: Chain, module: Any) -> None:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise refusal("start_dim and end_dim", "1 and -1", [module.start_dim, module.end_dim])
    chain.add(nn.Flatten())


def _add_dropout(chain: Chain, module: Any) -> None:
    chain.add(nn.Dropout(module.p))


def _pass(chain: Chain, module: Any) -> None:
    """Add nothing."""


OF_TORCH: dict[str, Rule] = {
    "Linear": add_linear,
    "Conv2d": add_conv,
    "BatchNorm1d": add_norm,
    "BatchNorm2d": add_norm,
    "AvgPool2d": add_pool,
    "MaxPool2d": add_pool,
    "AdaptiveAvgPool2d": _add_adaptive,
    "Flatten": _add_flatten,
    "Dropout": _add_dropout,
}
"""Rules of torch's modules, by name: SpikingJelly has modules of the same names that do the same in each step."""
_TORCH: dict[type, Rule] = {getattr(torch_nn, name): rule for name, rule in OF_TORCH.items()}
_TORCH[torch_nn.Identity] = _pass
