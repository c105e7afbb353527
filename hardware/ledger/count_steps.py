"""Count a torch model per layer, time step and sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from snn.core.checks import choice, refusal
from snn.hardware.ledger.foreign_model import count_foreign_model
from snn.hardware.ledger.hook_counter import Time
from snn.hardware.ledger.layer_counters import count_layers
from snn.hardware.ledger.step_ledger import StepLedger
from snn.nn import Layer

__all__ = ["count_steps"]


def count_steps(
    model: nn.Module,
    x: Tensor,
    lengths: Tensor | None = None,
    *,
    time: Time = "axis",
    inputs: Mapping[str, str] | None = None,
    neurons: Sequence[type[nn.Module]] = (),
    free: Sequence[type[nn.Module]] = (),
) -> StepLedger:
    """Count a torch model per layer, time step and sample.

    A model of `snn.nn` is counted layer by layer (see `snn.hardware.register_counter` for kinds of your own); its
    silent tail is appended, and `time`, `neurons` and `free` do not apply.

    Of any other model, Linear, Conv1d and Conv2d layers are counted with their exact fan-out; whether an input is
    an add or a multiply follows from its values. The model runs once, in evaluation and without gradients; modules
    that have a `reset` are reset before and after. Layers without zero weights cost one pass over their input;
    zero weights make the lazy updates of the neurons behind cost about one more pass of that layer. A layer or
    population that runs on [B, ...] once for each step, in a loop of the model's own, is placed step after step;
    one that runs once stands behind the time axis, at the last step. What hooks cannot see is refused by name:
    synapses inside neurons, classes of unknown kind, state that nothing resets. Where neurons and average pooling
    fix the value of a spike, inputs are multiples of it in every batch; elsewhere a batch decides by its values.

    Args:
        model: The model.
        x: Its input: [T, B, ...], time first, or [B, ...] without time.
        lengths: Valid steps of each sample [B]; None is all of T.
        time: ``"axis"`` = the model takes [T, B, ...] at once (SpikingJelly's step_mode "m"); ``"loop"`` = it is
            called once per step on [B, ...] and keeps its state (step_mode "s"); ``"none"`` = no time.
        inputs: Declared input of a layer by name, ``"binary"``, ``"levels"`` or ``"real"``, where the measured
            values would mislead: a silent or all-ones run of a real-valued layer looks binary. For a model of
            `snn.nn` ``{"in": "real"}`` where the input is real values instead of spikes.
        neurons: Classes of spiking neurons, besides SpikingJelly's, snnTorch's and ours; their (first) output is
            their spikes.
        free: Classes that cost nothing, besides those of torch without parameters and batch normalisation (folded
            into weights).

    Returns:
        One row per layer; `.ledger()` sums it over steps and samples.

    Raises:
        ValueError: An input that is batch first by its lengths, a module that cannot be counted (named), a shape
            or a number of runs that does not fit `time`, state left over from an earlier run, a declared input that
            the values contradict, or a name in `inputs` that is not a counted layer.
    """
    choice("time", time, Time)
    without_time = time == "none" and not isinstance(model, Layer)
    if x.dim() < (1 if without_time else 2):
        raise refusal("x", "[B, ...]" if without_time else "[T, B, ...]", x)
    steps, batch = (1, x.shape[0]) if without_time else x.shape[:2]
    valid_steps = _checked(lengths, steps, batch)
    if isinstance(model, Layer):
        return count_layers(model, x, valid_steps, inputs)
    return count_foreign_model(
        model, x, valid_steps, time=time, inputs=inputs or {}, neurons=tuple(neurons), free=tuple(free)
    )


def _checked(lengths: Tensor | None, steps: int, batch: int) -> Tensor:
    if lengths is None:
        return torch.full((batch,), steps)
    if not isinstance(lengths, Tensor):
        raise refusal("lengths", f"a tensor [{batch}] of whole numbers from 0 to {steps}", lengths)
    given = lengths.detach().cpu()
    whole = given.to(torch.int64)
    if given.shape == (steps,) and steps != batch:
        raise ValueError(
            f"x must be time first, [T, B, ...] with B = len(lengths) = {steps}, got [{steps}, {batch}, ...]"
        )
    if given.shape != (batch,) or bool(((whole != given) | (whole < 0) | (whole > steps)).any()):
        shown = given.tolist() if given.shape == (batch,) else lengths
        raise refusal("lengths", f"[{batch}] whole numbers from 0 to {steps}", shown)
    return whole
