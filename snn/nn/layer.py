"""What every layer is: parameters inside, state passed through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from snn.core.checks import shown
from snn.kernels.presynaptic import carried_trace

__all__ = ["Layer", "check_kind", "flat_stages", "runs_as"]


class Layer(nn.Module):
    """Map x [T, B, ...] to y [T, B, ...] and a state to the next one: `y, state = layer(x, state, lengths)`.

    No layer changes T. `lengths` [B] counts the valid steps of each sample: what lies beyond enters no statistic
    and no state, and the state returned for a sample is its state at its length. Outputs beyond it are undefined.
    A state is a tree of tuples (named ones too) and tensors, `()` where there is nothing to carry; a layer that is
    given None begins at rest.

    A layer of your own has a `forward` as above, and further
    - `config` if its constructor takes arguments, and `snn.nn.register_layer`, to be saved and loaded;
    - `stages`, if it is made of layers of `snn.nn` that run one after another: `snn.nn.to_network`,
      `snn.hardware.count` and `snn.hardware.to_crossbar` follow from that. Otherwise
      `snn.hardware.register_counter` and `register_placement` say what it does, and it cannot run by events;
    - `tail_steps`, if it has no `stages` and delays by itself, or if the sum over the layers that it holds is too
      much: silent steps too many cost time, too few cut late spikes.

    Step-local training (`method="sltt"`) keeps gradients inside a step. Layers of `snn.nn` do so by themselves. A
    layer that looks back in time by arithmetic of its own asks `snn.kernels`:
    - where `is_local()` is true, what comes from an earlier step (a membrane, a past input, the state it was given)
      is to be detached before it is used; values stay the same. Without that a gradient passes through time.
    - `learning_steps(len(x))` marks the steps that the loss is made of, bool [T]; None: all. A layer may run the
      others under `torch.no_grad()`, which saves memory and changes no gradient.
    - `local_in_time()` is the block in which both are so: for a test that a run of all steps has the gradients of
      the same steps one by one, each from the detached state of the one before.

    Online training through time (`method="ottt"`) needs to know which layers are neurons: one of your own without
    `stages` has an attribute `trace_decay`, what is left of its membrane after a step, in [0, 1], or None for a
    layer that has neither neurons nor weights. Its weights lie in `Linear`, `Conv2d` or `DelayLinear` of its
    `stages`.

    Attributes:
        weight_transform: What the layer does to its weight before it uses it, once per forward pass; None: nothing.
            For weights as a device would hold them (noise, levels) in training and evaluation: a plain function,
            not saved.
        gradient_input: From what the gradient of the weight multiplies, [T, B, ...] without graph, to what it
            multiplies instead, of the same shape; it may also just look and give back what it got. That is the
            layer's input, or its trace in `method="ottt"`; `DelayLinear` also shows the `max_delay` steps before a
            piece that is not the first, and takes another input in step-local methods only. Called once per
            forward pass that keeps a graph. None: nothing. A plain function, not saved.
    """

    weight_transform: Callable[[Tensor], Tensor] | None = None
    gradient_input: Callable[[Tensor], Tensor] | None = None

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input once, so that late input still reaches the output.

        The sum over the stages; without any, over the layers that this one holds: enough where each is run once.
        """
        stages = flat_stages(self)
        inner = _held_layers(self) if stages == [self] else stages
        return sum(layer.tail_steps for layer in inner)

    def stages(self) -> list[Layer]:
        """Give the layers that this one runs exactly, one after another; a layer of its own kind gives itself.

        Only for layers that it holds as modules. What it carries as its state is its own business: whatever reads a
        model by its stages begins at rest.
        """
        return [self]

    def weight_in_use(self) -> Tensor:
        """Give the weight as a forward pass sees it: transformed, if a `weight_transform` is set.

        Raises:
            AttributeError: The layer has no weight.
            ValueError: The transform gave another shape or type.
        """
        weight: Tensor = self.weight  # type: ignore[assignment]
        if self.weight_transform is None:
            return weight
        given = self.weight_transform(weight)
        if given.shape != weight.shape:
            raise ValueError(
                f"weight_transform must keep the shape {list(weight.shape)} of the weight, got {list(given.shape)}"
            )
        if given.dtype != weight.dtype:
            raise ValueError(
                f"weight_transform must keep the dtype {weight.dtype} of the weight, got {given.dtype}"
            )
        return given

    def presynaptic(self, seen: Tensor, steps: int | None = None, keep: int = 1) -> Tensor | None:
        """Give what the gradient of the weight is to multiply where that is not the input; None: the input.

        Args:
            seen: The input, [earlier + steps, B, ...]: with the steps before this run that the weight still meets.
            steps: Steps of this run; None: all.
            keep: Steps that the next run may see again, >= 1.

        Raises:
            ValueError: `gradient_input` gave another shape.
        """
        if not torch.is_grad_enabled():
            return None
        given = carried_trace(self, seen, len(seen) if steps is None else steps, keep)
        if self.gradient_input is None:
            return given
        shown_input = seen.detach() if given is None else given
        made = self.gradient_input(shown_input)
        if made.shape != seen.shape:
            raise ValueError(
                f"gradient_input must keep the shape {list(seen.shape)} of what it got, got {list(made.shape)}"
            )
        return given if made is shown_input else made.detach()

    def clamp_(self) -> None:
        """Bring parameters back into their range; `fit` calls it after every optimiser step."""

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values: `type(layer)(**layer.config())` builds it anew."""
        return {}

    def extra_repr(self) -> str:
        """Show the constructor's arguments."""
        config: Any = self.config()
        if not isinstance(config, dict):  # refused when it is saved; a print shows what is there
            return f"config()={shown(config)}"
        return ", ".join(f"{key}={value!r}" for key, value in config.items())


def _held_layers(module: nn.Module) -> list[Layer]:
    """Give the layers that a module holds itself or in containers of torch, not those within these layers."""
    found: list[Layer] = []
    for child in module.children():
        found += [child] if isinstance(child, Layer) else _held_layers(child)
    return found


def flat_stages(layer: Layer) -> list[Layer]:
    """Give the stages of a layer, those of its stages in their place; `[layer]` for one that is not made of others.

    Raises:
        TypeError: `stages` gave something else than a list of layers.
        ValueError: A stage is not a module of the layer, or it is the layer beside others.
    """
    stages, name = layer.stages(), type(layer).__name__
    if not isinstance(stages, list | tuple):
        raise TypeError(f"stages() of {name} must be a list of layers, got {shown(stages)}")
    if len(stages) == 1 and stages[0] is layer:
        return [layer]
    held = {*layer.modules()} - {layer}
    flat = []
    for i, stage in enumerate(stages):
        if not isinstance(stage, Layer):
            raise TypeError(f"stages()[{i}] of {name} must be a layer of snn.nn, got {type(stage).__name__}")
        if stage not in held:
            raise ValueError(
                f"stages()[{i}] of {name} must be a layer that it holds as a module, got "
                f"{f'the {name} itself' if stage is layer else type(stage).__name__}"
            )
        flat += flat_stages(stage)
    return flat


def check_kind(kind: Any) -> None:
    """Refuse what is no class of layers.

    Raises:
        TypeError: It is none.
    """
    if not (isinstance(kind, type) and issubclass(kind, Layer)):
        raise TypeError(f"kind must be a subclass of snn.nn.Layer, got {shown(kind)}")


def runs_as(layer: Layer | None, *kinds: type[Layer]) -> bool:
    """Tell whether a layer is of one of these kinds, and not of a class that inherits and runs in another way."""
    return any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in kinds)
