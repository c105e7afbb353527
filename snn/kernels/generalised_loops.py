"""Compiled loops of neurons that are held after a spike, adapt, or spike several times a step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Int32Array, Int64Array, RealArray
from snn.core.compiled import compiled, compiled_entry
from snn.core.neurons import MOST_SPIKES
from snn.kernels.lif_loops import GradientConstants, NeuronConstants, charge_row, derivative_row

__all__ = [
    "CarriedArrays",
    "GradientArrays",
    "KeptArrays",
    "OptionConstants",
    "generalised_backward",
    "generalised_forward",
]

ROW = 1024
"""Neurons at a time in a step in which all samples do the same: vectors that stay in the nearest cache."""


class OptionConstants(NamedTuple):
    """What the loops read of the options that a plain neuron has not; see `LIFOptions`.

    Attributes:
        t_ref: Steps held after a spike; 0: never.
        adapts: Whether the threshold rises.
        adapt_by: Its rise at a spike, of the arrays' own type.
        adapt_decay: What is left of the rise after a step, of the same type.
        multiple: Whether there may be several spikes in a step.
    """

    t_ref: int
    adapts: bool
    adapt_by: Any
    adapt_decay: Any
    multiple: bool


class CarriedArrays(NamedTuple):
    """What neurons carry from step to step; each comes as before the first and leaves as after a sample's last.

    The loops of a row take the same, of its neurons.

    Attributes:
        v: Membranes [B, N].
        held: Steps for which each is still held [B, N]; without rows where none ever is.
        theta: Rise of each threshold [B, N]; without rows where none adapts.
    """

    v: RealArray
    held: Int32Array
    theta: RealArray


class KeptArrays(NamedTuple):
    """What the backward pass reads.

    Attributes:
        u: Membrane less threshold [K, B, N], of several spikes that of the nearest; -inf for a neuron that is held.
        h: Membrane before reset [K, B, N]; without rows where no gradient reads it.
    """

    u: RealArray
    h: RealArray


class GradientArrays(NamedTuple):
    """The gradients of a backward pass; the loops of a row take the same, of its neurons.

    Attributes:
        z: Gradient of the spikes [K, B, N] of the steps kept.
        v: Gradient of the membranes [B, N]: comes as that of the last state, leaves as that of the first.
        theta: Gradient of the thresholds' rise [B, N], likewise; without rows where none adapts.
        x: Gradient of the input [K, B, N], to be filled.
    """

    z: RealArray
    v: RealArray
    theta: RealArray
    x: RealArray


@compiled
def _above_rising_row(
    hs: RealArray, thetas: RealArray, us: RealArray, v_th: Any, option: OptionConstants
) -> None:
    """Let the thresholds' rise decay, and fill us with the membranes hs less the thresholds."""
    for n in range(hs.shape[0]):
        theta = thetas[n] * option.adapt_decay
        thetas[n] = theta
        us[n] = hs[n] - (v_th + theta)


@compiled
def _hold_row(helds: Int32Array, vs: RealArray, hs: RealArray, us: RealArray) -> None:
    """Leave the membranes of neurons that are held as they were, out of reach of any threshold."""
    minus_infinity = hs.dtype.type(-np.inf)
    for n in range(hs.shape[0]):
        held, v, h, u = helds[n] > 0, vs[n], hs[n], us[n]  # all read before the choice: it is a vector
        hs[n] = v if held else h
        us[n] = minus_infinity if held else u


@compiled
def _count_down_row(helds: Int32Array, zs: RealArray, t_ref: int) -> None:
    """Hold neurons that have spiked for t_ref steps; the others have one step less to go."""
    zero, one, longest = zs.dtype.type(0), np.int32(1), np.int32(t_ref)
    for n in range(helds.shape[0]):
        left = np.int32(max(helds[n], one) - one)
        helds[n] = longest if zs[n] > zero else left


@compiled
def _count_row(us: RealArray, zs: RealArray, reset_by: Any, strict: bool) -> None:
    """Fill spikes zs, where there may be several, and turn us into the distance to the nearest threshold."""
    one, zero, most = us.dtype.type(1), us.dtype.type(0), us.dtype.type(MOST_SPIKES)
    for n in range(us.shape[0]):
        u = us[n]
        parts = u / reset_by
        count = min(np.ceil(parts) if strict else np.floor(parts) + one, most)
        zs[n] = count if (u > zero if strict else u >= zero) else zero
        us[n] = u - max(np.rint(parts), zero) * reset_by


@compiled
def _spike_row(us: RealArray, zs: RealArray, strict: bool) -> None:
    """Fill spikes zs, one at most."""
    one, zero = us.dtype.type(1), us.dtype.type(0)
    if strict:
        for n in range(us.shape[0]):
            zs[n] = one if us[n] > zero else zero
    else:
        for n in range(us.shape[0]):
            zs[n] = one if us[n] >= zero else zero


