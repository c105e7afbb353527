"""Describe a resistive memory cell: its range, how it is written, how it ages, how it fails.

All conductances are in microsiemens and all times in seconds after programming. What is random is drawn by
`snn.hardware.crossbar.programming` from counters; here are the statistics alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from snn.core.checks import finite, instance, keep, number, refusal, whole
from snn.hardware.crossbar.fields import ascending_pair, number_pair, number_row

__all__ = [
    "CubicIV",
    "DeviceConfig",
    "Drift",
    "FlickerNoise",
    "Forming",
    "LogRelaxation",
    "PowerLawDrift",
    "SigmaTable",
    "polynomial",
]


def polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Evaluate c0 + c1 x + c2 x^2 + ..., zero for none."""
    total = torch.zeros_like(x)
    for c in reversed(coefficients):
        total = total * x + c
    return total


@dataclass(frozen=True, slots=True)
class PowerLawDrift:
    """Let a cell lose conductance as g(t) = g (t / t0)^-nu, with an exponent of its own.

    nu is normal with mean a ln x + b and deviation c ln x + d, x = g / reference, each clipped, and never negative.

    Attributes:
        nu_mean: (a, b).
        nu_mean_range: Lowest and highest mean.
        nu_sigma: (c, d).
        nu_sigma_range: Lowest and highest deviation.

    Raises:
        ValueError: A value that is not finite, or a range whose ends are exchanged.
    """

    nu_mean: tuple[float, float]
    nu_mean_range: tuple[float, float]
    nu_sigma: tuple[float, float] = (0.0, 0.0)
    nu_sigma_range: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        keep(self, number_pair, "nu_mean", "nu_sigma")
        keep(self, ascending_pair, "nu_mean_range", "nu_sigma_range")

    def exponents(self, x: Tensor, z: Tensor) -> Tensor:
        """Give nu of cells at relative conductance x, z standard normal per cell."""
        log = torch.log(x.clamp(min=1e-12))
        mean, sigma = (
            (slope * log + offset).clamp(*ends)
            for (slope, offset), ends in (
                (self.nu_mean, self.nu_mean_range),
                (self.nu_sigma, self.nu_sigma_range),
            )
        )
        return (mean + sigma * z).clamp(min=0.0)

    def shift(self, g: Tensor, x: Tensor, z: Tensor, time_s: float, t0_s: float) -> Tensor:
        """Give the change of conductance since t0, microsiemens."""
        return g * (torch.exp(-self.exponents(x, z) * math.log(time_s / t0_s)) - 1)


@dataclass(frozen=True, slots=True)
class LogRelaxation:
    """Let a cell relax with the logarithm of time: g(t) = g + a ln t + N(0, (b ln t + c)^2), t in seconds.

    A cell keeps its own draw of the normal, so it moves along one path.

    Attributes:
        mean_us: a, microsiemens per unit of ln t; may be negative.
        sigma_us_per_ln: b, microsiemens per unit of ln t, >= 0.
        sigma_us: c, microsiemens, >= 0.

    Raises:
        ValueError: A value that is not finite, or a negative deviation.
    """

    mean_us: float
    sigma_us_per_ln: float = 0.0
    sigma_us: float = 0.0

    def __post_init__(self) -> None:
        keep(self, number, "mean_us")
        keep(self, number, "sigma_us_per_ln", "sigma_us", low=0.0)

    def shift(self, g: Tensor, x: Tensor, z: Tensor, time_s: float, t0_s: float) -> Tensor:
        """Give the change of conductance since programming, microsiemens."""
        log = math.log(time_s)
        return torch.zeros_like(g) + self.mean_us * log + z * (self.sigma_us_per_ln * log + self.sigma_us)


@dataclass(frozen=True, slots=True)
class SigmaTable:
    """Let the spread of cells around their targets grow as measured at a few times.

    Between two times the deviation is linear in ln t; before the first and behind the last it stays. A cell keeps
    its own draw of the normal, so it moves along one path.

    Attributes:
        times_s: Times of the measurements, seconds, ascending, > 0.
        sigma_us: A polynomial in x = g / reference for each time, microsiemens, clipped at 0.

    Raises:
        ValueError: Times that do not ascend from > 0, a value that is not finite, or not one polynomial per time.
    """

    times_s: tuple[float, ...]
    sigma_us: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        keep(self, number_row, "times_s")
        times = self.times_s
        if not times or times[0] <= 0 or any(a >= b for a, b in pairwise(times)):
            raise refusal("times_s", "times that ascend from > 0", times)
        if not isinstance(self.sigma_us, tuple | list):
            raise refusal("sigma_us", "a polynomial for each of times_s", self.sigma_us)
        if len(self.sigma_us) != len(times):
            raise ValueError(
                f"sigma_us must be a polynomial for each of the {len(times)} times_s, got {len(self.sigma_us)}"
            )
        rows = tuple(number_row(f"sigma_us[{k}]", row) for k, row in enumerate(self.sigma_us))
        object.__setattr__(self, "sigma_us", rows)

    def sigma(self, x: Tensor, time_s: float) -> Tensor:
        """Give the deviation of cells at relative conductance x, microsiemens."""
        at = np.interp(math.log(time_s), np.log(self.times_s), np.arange(len(self.times_s)))
        low = min(int(at), len(self.times_s) - 1)
        high = min(low + 1, len(self.times_s) - 1)
        before, after = (polynomial(self.sigma_us[k], x).clamp(min=0.0) for k in (low, high))
        return before + (float(at) - low) * (after - before)

    def shift(self, g: Tensor, x: Tensor, z: Tensor, time_s: float, t0_s: float) -> Tensor:
        """Give the distance of cells from their targets, microsiemens."""
        return z * self.sigma(x, time_s)


