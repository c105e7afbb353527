"""Sound to spikes through a model of the inner ear, as the Spiking Heidelberg Digits were made.

Sound is brought to one level, faded in and out, and makes a wave in the fluid of the cochlea; at every place
along the basilar membrane a hair cell releases transmitter by how fast the membrane moves, 40 fibres fire by
what is in the cleft, and a bushy cell, which is a neuron of `snn.core`, fires where they do so together.

Sources: Cramer, Stradmann, Schemmel & Zenke, "The Heidelberg spiking data sets", 2020; of the wave, Sieroka,
Dosch & Rupp, "Semirealistic models of the cochlea", 2006; of the hair cell, Meddis, 1986 and 1988.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events, LIFParams
from snn.core.arrays import ComplexArray, Float64Array, Int64Array
from snn.core.checks import finite, lists_of, refusal, whole
from snn.core.memory import check as check_memory
from snn.core.random import check_seed, keys
from snn.datasets.encode.currents import integrate_and_fire
from snn.datasets.samples import one_per_sample

__all__ = ["STEPS_PER_S", "cochlea"]

STEPS_PER_S = 24_000
"""Steps of hair cells and bushy cells in a second: half the rate of the recordings of Heidelberg."""
_BUSHY_CELL = LIFParams(tau_mem_ms=1.0, t_ref_ms=1.0)
_LEVEL = 0.3  # root of the mean square of every sound
_AT_A_TIME = 100  # places: bounds the memory


def cochlea(
    sounds: Sequence[ArrayLike],
    rate_hz: int,
    *,
    channels: int = 700,
    seed: int = 0,
    samples: ArrayLike | None = None,
) -> Events:
    """Give the spikes of an inner ear that hears sounds, one after another; 700 channels make what SHD holds.

    The loudness of a sound does not count. Where it holds nothing, such as above half its rate, channels fire at
    rest, some 60 times in 100 of them and a second; the first ones answer to up to 22 kHz.
    A sample depends on its sound, its number and the seed, never on what is encoded beside it.

    Args:
        sounds: Pressure in any unit, a list for each sample, [T].
        rate_hz: Values in a second, whole, 4 000 to 384 000; whatever it is, the ear works in steps of 1/24 000 s.
        channels: Places along the membrane, from base (high tones) to apex, evenly spaced, 2 to 7 000.
        seed: Decides the spikes.
        samples: Number of each sample, >= 0, [B]; None counts from 0.

    Returns:
        Events of `channels` units on a grid of 1/24 ms; `snn.datasets.write_shd` keeps them as SHD does.

    Warns:
        UserWarning: A sound is clipped: many of its values stand at one limit.

    Raises:
        ValueError: A sound is no list of finite numbers, silent, shorter than 1 ms, or an argument is
            impossible; the message names it.
        MemoryError: A sound does not fit.
    """
    rate = whole("rate_hz", rate_hz, low=4000, high=384_000)
    places = np.linspace(0.0, 1.0, whole("channels", channels, low=2, high=7000))
    heard = [_sound(f"sounds[{b}]", one, rate) for b, one in enumerate(lists_of("sounds", sounds))]
    if not heard:
        raise refusal("sounds", "at least one list of numbers", sounds)
    numbers = np.arange(len(heard)) if samples is None else one_per_sample("samples", samples, len(heard))
    seed = check_seed(seed)
    lengths = [max(1, len(sound) * STEPS_PER_S // rate) for sound in heard]
    found = [
        _spikes(sound, rate, length, places, keys(seed, "cochlea", int(sample), np.arange(len(places))))
        for sound, length, sample in zip(heard, lengths, numbers, strict=True)
    ]
    steps, units = zip(*found, strict=True)
    return Events.from_lists(steps, units, n_units=len(places), dt_ms=1e3 / STEPS_PER_S, n_steps=lengths)


def _sound(name: str, values: ArrayLike, rate: int) -> Float64Array:
    """Check a sound, bring it to its level, and fade it in and out."""
    sound = finite(name, values)
    if sound.ndim != 1 or len(sound) < rate / 1000:
        raise refusal(name, f"a list of at least {math.ceil(rate / 1000)} numbers, 1 ms", values)
    largest = np.abs(sound).max()
    if not largest:
        raise refusal(name, "a sound, not silence", values)
    sound = sound / largest
    _warn_of_clipping(name, sound)
    return np.asarray(sound * (_LEVEL / np.sqrt(np.mean(sound**2))) * np.hanning(len(sound)))


def _warn_of_clipping(name: str, sound: Float64Array) -> None:
    """Warn where four neighbours stand at the largest value: its corners are tones that nobody made."""
    at_limit = np.abs(sound) == 1.0
    flat = at_limit[:-3] & at_limit[1:-2] & at_limit[2:-1] & at_limit[3:] & (np.ptp(sound) > 0)
    if flat.any():
        rule = "lower where it was recorded: values in a row stand at its limit"
        warnings.warn(f"{name} is clipped and should be {rule}, from [{int(flat.argmax())}] on", stacklevel=4)


def _spikes(
    sound: Float64Array, rate: int, length: int, places: Float64Array, key: Any
) -> tuple[Int64Array, Int64Array]:
    """Give steps and places of a sound's spikes, some places at a time."""
    from scipy.fft import ifft  # slow to import, as are the loops

    from snn.datasets.encode.cochlea_loops import LENGTH, excite, vibrate

    pressure, omega, steps = _at_the_base(sound, rate)
    check_memory(48 * _AT_A_TIME * steps, f"a sound of {len(sound) / rate:.3g} s")
    found_steps, found_places = [], []
    for first in range(0, len(places), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        wave = np.zeros((len(places[part]), steps), dtype=np.complex64)
        vibrate(pressure, omega, LENGTH * places[part], wave[:, 1 : 1 + len(omega)])
        velocity = np.ascontiguousarray(ifft(wave, overwrite_x=True).real[:, :length])
        current = np.empty((length, 1, len(velocity)))
        excite(velocity, float(STEPS_PER_S), key[part], current[:, 0])
        spikes = integrate_and_fire(current, _BUSHY_CELL, dt_ms=1e3 / STEPS_PER_S)
        found_steps.append(spikes.step)
        found_places.append(first + spikes.unit)
    return np.concatenate(found_steps), np.concatenate(found_places)


def _at_the_base(sound: Float64Array, rate: int) -> tuple[ComplexArray, Float64Array, int]:
    """Give the spectrum of the pressure at the base, its angular frequencies, and the steps of its inverse.

    The sound is filled up with silence, so that it takes a whole number of steps whose count FFTs like. The
    steps are taken out of the analytic signal, which holds frequencies up to their own rate: this resamples.
    """
    from scipy.fft import next_fast_len, rfft
    from scipy.special import hankel2

    from snn.datasets.encode.cochlea_loops import HEIGHT, SLOPE, STIFFNESS

    shared = math.gcd(rate, STEPS_PER_S)
    blocks = next_fast_len(-(-len(sound) * shared // rate))
    values, steps = blocks * rate // shared, blocks * STEPS_PER_S // shared
    spectrum = rfft(sound, values)[1:steps] * (2.0 * steps / values)
    omega = 2.0 * np.pi * rate / values * np.arange(1, 1 + len(spectrum))
    y = 2.0 * omega / SLOPE * np.sqrt(2.0 / (HEIGHT * STIFFNESS))
    impedance = 1j * np.sqrt(2.0 * STIFFNESS / HEIGHT) * hankel2(0, y) / hankel2(1, y)
    return impedance * spectrum, omega, steps