@compiled
def _reset_row(hs: RealArray, zs: RealArray, vs: RealArray, neuron: NeuronConstants, keep: bool) -> None:
    """Fill the membranes vs after the spikes; `keep` leaves the reset out."""
    reset_by, v_reset, zero = neuron.reset_by, neuron.v_reset, hs.dtype.type(0)
    if keep:
        vs[:] = hs
    elif neuron.soft_reset:
        for n in range(hs.shape[0]):
            vs[n] = hs[n] - zs[n] * reset_by
    else:
        for n in range(hs.shape[0]):
            h = hs[n]
            vs[n] = v_reset if zs[n] > zero else h


@compiled_entry
def _step_row(
    xs: RealArray,
    now: CarriedArrays,
    zs: RealArray,
    kept: KeptArrays,
    neuron: NeuronConstants,
    option: OptionConstants,
    keep: bool,
) -> None:
    """Run a row of neurons for a step."""
    us, hs = kept.u, kept.h
    charge_row(xs, now.v, hs, neuron)
    if option.adapts:
        _above_rising_row(hs, now.theta, us, neuron.v_th, option)
    else:
        for n in range(hs.shape[0]):
            us[n] = hs[n] - neuron.v_th
    if option.t_ref > 0:
        _hold_row(now.held, now.v, hs, us)
    if option.multiple:
        _count_row(us, zs, neuron.reset_by, neuron.strict)
    else:
        _spike_row(us, zs, neuron.strict)
    _reset_row(hs, zs, now.v, neuron, keep)
    if option.t_ref > 0:
        _count_down_row(now.held, zs, option.t_ref)
    if option.adapts:
        for n in range(hs.shape[0]):
            now.theta[n] += option.adapt_by * zs[n]


@compiled_entry
def generalised_forward(
    x: RealArray,
    carried: CarriedArrays,
    lengths: Int64Array,
    steps_kept: Int64Array,
    z: RealArray,
    kept: KeptArrays,
    neuron: NeuronConstants,
    option: OptionConstants,
) -> None:
    """Fill spikes z [T, B, N] and what the backward pass reads; leave the last state in `carried`.

    Args:
        x: Input [T, B, N].
        carried: State before the first step.
        lengths: Valid steps [B].
        steps_kept: Steps that the backward pass asks for [K], in order.
        z: Spikes, to be filled.
        kept: To be filled; it has a place for one more step than K if K < T.
        neuron: The neuron.
        option: Its options.
    """
    steps, batch, width = x.shape
    size, uniform = batch * width, lengths.min() - neuron.late_reset  # all samples do the same up to there
    xs, zs, us = x.reshape(steps, size), z.reshape(steps, size), kept.u.reshape(len(kept.u), size)
    hs, vs = kept.h.reshape(len(kept.h), size), carried.v.reshape(size)
    helds, thetas = carried.held.reshape(carried.held.size), carried.theta.reshape(carried.theta.size)
    buffer = np.empty(max(ROW, width), x.dtype)
    k = 0
    for t in range(steps):
        row = ROW if t < uniform else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < uniform else lengths[start // width] - t
            if left <= 0:
                zs[t, start:stop] = 0
                us[k, start:stop] = -np.inf
                hs[k : k + 1, start:stop] = 0
                continue
            keep = neuron.late_reset and left == 1 and t >= uniform
            h = hs[k, start:stop] if len(hs) > 0 else buffer[: stop - start]
            now = CarriedArrays(vs[start:stop], helds[start:stop], thetas[start:stop])
            now_kept = KeptArrays(us[k, start:stop], h)
            _step_row(xs[t, start:stop], now, zs[t, start:stop], now_kept, neuron, option, keep)
        if k < steps_kept.shape[0] and steps_kept[k] == t:  # else the next step writes over this one
            k += 1


@compiled
def _step_backward_row(
    gzs: RealArray,
    ds: RealArray,
    us: RealArray,
    hs: RealArray,
    gs: RealArray,
    neuron: NeuronConstants,
    detach: bool,
    keep: bool,
) -> None:
    """Take the membrane's gradient gs from after the reset to before it; ds becomes the threshold's, less its sign.

    gzs is the gradient of the spikes, ds the surrogate's derivative; a hard reset that is not detached reads hs.
    """
    reset_by, v_reset, zero, at_zero = neuron.reset_by, neuron.v_reset, gs.dtype.type(0), not neuron.strict
    if keep:
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n]
            gs[n] += ds[n]
    elif neuron.soft_reset:
        fall = reset_by * gs.dtype.type(0 if detach else 1)
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n] - gs[n] * fall
            gs[n] += ds[n]
    else:
        for n in range(gs.shape[0]):
            g, u = gs[n], us[n]
            d = ds[n] * gzs[n] if detach else ds[n] * (gzs[n] + g * (v_reset - hs[n]))
            ds[n] = d
            gs[n] = d + (zero if (u > zero) | (at_zero & (u == zero)) else g)


