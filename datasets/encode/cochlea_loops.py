"""The loops of the cochlea: the membrane, and hair cells with their fibres; `cochlea` says what they model."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.arrays import ComplexArray, Float32Array, Float64Array, Uint64Array
from snn.core.compiled import compiled, compiled_entry, part
from snn.core.random import FIRST, GOLDEN, SECOND

__all__ = ["DENSITY", "HEIGHT", "LENGTH", "SLOPE", "STIFFNESS", "excite", "vibrate"]

LENGTH, HEIGHT, DENSITY = 3.5, 0.1, 1.0  # of the membrane, cm; of the duct, cm; of the fluid, g/cm^3
STIFFNESS, SLOPE = 1e9, 3.0  # at the base, g/(s^2 cm^2), and by how much it falls on the way, 1/cm
_OFFSET, _MASS = 3500.0, 0.05  # taken from the stiffness, g/(s^2 cm^2); of the membrane, g/cm^2
_RESISTANCE = 0.15 * np.sqrt(STIFFNESS * _MASS)  # at the base, g/(s cm^2)
_OVER = 20.0
"""A wave that has fallen by e to this power is over."""

_REPLENISH, _RELEASE, _LOSS, _RETURN, _REPROCESS = 5.05, 2000.0, 2500.0, 6580.0, 66.3  # 1/s
_AT_REST, _HALF_OPEN = 5.0, 300.0  # in the unit of the velocity
_FIRING = 50_000.0  # of a fibre for all transmitter in the cleft, 1/s

_FIBRES, _WEIGHT = 40, 13_000.0  # that meet at a bushy cell; of all of them together, 1/s
_TAU_SYNAPSE_S, _REFRACTORY_S = 5e-4, 1e-3


@part
def _root(omega: float, u: float) -> Any:
    """Root of i omega times the impedance of the membrane where its stiffness is u^2 times that of the base."""
    elastic = STIFFNESS * u * u - _OFFSET - _MASS * omega * omega
    return np.sqrt(elastic - 1j * (omega * _RESISTANCE * u))


@part
def _antiderivative(omega: float, u: float) -> Any:
    """Integral of dx / root along the membrane, that is of du / (u root) with u = exp(-slope x / 2)."""
    k = np.sqrt(_OFFSET + _MASS * omega * omega)
    inner = (2j * k * _root(omega, u) - 2.0 * k * k - 1j * (omega * _RESISTANCE * u)) / u
    return 2.0 / (SLOPE * 1j * k) * np.log(inner)


@part
def _hankel(z: complex) -> Any:
    """Hankel function of the first kind and order 0, to 1e-7 of its value, for Re z > 0 and Im z >= 0."""
    size = abs(z)
    if size >= 8.0:  # the asymptotic series, as far as its terms fall
        term = total = 1.0 + 0.0j
        turn = -0.125j / z
        for k in range(1, 13):
            term *= turn * ((2.0 * k - 1.0) ** 2 / k)
            total += term
        return np.sqrt(2.0 / (np.pi * z)) * np.exp(1j * (z - 0.25 * np.pi)) * total
    term = first = 1.0 + 0.0j
    second, harmonic, q = 0.0j, 0.0, -0.25 * z * z
    for k in range(1, 10 + int(2.0 * size)):
        term *= q * (1.0 / (k * k))
        harmonic += 1.0 / k
        first += term
        second -= term * harmonic
    return first + 2j / np.pi * ((np.log(0.5 * z) + np.euler_gamma) * first + second)


@compiled
def vibrate(sound: ComplexArray, omega: Float64Array, place: Float64Array, velocity: ComplexArray) -> None:
    """Give the spectrum of the membrane's velocity at every place.

    Args:
        sound: Spectrum of the pressure at the base, [K].
        omega: Angular frequencies, > 0 and ascending, 1/s, [K].
        place: Distances from the base, cm, [C].
        velocity: Filled with the spectrum; zero where the wave is over, [C, K].
    """
    wave = omega * np.sqrt(DENSITY / HEIGHT)
    start, base = np.empty(len(omega), np.complex128), np.empty(len(omega), np.complex128)
    for k in range(len(omega)):
        root = _root(omega[k], 1.0)
        start[k] = 2.0 / (SLOPE * root) - _antiderivative(omega[k], 1.0)
        phase = wave[k] * 2.0 / (SLOPE * root)
        base[k] = np.sqrt(phase * root / wave[k]) * _hankel(phase)
    for c in range(len(place)):
        u = np.exp(-0.5 * SLOPE * place[c])
        velocity[c] = 0.0
        for k in range(len(omega)):
            phase = wave[k] * (start[k] + _antiderivative(omega[k], u))
            if phase.imag > _OVER:
                break
            root = _root(omega[k], u)
            pressure = np.sqrt(phase * root / wave[k]) * _hankel(phase) / base[k] * sound[k]
            velocity[c, k] = 2.0 * omega[k] / (root * root) * pressure


@part
def _hair_cell(velocity: Float32Array, rate: float, chance: Float64Array) -> None:
    """Give the chance of a fibre to fire in each step of 1 / rate seconds, from the three pools of transmitter."""
    open_at_rest = _RELEASE * _AT_REST / (_AT_REST + _HALF_OPEN)
    cleft = _REPLENISH * open_at_rest / (_LOSS * open_at_rest + _REPLENISH * (_LOSS + _RETURN))
    free, store = cleft * (_LOSS + _RETURN) / open_at_rest, cleft * _RETURN / _REPROCESS
    for k in range(len(velocity)):
        above = velocity[k] + _AT_REST
        released = free * _RELEASE * above / (above + _HALF_OPEN) / rate if above > 0.0 else 0.0
        made = _REPLENISH * max(1.0 - free, 0.0) / rate
        reprocessed, returned, lost = (
            _REPROCESS * store / rate,
            _RETURN * cleft / rate,
            _LOSS * cleft / rate,
        )
        free = max(free + made + reprocessed - released, 0.0)
        store = max(store + returned - reprocessed, 0.0)
        cleft = max(cleft + released - returned - lost, 0.0)
        chance[k] = min(_FIRING * cleft / rate, 1.0)


@part
def _count(n: int, chance: float, draw: float) -> int:
    """Draw how many of n events happen, each with the same chance: invert the binomial distribution."""
    if draw < 1.0 - n * chance:  # nearly always, and below the probability of none
        return 0
    share = (1.0 - chance) ** n
    below, count = share, 0
    while draw >= below and count < n:
        share *= (n - count) / (count + 1.0) * chance / (1.0 - chance) if chance < 1.0 else 1.0
        below += share
        count += 1
    return count


@compiled_entry
def excite(velocity: Float32Array, rate: float, key: Uint64Array, current: Float64Array) -> None:
    """Give the synaptic current of bushy cells, each behind a hair cell and its fibres.

    A fibre that has fired rests for a while: of those that are ready so many fire as the binomial distribution
    says, by the draw of this step.

    Args:
        velocity: Of the membrane, [C, T].
        rate: Steps in a second.
        key: Of the stream of draws of each place, [C].
        current: Filled with what each step brings a cell, in thresholds, [T, C].
    """
    places, steps = velocity.shape
    rest = int(np.rint(_REFRACTORY_S * rate))
    fade, weight = np.exp(-1.0 / (_TAU_SYNAPSE_S * rate)), _WEIGHT / _FIBRES / rate
    chance = np.empty(steps)
    for c in range(places):
        _hair_cell(velocity[c], rate, chance)
        resting = np.zeros(rest, np.int64)  # fibres that fired in each of the last steps
        ready, flow = _FIBRES, 0.0
        for k in range(steps):
            z = key[c] + GOLDEN * np.uint64(k)
            z = (z ^ (z >> np.uint64(30))) * FIRST
            z = (z ^ (z >> np.uint64(27))) * SECOND
            z ^= z >> np.uint64(31)
            ready += resting[k % rest]
            fired = _count(ready, chance[k], np.float64(z >> np.uint64(11)) * 2.0**-53)
            ready -= fired
            resting[k % rest] = fired
            flow = flow * fade + fired
            current[k, c] = flow * weight
