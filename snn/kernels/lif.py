"""Leaky integrate-and-fire over time: a readable torch reference and one fused pass each way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn.kernels.lif_loops import KINDS, lif_backward, lif_forward
from snn.kernels.memory import room
from snn.kernels.step_local import check_marks, pick, spread, takes_sparse
from snn.kernels.surrogate import Surrogate

__all__ = ["LIFOptions", "Spike", "lif", "lif_fused", "lif_reference"]

Reset = Literal["hard", "soft", "hard_next_step"]
Fires = Literal[">=", ">"]


@dataclass(frozen=True, slots=True)
class LIFOptions:
    """Fix what one neuron layer does in a step.

    Charge: h = v + (x - (v - v_reset)) / tau with `decay_input`, else v_reset + (v - v_reset)(1 - 1/tau) + x;
    spike where h reaches v_th; then the reset. The membrane leaks towards v_reset, as in SpikingJelly's LIFNode.
    """

    tau: float = 2.0
    """Membrane time constant in steps, >= 1 (1 forgets at once)."""
    decay_input: bool = True
    """Divide the input by tau too."""
    v_th: float = 1.0
    """Threshold."""
    v_reset: float = 0.0
    """Value after a hard reset, and at rest; below the threshold."""
    reset: Reset = "hard"
    """"hard" sets v_reset, "soft" subtracts v_th, "hard_next_step" resets when the next step begins."""
    fires: Fires = ">="
    """Test against the threshold."""
    detach_reset: bool = False
    """Keep the gradient out of the reset."""
    surrogate: Surrogate = field(default_factory=Surrogate)
    """Derivative of the spike in the backward pass."""
    leak: float | None = None
    """What is left of the membrane after a step, in [0, 1], in place of tau; not with `decay_input`."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tau) and self.tau >= 1.0):
            raise ValueError(f"tau: got {self.tau}, allowed are finite numbers >= 1 (steps)")
        if not math.isfinite(self.v_th):
            raise ValueError(f"v_th: got {self.v_th}, allowed are finite numbers")
        if not (math.isfinite(self.v_reset) and self.v_reset < self.v_th):
            raise ValueError(
                f"v_reset: got {self.v_reset}, allowed are finite numbers below v_th = {self.v_th}"
            )
        if self.leak is not None and not (0.0 <= self.leak <= 1.0 and not self.decay_input):
            raise ValueError(
                f"leak: got {self.leak} with decay_input={self.decay_input}, allowed are numbers in [0, 1] "
                "with decay_input=False"
            )
        if self.reset not in get_args(Reset):
            raise ValueError(f"reset: got {self.reset!r}, allowed are {', '.join(get_args(Reset))}")
        if self.fires not in get_args(Fires):
            raise ValueError(f"fires: got {self.fires!r}, allowed are {', '.join(get_args(Fires))}")

    @property
    def decay(self) -> float:
        """Give what is left of the membrane after a step without input."""
        return 1.0 - 1.0 / self.tau if self.leak is None else self.leak


class Spike(torch.autograd.Function):
    """The step forward, the surrogate's derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate, strict: bool) -> Tensor:
        """Spike where u is at 0 or above, or above it alone if `strict`."""
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u > 0 if strict else u >= 0).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        """Put the surrogate's derivative in the step's place."""
        (u,) = ctx.saved_tensors
        return g * ctx.surrogate.derivative(u), None, None


def lif_reference(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    spike: Callable[[Tensor], Tensor] | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the neurons as a plain time loop: the definition that the fused form is tested against.

    Args:
        x: Input [T, B, ...].
        v: Membrane [B, ...] before the first step.
        options: The neuron.
        lengths: Valid steps [B], int64; None means all. Beyond them spikes are 0 and the state stands still.
        spike: Replaces the step and its surrogate, as a function of v - v_th (a smooth step, or a SpikingJelly
            surrogate).
        local: Keep gradients inside a step: the membrane of the step before is a constant.
        learns: With `local`, the steps that have a gradient at all, bool [T]; None means all. Else not looked at.

    Returns:
        Spikes [T, B, ...] and the membrane of each sample at its length.
    """
    o, late = options, options.reset == "hard_next_step"
    fire = spike or (lambda u: cast(Tensor, Spike.apply(u, o.surrogate, o.fires == ">")))  # type: ignore[no-untyped-call]

    def reset(h: Tensor, z: Tensor) -> Tensor:
        s = z.detach() if o.detach_reset else z
        return h - s * o.v_th if o.reset == "soft" else s * o.v_reset + (1 - s) * h

    check_marks(x, learns)
    marks = learns.tolist() if local and learns is not None else [True] * len(x)
    spikes = []
    for t, x_t in enumerate(x.unbind(0)):
        v = v.detach() if local else v
        start = reset(v, fire(v - o.v_th)) if late else v
        if o.decay_input:
            h = start + (x_t - (start - o.v_reset)) / o.tau
        else:
            h = o.v_reset + (start - o.v_reset) * o.decay + x_t
        z = fire(h - o.v_th)
        after = h if late else reset(h, z)
        if lengths is not None:
            valid = (lengths > t).reshape(-1, *[1] * (v.dim() - 1))
            z, after = torch.where(valid, z, 0.0), torch.where(valid, after, v)
        spikes.append(z if marks[t] else z.detach())
        v = after
    return (torch.stack(spikes) if spikes else torch.zeros_like(x)), v


