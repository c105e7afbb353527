"""Hold a weight on crossbar arrays: programmed once, read at every time step.

`program_crossbar` maps a weight, writes it with the flaws of the device, and gives an immutable array; wires are
solved once, and a time step is then a matrix product. What deviates is carried as a difference from the targets, so
an array without flaws holds the very weight, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from snn.hardware.crossbar.config import CrossbarConfig
from snn.hardware.crossbar.diagnosis import Diagnosis, diagnose_reading
from snn.hardware.crossbar.ir_drop import effective_conductance, row_column_mean_conductance
from snn.hardware.crossbar.mapping import Encoded, encode, middle
from snn.hardware.crossbar.mvm import calibrated, read
from snn.hardware.crossbar.programming import age, form_cells, hold, write
from snn.hardware.crossbar.tiles import Layout, lay_out

__all__ = ["Crossbar", "form_random_array", "program_crossbar"]


@dataclass(frozen=True, eq=False, repr=False)
class Crossbar:
    """Hold a weight on arrays of cells; every method leaves it as it is.

    Made by `program_crossbar` and `form_random_array`.

    Attributes:
        config: The hardware.
        name: Name of the arrays; devices and noise are keyed by it.
        seed: Which chip: device gains and faults are its own.
        write_number: Which write: programming noise is its own.
        time_s: Age of the last write at which the arrays are read, seconds.
        wanted: The weight that was asked for, [out, in].
        encoded: Its targets; planes are [planes, in, out].
        layout: Where cells lie.
        target_us: Targets on tiles, [row tiles, column tiles, rows, cols], microsiemens.
        held_us: Targets in the range and on the levels of the device.
        written_us: What was written, before drift and faults, on tiles.
        full_us: Full scale of the conversions of each row tile from `calibrate`, [row tiles]; None: as configured.
    """

    config: CrossbarConfig
    name: str
    seed: int
    write_number: int
    time_s: float
    wanted: Tensor
    encoded: Encoded
    layout: Layout
    target_us: Tensor
    held_us: Tensor
    written_us: Tensor
    full_us: Tensor | None = None

    def __repr__(self) -> str:
        row_tiles, col_tiles, rows, cols = self.layout.shape
        shape = (
            f"{self.in_features} -> {self.out_features}, {row_tiles} x {col_tiles} tiles of {rows} x {cols}"
        )
        return f"Crossbar({self.name!r}, {shape}, chip {self.seed}, {self.time_s:g} s)"

    @property
    def in_features(self) -> int:
        """Inputs."""
        return self.layout.in_features

    @property
    def out_features(self) -> int:
        """Outputs."""
        return self.layout.out_features

    @property
    def is_deterministic(self) -> bool:
        """Whether two readings of the same input are the same."""
        return not self.config.device.noisy_reads

    @property
    def is_linear(self) -> bool:
        """Whether a reading is the plain product with `weight`: no conversion, noise, bent cell or pattern."""
        converter = self.config.converter
        straight = converter.adc_bits is None and converter.dac_bits is None and self.config.device.iv is None
        return straight and self.is_deterministic and not self.config.wires.by_pattern

    @cached_property
    def used(self) -> Tensor:
        """Places that hold a cell, bool on tiles."""
        return self.layout.used()

    @cached_property
    @torch.enable_grad()  # kept: must have its graph even when first asked for without one
    def conductance_us(self) -> Tensor:
        """Cells as they are now: written, aged, faulty; on tiles, microsiemens, float64."""
        which = (self.config.device, self.seed, self.name, self.write_number, self.time_s)
        now = age(self.written_us, self.held_us, *which)
        return torch.where(self.used, now, torch.zeros_like(now))

    @cached_property
    @torch.enable_grad()  # kept: must have its graph even when first asked for without one
    def chord_us(self) -> Tensor:
        """Current of each cell at the full read voltage, per volt; the conductance where cells are linear."""
        g, iv, v = self.conductance_us, self.config.device.iv, self.config.v_read
        if iv is None:
            return g
        n2, n3 = iv.terms(g)
        return g + v * n2 + v**2 * n3

    @cached_property
    @torch.enable_grad()  # kept: must have its graph even when first asked for without one
    def effective_us(self) -> Tensor:
        """Current of each column per volt on each row, wires included, every row driven; on tiles, microsiemens."""
        wires = self.config.wires
        if wires.ir_drop == "none":
            return self.chord_us
        solve = effective_conductance if wires.ir_drop == "exact" else row_column_mean_conductance
        return solve(self.chord_us, wires.word_ohm, wires.bit_ohm)

    def decode(self, tiles_us: Tensor) -> Tensor:
        """Turn cells on tiles, or differences of cells, into what they weigh: float64 [out, in]."""
        planes = self.layout.gather(tiles_us)
        return (planes * self.encoded.per_us[:, None, :]).sum(0).T

    def compensation(self) -> float:
        """Give the share of current that is left of the first reading's: every row on, all columns summed."""
        first = self.at(self.config.device.t0_s).effective_us.detach().sum()
        return float(self.effective_us.detach().sum() / first) if float(first) > 0 else 1.0

    @cached_property
    def gain(self) -> float:
        """What outputs are multiplied by: 1, or one over `compensation` where the config asks for it."""
        return 1 / self.compensation() if self.config.compensate_drift else 1.0

    def weight(self) -> Tensor:
        """Give the weight that a reading applies, [out, in], in the dtype of the weight asked for.

        Wires with every row driven; without read noise and conversions. Differentiable: levels pass gradients
        straight through, cells cut off or stuck pass none. Flawless hardware gives the weight itself.
        """
        held = self.encoded.carried + self.decode(self.effective_us - self.target_us)
        return (held if self.gain == 1.0 else held * self.gain).to(self.wanted.dtype)

    def at(self, time_s: float) -> Crossbar:
        """Give the same arrays `time_s` seconds after they were written.

        Raises:
            ValueError: A time that is negative or not finite.
        """
        if not 0 <= time_s < float("inf"):
            raise ValueError(f"time_s is {time_s!r}; it must be finite and >= 0")
        return self if time_s == self.time_s else replace(self, time_s=float(time_s))

    def matmul(self, x: Tensor, *, step: int = 0, sample: int = 0) -> Tensor:
        """Read the arrays: y = x W' as the hardware gives it.

        Inputs are converted, every tile is read and converted by itself, partial sums are added as numbers. Read
        noise is keyed by (seed, name, sample, step), so a run may be cut in time or batches at will. Differentiable
        in x and in the weight. Without conversion, noise and gated or floating rows this is
        ``torch.nn.functional.linear(x, self.weight())``.

        Args:
            x: [T, B, in], or [B, in] for one step. 1 is a spike (see `ConverterConfig.dac_range`).
            step: Time step of the first entry.
            sample: Number of the first sample.

        Returns:
            [T, B, out] or [B, out].

        Raises:
            ValueError: Another shape, or a negative input where the converters have none.
        """
        return read(self, x, step, sample)

    def calibrate(self, x: Tensor, percentile: float = 99.9) -> Crossbar:
        """Set the full scale of every row tile's conversions so that `percentile` of the currents of x fit.

        Raises:
            ValueError: A percentile outside (0, 100], or an input of another shape.
        """
        return replace(self, full_us=calibrated(self, x, percentile))

    def diagnose(self, x: Tensor) -> Diagnosis:
        """Say what the hardware does to the product with x: noise, clipping, wire loss, saturation."""
        return diagnose_reading(self, x)


