"""Sound to a mel spectrogram: the front end of published networks on Speech Commands, and what it leaves dark."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float32Array, Float64Array
from snn.core.checks import finite, keep, number, refusal, whole

__all__ = ["MelFrontEnd"]

_FLOOR = 1e-10  # of power: -100 dB


@dataclass(frozen=True, slots=True)
class MelFrontEnd:
    """Turn sounds into power in mel bands, in dB over time; the defaults keep every band of 8 kHz in use.

    Windows (Hann) are centred on every `hop`, their ends mirrored at the ends of the sound; bands are triangles of
    equal height, evenly spaced on the mel scale of HTK.

    Attributes:
        rate_hz: Values in a second to which sounds are resampled, whole, 1 000 to 384 000.
        window: Values of a window, 2 to 2^16.
        hop: Values from one window to the next, 1 to 2^20: a step of 1000 hop / rate_hz ms.
        mels: Number of bands, 1 to 1024.
        low_hz: Where the first band begins, >= 0.
        high_hz: Where the last one ends, above `low_hz`; None is half of `rate_hz`, above which no sound has
            anything.

    Warns:
        UserWarning: Bands lie above half of `rate_hz`, or between two frequencies of the window: they are -100 dB
            whatever is heard.

    Raises:
        ValueError: A value is impossible; the message names it.
    """

    rate_hz: int = 8000
    window: int = 512
    hop: int = 80
    mels: int = 140
    low_hz: float = 50.0
    high_hz: float | None = None

    def __post_init__(self) -> None:
        keep(self, whole, "rate_hz", low=1000, high=384_000)
        keep(self, whole, "window", low=2, high=2**16)
        keep(self, whole, "hop", low=1, high=2**20)
        keep(self, whole, "mels", low=1, high=2**10)
        keep(self, number, "low_hz", low=0)
        keep(self, number, "high_hz", above=self.low_hz, optional=True)
        if self.high_hz is None and self.low_hz >= self.rate_hz / 2:
            raise refusal("low_hz", f"below {self.rate_hz / 2:g}, half of rate_hz", self.low_hz)
        above, between = self.dark_bands
        if above:
            warnings.warn(
                f"{above} of {self.mels} mel bands lie above {self.rate_hz / 2:g} Hz, half of rate_hz: they are "
                "always -100 dB; lower high_hz",
                stacklevel=3,
            )
        if between:
            warnings.warn(
                f"{between} of {self.mels} mel bands are narrower than a window of {self.window} values can tell: "
                "they are always -100 dB; take fewer bands or a longer window",
                stacklevel=3,
            )

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms."""
        return 1000.0 * self.hop / self.rate_hz

    @property
    def dark_bands(self) -> tuple[int, int]:
        """How many bands hear nothing: above half of `rate_hz`, and below but between two frequencies."""
        dark = ~_bank(self).any(axis=0)
        above = _edges(self)[:-2] >= self.rate_hz / 2 - self.rate_hz / self.window
        beyond = int((dark & above).sum())
        return beyond, int(dark.sum()) - beyond

    def check(self, values: int, rate_hz: int) -> int:
        """Return the rate of a sound of so many values.

        Raises:
            ValueError: It is shorter than half a window, or of so low a rate that it holds nothing where bands are.
        """
        top = min(self.high_hz or math.inf, self.rate_hz / 2)
        rate = whole("rate_hz", rate_hz, low=1)
        if rate < 2 * top:
            raise refusal("rate_hz", f"at least {2 * top:g}, for bands up to {top:g} Hz", rate)
        least = math.ceil((self.window // 2 + 1) * rate / self.rate_hz)
        if values < least:
            raise refusal("len(sound)", f"at least {least}, half a window at {rate} Hz", values)
        return rate

    def __call__(self, sound: ArrayLike, rate_hz: int) -> Float32Array:
        """Give the power of a sound, dB, [1 + T' // hop, mels]; T' is its length at the front end's rate.

        Args:
            sound: Pressure, [T], such that 0 dB is a power of 1.
            rate_hz: Values in a second, whole: twice the end of the last band, or more.

        Raises:
            ValueError: The sound is no list of finite numbers, or as `check` says.
        """
        from scipy.signal import resample_poly  # slow to import

        given = finite("sound", sound)
        if given.ndim != 1:
            raise refusal("sound", "a list of numbers, [T]", sound)
        rate = self.check(len(given), rate_hz)
        shared = math.gcd(rate, self.rate_hz)
        heard = (
            given if rate == self.rate_hz else resample_poly(given, self.rate_hz // shared, rate // shared)
        )
        padded = np.pad(heard, self.window // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop]
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self.window) / self.window)
        power = np.abs(np.fft.rfft(frames * hann)) ** 2
        return np.asarray(10.0 * np.log10(np.maximum(power @ _bank(self), _FLOOR)), dtype=np.float32)


def _edges(front_end: MelFrontEnd) -> Float64Array:
    """Give where bands begin, peak and end: band i at values i, i + 1 and i + 2, Hz."""
    low, high = front_end.low_hz, front_end.high_hz or front_end.rate_hz / 2
    first, last = (2595.0 * math.log10(1.0 + hertz / 700.0) for hertz in (low, high))
    return np.asarray(700.0 * (10.0 ** (np.linspace(first, last, front_end.mels + 2) / 2595.0) - 1.0))


@lru_cache(maxsize=4)
def _bank(front_end: MelFrontEnd) -> Float64Array:
    """Give the weight of each frequency of a window in each band, [window // 2 + 1, mels]."""
    edges = _edges(front_end)
    frequency = np.arange(front_end.window // 2 + 1)[:, None] * (front_end.rate_hz / front_end.window)
    rise = (frequency - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - frequency) / np.diff(edges)[1:]
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, None))