class _FusedLIF(torch.autograd.Function):
    """One compiled pass each way; keeps only the membrane before reset."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v: Tensor,
        lengths: Tensor,
        options: LIFOptions,
        local: bool,
        learns: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        kept = steps_kept(x, learns, graph=ctx.needs_input_grad[0] or ctx.needs_input_grad[1])
        z, h, last = run_forward(x, v, lengths, kept, options)
        ctx.save_for_backward(h, lengths, kept)
        ctx.options, ctx.local, ctx.steps = options, local, x.shape[0]
        ctx.takes_sparse, ctx.sparse = True, takes_sparse(x)
        ctx.set_materialize_grads(False)
        if local:
            ctx.mark_non_differentiable(last)
        return z, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gz: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        h, lengths, kept = ctx.saved_tensors
        if gz is None and gv is None:
            return None, None, None, None, None, None
        gz = torch.zeros_like(h) if gz is None else pick(gz, kept)
        g = h.new_zeros(h.shape[1:]) if gv is None else gv.clone(memory_format=torch.contiguous_format)
        o: LIFOptions = ctx.options
        s, gx, number = o.surrogate, room(h), number_of(h)
        # torch's vectorised exponential, so that the bits are those of the reference and of SpikingJelly
        aux = (h - o.v_th).mul_(s.sharpness).sigmoid_() if s.name == "sigmoid" else h[:1]
        lif_backward(  # type: ignore[call-arg]
            gz.numpy(), g.numpy(), h.numpy(), aux.numpy(), lengths.numpy(), kept.numpy(), gx.numpy(),
            *scalars(o, h), number(s.sharpness), number(s.scale), KINDS[s.name],
            *flags(o), o.detach_reset, ctx.local,
        )  # fmt: skip
        gx = spread(gx, kept, ctx.steps, sparse=ctx.sparse)
        return gx, None if ctx.local else g, None, None, None, None


def steps_kept(x: Tensor, learns: Tensor | None, *, graph: bool) -> Tensor:
    """List the steps of x [T, ...] whose membranes the backward pass will ask for, int64."""
    if not graph:
        return torch.empty(0, dtype=torch.int64)
    return torch.arange(x.shape[0]) if learns is None else learns.nonzero()[:, 0]


def run_forward(
    x: Tensor, v: Tensor, lengths: Tensor, kept: Tensor, options: LIFOptions
) -> tuple[Tensor, Tensor, Tensor]:
    """Give spikes, the pre-reset membranes of the steps `kept`, and the last state."""
    x, last = x.contiguous(), v.clone(memory_format=torch.contiguous_format)
    z, h = room(x), room(x, min(kept.shape[0] + 1, x.shape[0]), *v.shape)
    arrays = (x.numpy(), last.numpy(), lengths.numpy(), kept.numpy(), z.numpy(), h.numpy())
    lif_forward(*arrays, *scalars(options, x), *flags(options))
    return z, h[: kept.shape[0]], last


def number_of(like: Tensor) -> Any:
    """Give the numpy type of a tensor's numbers."""
    return like.numpy().dtype.type


def scalars(o: LIFOptions, like: Tensor) -> tuple[Any, ...]:
    """Give tau, decay, v_th and v_reset for the compiled loops, in the type of `like`."""
    number = number_of(like)
    return tuple(number(s) for s in (o.tau, o.decay, o.v_th, o.v_reset))


def flags(o: LIFOptions) -> tuple[bool, ...]:
    """Give decay_input, soft, late and strict for the compiled loops."""
    return o.decay_input, o.reset == "soft", o.reset == "hard_next_step", o.fires == ">"


def local_gradient(options: LIFOptions, gz: Tensor, h: Tensor, lengths: Tensor) -> Tensor:
    """Give the input's gradient [T, B, N] if each step stands by itself."""
    gx = options.surrogate.derivative(h - options.v_th).mul_(gz)
    if options.decay_input:
        gx = gx / options.tau
    return gx.mul_((torch.arange(h.shape[0])[:, None] < lengths)[:, :, None])


def late_reset(v: Tensor, options: LIFOptions) -> Tensor:
    """Do the reset of "hard_next_step" that the state v came with; from there on a step is that of "hard"."""
    if options.reset != "hard_next_step":
        return v
    z = cast(Tensor, Spike.apply(v - options.v_th, options.surrogate, options.fires == ">"))  # type: ignore[no-untyped-call]
    z = z.detach() if options.detach_reset else z
    return z * options.v_reset + (1 - z) * v


def lif_fused(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the neurons in one compiled pass each way: `lif_reference` on the CPU in float32 or float64."""
    check_marks(x, learns)
    steps, batch = x.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), steps, dtype=torch.int64)
    # a view, even of the same shape, would stand between kernels that pass sparse gradients
    flat = x if x.dim() == 3 else x.reshape(steps, batch, -1)
    start = late_reset(v.reshape(batch, -1), options)
    start = start.detach() if local else start
    given = (flat, start, lengths.to(torch.int64), options, local, learns if local else None)
    z, last = _FusedLIF.apply(*given)  # type: ignore[no-untyped-call]
    return (z if x.dim() == 3 else z.reshape(x.shape)), last.reshape(v.shape)


def lif(
    x: Tensor,
    v: Tensor,
    options: LIFOptions,
    lengths: Tensor | None = None,
    local: bool = False,
    learns: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run leaky integrate-and-fire neurons over time, in the fastest form there is for where x lies.

    Arguments and results are those of `lif_reference`.
    """
    fused = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.numel() > 0
    return (lif_fused if fused else lif_reference)(x, v, options, lengths, local=local, learns=learns)