Drift = PowerLawDrift | LogRelaxation | SigmaTable


@dataclass(frozen=True, slots=True)
class FlickerNoise:
    """Let a cell's reading scatter with 1/f noise: relative deviation Q sqrt(ln((t + t_read) / (2 t_read))).

    Q belongs to the state that was written and does not follow drift: the fits are over programmed states.

    Attributes:
        scale: Q = scale / x^exponent with x = programmed g / reference; >= 0.
        exponent: See `scale`.
        limit: Largest Q, >= 0.
        t_read_s: Length of a reading, seconds, > 0.

    Raises:
        ValueError: A value out of range.
    """

    scale: float
    exponent: float
    limit: float
    t_read_s: float

    def __post_init__(self) -> None:
        keep(self, number, "scale", "limit", low=0.0)
        keep(self, number, "exponent")
        keep(self, number, "t_read_s", above=0.0)

    def relative(self, x: Tensor, time_s: float) -> Tensor:
        """Give the relative deviation of one reading of cells programmed to relative conductance x."""
        q = (self.scale / x.clamp(min=1e-12) ** self.exponent).clamp(max=self.limit)
        return q * math.sqrt(max(0.0, math.log((time_s + self.t_read_s) / (2 * self.t_read_s))))


@dataclass(frozen=True, slots=True)
class CubicIV:
    """Let a cell's current be I = g V + n2 V^2 + n3 V^3, n2 and n3 polynomials in log10 g with g in siemens.

    Attributes:
        n2: Coefficients of n2, ascending, A/V^2.
        n3: Coefficients of n3, ascending, A/V^3.
        fitted_us: Conductances between which the fit holds, (low, high), > 0; beyond them the end's value is
            taken. An open cell has none.
        v_max: Largest voltage at which it holds, volt, > 0.

    Raises:
        ValueError: A value out of range.
    """

    n2: tuple[float, ...]
    n3: tuple[float, ...]
    fitted_us: tuple[float, float]
    v_max: float

    def __post_init__(self) -> None:
        keep(self, number_row, "n2", "n3")
        keep(self, ascending_pair, "fitted_us")
        finite("fitted_us", self.fitted_us, above=0.0)
        keep(self, number, "v_max", above=0.0)

    def terms(self, g_us: Tensor) -> tuple[Tensor, Tensor]:
        """Give n2 and n3 of cells, microsiemens per volt and per volt squared."""
        log = torch.log10(g_us.clamp(*self.fitted_us) * 1e-6)
        closed = (g_us > 0).to(g_us.dtype) * 1e6
        return polynomial(self.n2, log) * closed, polynomial(self.n3, log) * closed