@compiled
def _charge_backward_row(gs: RealArray, gxs: RealArray, neuron: NeuronConstants) -> None:
    """Fill the input's gradient gxs, and take the membrane's, gs, to before the step."""
    tau, decay = neuron.tau, neuron.decay
    if neuron.decay_input:
        for n in range(gs.shape[0]):
            part = gs[n] / tau
            gxs[n] = part
            gs[n] -= part
    else:
        for n in range(gs.shape[0]):
            gxs[n] = gs[n]
            gs[n] *= decay


@compiled
def _held_backward_row(us: RealArray, gs: RealArray, gxs: RealArray, neuron: NeuronConstants) -> None:
    """Do what `_charge_backward_row` does where a neuron is not held; one that is has a membrane that stays."""
    tau, decay, zero, least = neuron.tau, neuron.decay, gs.dtype.type(0), gs.dtype.type(-np.inf)
    if neuron.decay_input:
        for n in range(gs.shape[0]):
            g, held = gs[n], us[n] == least
            part = zero if held else g / tau
            gxs[n] = part
            gs[n] = g - part
    else:
        for n in range(gs.shape[0]):
            g, held = gs[n], us[n] == least
            gxs[n] = zero if held else g
            gs[n] = g if held else g * decay


@compiled_entry
def _backward_row(
    given: GradientArrays,
    kept: KeptArrays,
    sigmoids: RealArray,
    buffer: RealArray,
    neuron: NeuronConstants,
    option: OptionConstants,
    gradient: GradientConstants,
    keep: bool,
) -> None:
    """Take the gradients of a row of neurons from behind a step to before it; buffer is [2, at least as many]."""
    gzs, gs, g_thetas, gxs, us = given.z, given.v, given.theta, given.x, kept.u
    ds, total, zero = buffer[0, : len(us)], buffer[1, : len(us)], us.dtype.type(0)
    derivative_row(us, sigmoids, ds, zero, gradient)
    if gradient.local:
        for n in range(us.shape[0]):
            gxs[n] = gzs[n] * ds[n] / neuron.tau if neuron.decay_input else gzs[n] * ds[n]
        return
    if option.adapts:
        for n in range(us.shape[0]):
            total[n] = gzs[n] + g_thetas[n] * option.adapt_by
    else:
        total = gzs
    _step_backward_row(total, ds, us, kept.h, gs, neuron, gradient.detach_reset, keep)
    if option.adapts:
        for n in range(us.shape[0]):
            g_thetas[n] = (g_thetas[n] - ds[n]) * option.adapt_decay
    if option.t_ref > 0:
        _held_backward_row(us, gs, gxs, neuron)
    else:
        _charge_backward_row(gs, gxs, neuron)


@compiled_entry
def generalised_backward(
    given: GradientArrays,
    kept: KeptArrays,
    sigmoid: RealArray,
    lengths: Int64Array,
    steps_kept: Int64Array,
    neuron: NeuronConstants,
    option: OptionConstants,
    gradient: GradientConstants,
) -> None:
    """Fill the input's gradient from that of the spikes.

    Args:
        given: The gradients; those of the state are left alone if gradients stay inside a step.
        kept: What the forward pass kept.
        sigmoid: sigmoid(alpha u) for the sigmoid; not read for the other surrogates.
        lengths: Valid steps [B].
        steps_kept: The steps [K]: all, unless gradients stay inside a step.
        neuron: The neuron.
        option: Its options.
        gradient: The surrogate, and what has a gradient.
    """
    steps, batch, width = kept.u.shape
    size, uniform = batch * width, lengths.min() - neuron.late_reset
    us, hs = kept.u.reshape(steps, size), kept.h.reshape(len(kept.h), size)
    gzs, gxs = given.z.reshape(steps, size), given.x.reshape(steps, size)
    gs, g_thetas = given.v.reshape(size), given.theta.reshape(given.theta.size)
    sigmoids, buffer = sigmoid.reshape(len(sigmoid), size), np.empty((2, max(ROW, width)), us.dtype)
    for k in range(steps - 1, -1, -1):
        t, row = steps_kept[k], ROW if steps_kept[k] < uniform else width
        for start in range(0, size, row):
            stop, left = min(size, start + row), 1 if t < uniform else lengths[start // width] - t
            if left <= 0:
                gxs[k, start:stop] = 0
                continue
            _backward_row(
                GradientArrays(gzs[k, start:stop], gs[start:stop], g_thetas[start:stop], gxs[k, start:stop]),
                KeptArrays(us[k, start:stop], hs[k, start:stop] if len(hs) > 0 else us[k, start:stop]),
                sigmoids[k % len(sigmoids), start:stop],
                buffer,
                neuron,
                option,
                gradient,
                neuron.late_reset and left == 1 and t >= uniform,
            )
