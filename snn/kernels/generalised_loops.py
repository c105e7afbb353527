"""Compiled loops of neurons that are held after a spike, adapt, or spike several times a step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from snn.core.arrays import Int32Array, Int64Array, RealArray
from snn.core.compiled import compiled, compiled_entry
from snn.core.neurons import MOST_SPIKES
from snn.kernels.lif_loops import GradientConstants, NeuronConstants, charge_row, derivative_row

__all__ = ["CarriedArrays", "KeptArrays", "OptionConstants", "generalised_backward", "generalised_forward"]

ROW = 2048
"""Neurons at a time: vectors that stay in the nearest cache."""


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


@compiled
def _thresholds_row(thetas: RealArray, limits: RealArray, v_th: Any, option: OptionConstants) -> None:
    """Let the thresholds' rise decay, and fill in the thresholds."""
    for n in range(limits.shape[0]):
        thetas[n] *= option.adapt_decay
        limits[n] = v_th + thetas[n]


@compiled
def _hold_row(helds: Int32Array, vs: RealArray, hs: RealArray, us: RealArray) -> None:
    """Leave the membranes of neurons that are held as they were, out of reach of any threshold."""
    minus_infinity = hs.dtype.type(-np.inf)
    for n in range(hs.shape[0]):
        hs[n] = vs[n] if helds[n] > 0 else hs[n]
        us[n] = minus_infinity if helds[n] > 0 else us[n]


@compiled
def _count_row(us: RealArray, zs: RealArray, reset_by: Any, strict: bool) -> None:
    """Fill spikes zs, where there may be several, and turn us into the distance to the nearest threshold."""
    one, zero, most = us.dtype.type(1), us.dtype.type(0), us.dtype.type(MOST_SPIKES)
    for n in range(us.shape[0]):
        parts = us[n] / reset_by
        above = us[n] > zero if strict else us[n] >= zero
        count = min(np.ceil(parts) if strict else np.floor(parts) + one, most)
        zs[n] = count if above else zero
        us[n] -= max(np.rint(parts), zero) * reset_by


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
            vs[n] = v_reset if zs[n] > zero else hs[n]


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
    limits, hs = np.full(min(ROW, width), neuron.v_th), np.empty(min(ROW, width), x.dtype)
    k = 0
    for t in range(steps):
        for b in range(batch):
            if t >= lengths[b]:
                z[t, b] = 0
                kept.u[k, b] = -np.inf
                if kept.h.shape[0] > 0:
                    kept.h[k, b] = 0
                continue
            keep = neuron.late_reset and t == lengths[b] - 1
            for start in range(0, width, ROW):
                stop = min(width, start + ROW)
                size = stop - start
                us, zs, vs = kept.u[k, b, start:stop], z[t, b, start:stop], carried.v[b, start:stop]
                charge_row(x[t, b, start:stop], vs, hs[:size], neuron)
                if option.adapts:
                    _thresholds_row(carried.theta[b, start:stop], limits[:size], neuron.v_th, option)
                for n in range(size):
                    us[n] = hs[n] - limits[n]
                if option.t_ref > 0:
                    _hold_row(carried.held[b, start:stop], vs, hs[:size], us)
                if option.multiple:
                    _count_row(us, zs, neuron.reset_by, neuron.strict)
                else:
                    _spike_row(us, zs, neuron.strict)
                _reset_row(hs[:size], zs, vs, neuron, keep)
                if kept.h.shape[0] > 0:
                    kept.h[k, b, start:stop] = hs[:size]
                if option.t_ref > 0:
                    helds = carried.held[b, start:stop]
                    for n in range(size):
                        helds[n] = option.t_ref if zs[n] > 0 else max(helds[n] - 1, 0)
                if option.adapts:
                    thetas = carried.theta[b, start:stop]
                    for n in range(size):
                        thetas[n] += option.adapt_by * zs[n]
        if k < steps_kept.shape[0] and steps_kept[k] == t:  # else the next step writes over this one
            k += 1