@dataclass(frozen=True, slots=True)
class Forming:
    """Let chance set the cells: each is formed, or not, by one pulse, and formed ones scatter.

    P(formed) = Phi((voltage - mean) / sigma); formed cells are normal, cut off at both ends; others are open.

    Attributes:
        voltage_v: Voltage of the forming pulse, volt.
        mean_v: Mean breakdown voltage, volt.
        sigma_v: Its deviation, volt, > 0.
        g_mean_us: Mean of formed cells before the cut, microsiemens.
        g_sigma_us: Their deviation before the cut, microsiemens, > 0.
        g_low_us: Smallest formed cell, microsiemens, >= 0.
        g_high_us: Largest formed cell, microsiemens, > g_low_us.

    Raises:
        ValueError: A value out of range.
    """

    voltage_v: float
    mean_v: float
    sigma_v: float
    g_mean_us: float
    g_sigma_us: float
    g_low_us: float
    g_high_us: float

    def __post_init__(self) -> None:
        keep(self, number, "voltage_v", "mean_v", "g_mean_us")
        keep(self, number, "sigma_v", "g_sigma_us", above=0.0)
        keep(self, number, "g_low_us", low=0.0)
        keep(self, number, "g_high_us", above=self.g_low_us)

    @property
    def unformed(self) -> float:
        """Share of cells that stay open."""
        return float(1 - ndtr((self.voltage_v - self.mean_v) / self.sigma_v))


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """Describe the cells of an array. The default is ideal: any value from 0 to 100 microsiemens, kept for ever.

    Attributes:
        g_min_us: Lowest conductance that is written, microsiemens, >= 0.
        g_max_us: Highest, microsiemens, > g_min_us.
        levels: Number of values that can be written, evenly spaced, in 2..2^53; None: any.
        step_us: Smallest difference between two values that the device can hold apart, microsiemens, >= 0.
        sigma_us: Deviation of a written cell from its target: a polynomial in x = g / reference_us (ascending
            coefficients, microsiemens, clipped at 0), drawn anew at each write.
        reference_us: Conductance at which the fits in x have x = 1, microsiemens; None: g_max_us. It stays when
            g_max_us is lowered, for a cell does not know the range it is used in.
        d2d: Relative deviation between devices: a gain per cell, drawn once per chip, kept over writes.
        c2c: Relative deviation between writes of one cell, drawn anew at each write.
        read_noise: Relative deviation of one reading of one cell, drawn anew at every time step.
        stuck_low: Share of cells stuck at g_min_us whatever is written.
        stuck_high: Share of cells stuck at g_max_us.
        open_cells: Share of cells that do not conduct. Faults belong to the chip and survive every write.
        t0_s: Time of the first reading after programming, seconds, > 0: the statistics of writing hold then, and
            earlier times are taken as this one.
        drift: What becomes of a written cell; None: nothing.
        iv: Current beyond Ohm's law; None: linear.
        forming: Statistics of random arrays, for `form_random_array`; None: cells are written.

    Raises:
        ValueError: A value out of range, or more levels than the range allows.
    """

    g_min_us: float = 0.0
    g_max_us: float = 100.0
    levels: int | None = None
    step_us: float = 0.0
    sigma_us: tuple[float, ...] = ()
    reference_us: float | None = None
    d2d: float = 0.0
    c2c: float = 0.0
    read_noise: float | FlickerNoise = 0.0
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    open_cells: float = 0.0
    t0_s: float = 1.0
    drift: Drift | None = None
    iv: CubicIV | None = None
    forming: Forming | None = None

    def __post_init__(self) -> None:
        keep(self, number, "g_min_us", low=0.0)
        keep(self, number, "g_max_us", above=self.g_min_us)
        keep(self, number, "t0_s", above=0.0)
        keep(self, number, "reference_us", above=0.0, optional=True)
        keep(self, number_row, "sigma_us")
        keep(self, number, "step_us", "d2d", "c2c", "stuck_low", "stuck_high", "open_cells", low=0.0)
        if not self._flicker:
            keep(self, number, "read_noise", low=0.0)
        shares = (self.stuck_low, self.stuck_high, self.open_cells)
        if sum(shares) > 1:
            given = ", ".join(f"{share:g}" for share in shares)
            raise ValueError(
                f"stuck_low, stuck_high and open_cells must be shares of at most 1 in all, got {given}"
            )
        keep(self, instance, "drift", kind=(PowerLawDrift, LogRelaxation, SigmaTable), optional=True)
        keep(self, instance, "iv", kind=CubicIV, optional=True)
        keep(self, instance, "forming", kind=Forming, optional=True)
        self._check_levels()

    def _check_levels(self) -> None:
        keep(self, whole, "levels", low=2, high=2**53, optional=True)
        if self.levels is None:
            return
        span = self.g_max_us - self.g_min_us
        if span / (self.levels - 1) < self.step_us * (1 - 1e-12):
            most = int(span / self.step_us * (1 + 1e-12)) + 1
            raise ValueError(
                f"levels must be <= {most} in this range with step_us {self.step_us:g}, got {self.levels}"
            )

    @property
    def _flicker(self) -> bool:
        return isinstance(self.read_noise, FlickerNoise)

    @property
    def reference(self) -> float:
        """Conductance at which fits have x = 1, microsiemens."""
        return self.g_max_us if self.reference_us is None else self.reference_us

    @property
    def noisy_reads(self) -> bool:
        """Whether two readings of one array differ."""
        return self._flicker or self.read_noise != 0

    def read_deviation(self, g_us: Tensor, programmed_us: Tensor, time_s: float) -> Tensor:
        """Give the deviation of one reading of each cell, microsiemens.

        Args:
            g_us: Conductances as they are read now.
            programmed_us: What the cells were programmed to.
            time_s: Seconds since then.
        """
        if isinstance(self.read_noise, FlickerNoise):
            return g_us * self.read_noise.relative(programmed_us / self.reference, max(time_s, self.t0_s))
        return g_us * self.read_noise
