"""Hold programmed arrays as values: what was written, and what follows from it without an input.

Reading, diagnosing and counting stand on these values; `Crossbar` has them and does all three. What deviates is
carried as a difference from the targets, so an array without flaws holds the very weight, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from snn.core.checks import number, refusal
from snn.hardware.crossbar.config import CrossbarConfig
from snn.hardware.crossbar.ir_drop import effective_conductance, row_column_mean_conductance
from snn.hardware.crossbar.mapping import EncodedWeight
from snn.hardware.crossbar.programming import age_cells, apply_faults
from snn.hardware.crossbar.tiles import TileLayout

__all__ = ["ProgrammedArray"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ProgrammedArray:
    """Hold a weight on arrays of cells; every method leaves it as it is.

    Attributes:
        config: The hardware.
        name: Name of the arrays; devices and noise are keyed by it.
        seed: Which chip: device gains and faults are its own.
        write_number: Which write: programming noise is its own.
        time_s: Age of the last write at which the arrays are read, seconds.
        target_weight: The weight that was asked for, [out, in].
        encoded: Its target conductances; planes are [planes, in, out].
        layout: Where cells lie.
        target_us: Targets on tiles, [row tiles, column tiles, rows, cols], microsiemens.
        writable_us: Targets in the range and on the levels of the device.
        written_us: What was written, before drift and faults, on tiles.
        full_scale_us: Calibrated full scale of the conversions of each row tile, [row tiles]; None: as configured.
    """

    config: CrossbarConfig
    name: str
    seed: int
    write_number: int
    time_s: float
    target_weight: Tensor
    encoded: EncodedWeight
    layout: TileLayout
    target_us: Tensor
    writable_us: Tensor
    written_us: Tensor
    full_scale_us: Tensor | None = None

    def __repr__(self) -> str:
        row_tiles, col_tiles, rows, cols = self.layout.shape
        shape = (
            f"{self.in_features} -> {self.out_features}, {row_tiles} x {col_tiles} tiles of {rows} x {cols}"
        )
        return f"{type(self).__name__}({self.name!r}, {shape}, chip {self.seed}, {self.time_s:g} s)"

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
        now = age_cells(self.written_us, self.writable_us, *which)
        return torch.where(self.used, now, torch.zeros_like(now))

    @cached_property
    def programmed_us(self) -> Tensor:
        """What cells were programmed to, faulty ones what they are stuck at; on tiles, microsiemens, no graph."""
        return apply_faults(self.writable_us.detach(), self.config.device, self.seed, self.name)

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
        planes = self.layout.tiles_to_planes(tiles_us)
        return (planes * self.encoded.weight_per_us[:, None, :]).sum(0).T

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
        wants_graph = torch.is_grad_enabled() and self.target_weight.requires_grad
        return self._decoded_weight() if wants_graph else self._fixed_weight

    def _decoded_weight(self) -> Tensor:
        held = self.encoded.weight + self.decode(self.effective_us - self.target_us)
        return (held if self.gain == 1.0 else held * self.gain).to(self.target_weight.dtype)

    @cached_property
    @torch.no_grad()
    def _fixed_weight(self) -> Tensor:
        """The weight without a graph, kept: recurrent arrays are read anew in every step."""
        return self._decoded_weight()

    @cached_property
    def cell_variance(self) -> Tensor:
        """Square of the deviation of one reading, per cell on tiles, no graph.

        With wires a cell is taken to scatter as its effective conductance does. Against solving the wires anew
        for every reading, a solution per time step, that is too much noise: by 2 % where wires take 14 % of the
        current, by 8 % at 23 %, by 13 to 22 % at a third.
        """
        effective = self.effective_us.detach()
        return self.config.device.read_deviation(effective, self.programmed_us, self.time_s) ** 2

    @cached_property
    def output_variance(self) -> Tensor:
        """The same of an output of a pair mapping per driven input, [in, out], in the dtype of the weight."""
        scales = self.encoded.weight_per_us[:, None, :] ** 2
        per_weight = (self.layout.tiles_to_planes(self.cell_variance) * scales).sum(0)
        return (per_weight * self.gain**2).detach().to(self.target_weight.dtype)

    def at(self, time_s: float) -> Self:
        """Give the same arrays `time_s` seconds after they were written.

        Args:
            time_s: Seconds, >= 0; earlier than the first reading of the device counts as that.

        Raises:
            ValueError: A time out of range.
        """
        time_s = number("time_s", time_s, low=0.0)
        return self if time_s == self.time_s else replace(self, time_s=time_s)

    def check_input(self, x: Tensor) -> None:
        """Refuse an input that is not [T, B, in] or [B, in].

        Raises:
            ValueError: As said above.
        """
        if x.dim() not in (2, 3) or x.shape[-1] != self.in_features:
            wanted = f"[T, B, {self.in_features}] or [B, {self.in_features}]"
            raise refusal("x", f"{wanted} for the arrays {self.name!r}", x)