@compiled
def _step_backward_row(
    gzs: RealArray,
    ds: RealArray,
    zs: RealArray,
    hs: RealArray,
    gs: RealArray,
    neuron: NeuronConstants,
    detach: bool,
    keep: bool,
) -> None:
    """Take the membrane's gradient gs from after the reset to before it; ds becomes the threshold's, less its sign.

    gzs is the gradient of the spikes, ds the surrogate's derivative; a hard reset that is not detached reads hs.
    """
    reset_by, v_reset, one = neuron.reset_by, neuron.v_reset, gs.dtype.type(1)
    if keep:
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n]
            gs[n] += ds[n]
    elif neuron.soft_reset:
        fall = reset_by * gs.dtype.type(0 if detach else 1)
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n] - gs[n] * fall
            gs[n] += ds[n]
    elif detach:
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n]
            gs[n] = gs[n] * (one - zs[n]) + ds[n]
    else:
        for n in range(gs.shape[0]):
            ds[n] *= gzs[n] + gs[n] * (v_reset - hs[n])
            gs[n] = gs[n] * (one - zs[n]) + ds[n]


@compiled
def _charge_backward_row(us: RealArray, gs: RealArray, gxs: RealArray, neuron: NeuronConstants) -> None:
    """Fill the input's gradient gxs, and take the membrane's, gs, to before the step; a held one stays as it is."""
    tau, decay, zero, least = neuron.tau, neuron.decay, gs.dtype.type(0), gs.dtype.type(-np.inf)
    if neuron.decay_input:
        for n in range(gs.shape[0]):
            part, held = gs[n] / tau, us[n] == least
            gxs[n] = zero if held else part
            gs[n] = gs[n] if held else gs[n] - part
    else:
        for n in range(gs.shape[0]):
            held = us[n] == least
            gxs[n] = zero if held else gs[n]
            gs[n] = gs[n] if held else gs[n] * decay


@compiled_entry
def generalised_backward(
    gz: RealArray,
    g: RealArray,
    g_theta: RealArray,
    z: RealArray,
    kept: KeptArrays,
    sigmoid: RealArray,
    lengths: Int64Array,
    steps_kept: Int64Array,
    gx: RealArray,
    neuron: NeuronConstants,
    option: OptionConstants,
    gradient: GradientConstants,
) -> None:
    """Fill gx from the spikes' gradient; g and g_theta come as the last state's, and leave as the first's.

    Args:
        gz: Gradient of the spikes [K, B, N] of the steps kept.
        g: Gradient of the membrane [B, N]; left alone if gradients stay inside a step.
        g_theta: Gradient of the thresholds' rise [B, N]; without rows where none adapts.
        z: The spikes [T, B, N].
        kept: What the forward pass kept.
        sigmoid: sigmoid(alpha u) for the sigmoid; not read for the other surrogates.
        lengths: Valid steps [B].
        steps_kept: The steps [K]: all, unless gradients stay inside a step.
        gx: Gradient of the input [K, B, N], to be filled.
        neuron: The neuron.
        option: Its options.
        gradient: The surrogate, and what has a gradient.
    """
    steps, batch, width = kept.u.shape
    zero, ds, total = gz.dtype.type(0), np.empty(width, gz.dtype), np.empty(width, gz.dtype)
    for k in range(steps - 1, -1, -1):
        t = steps_kept[k]
        for b in range(batch):
            us, gxs, gzs = kept.u[k, b], gx[k, b], gz[k, b]
            if t >= lengths[b]:
                gxs[:] = zero
                continue
            derivative_row(us, sigmoid[k % sigmoid.shape[0], b], ds, zero, gradient)
            if gradient.local:
                for n in range(width):
                    gxs[n] = gzs[n] * ds[n] / neuron.tau if neuron.decay_input else gzs[n] * ds[n]
                continue
            gs, hs = g[b], kept.h[k, b] if kept.h.shape[0] > 0 else us
            total[:] = gzs
            if option.adapts:
                for n in range(width):
                    total[n] += g_theta[b, n] * option.adapt_by
            keep = neuron.late_reset and t == lengths[b] - 1
            _step_backward_row(total, ds, z[t, b], hs, gs, neuron, gradient.detach_reset, keep)
            if option.adapts:
                for n in range(width):
                    g_theta[b, n] = (g_theta[b, n] - ds[n]) * option.adapt_decay
            _charge_backward_row(us, gs, gxs, neuron)