def program_crossbar(
    weight: Tensor, config: CrossbarConfig, seed: int = 0, *, name: str = "crossbar", write_number: int = 0
) -> Crossbar:
    """Write a weight into arrays.

    Args:
        weight: [out, in]; gradients reach it through everything that is read.
        config: The hardware.
        seed: Which chip: its devices and faults stay over writes.
        name: Name of the arrays; two of one name and seed are the same chip.
        write_number: Which write: another number, other programming noise.

    Returns:
        The arrays at their first reading.

    Raises:
        ValueError: A weight that is not [out, in] or not finite, or arrays in which no cell conducts.
    """
    encoded = encode(weight, config.device, config.mapping)
    layout = lay_out(weight.shape[1], weight.shape[0], config, weight.device)
    device = config.device
    target = layout.spread(encoded.target_us, middle(device))
    held = hold(target, device)
    written = write(held, device, seed, name, write_number)
    return _conducting(
        Crossbar(
            config, name, seed, write_number, device.t0_s, weight, encoded, layout, target, held, written
        )
    )


def form_random_array(
    in_features: int,
    out_features: int,
    config: CrossbarConfig,
    seed: int = 0,
    *,
    scale: float = 1.0,
    name: str = "crossbar",
    dtype: torch.dtype = torch.float32,
) -> Crossbar:
    """Make a random weight by forming cells at a given voltage.

    A pair weighs W = scale (G+ - G-). With the mapping "offset" a single cell is read against a reference column
    that holds the mean of the array, W = scale (G - mean). G in microsiemens.

    Args:
        in_features: Inputs.
        out_features: Outputs.
        config: The hardware; its device has `forming` statistics, its mapping is of one digit.
        seed: Which chip.
        scale: Weight per microsiemens.
        name: Name of the arrays.
        dtype: Type of the weight.

    Returns:
        The arrays; forming is their only write.

    Raises:
        ValueError: A device without forming statistics, a mapping with digits, or no cell conducts.
    """
    forming, mapping = config.device.forming, config.mapping
    if forming is None:
        raise ValueError("device has no forming statistics; random arrays need them, e.g. 'rram_random_40nm'")
    if mapping.slice_bits is not None:
        raise ValueError(f"form_random_array needs plain cells, got slice_bits {mapping.slice_bits}")
    layout = lay_out(in_features, out_features, config)
    planes = form_cells((mapping.planes, in_features, out_features), forming, seed, name)
    cells = layout.spread(planes, float(planes.mean()))
    signs = torch.tensor([scale, -scale], dtype=torch.float64)[: mapping.planes, None]
    nothing = torch.zeros(out_features, in_features, dtype=torch.float64)
    encoded = Encoded(torch.zeros_like(planes), nothing, signs.expand(-1, out_features), 0.0)
    target, t0 = torch.zeros_like(cells), config.device.t0_s
    made = Crossbar(config, name, seed, 0, t0, nothing.to(dtype), encoded, layout, target, cells, cells)
    return _conducting(replace(made, wanted=made.weight()))


def _conducting(crossbar: Crossbar) -> Crossbar:
    dead = not bool((crossbar.conductance_us > 0).any())
    if dead and (crossbar.config.device.forming is not None or bool((crossbar.target_us > 0).any())):
        raise ValueError(
            f"{crossbar.name}: no cell conducts, so no row has a path to ground; "
            "check open_cells and the forming voltage"
        )
    return crossbar
