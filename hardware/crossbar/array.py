"""Hold a weight on crossbar arrays: programmed once, read at every time step.

`program_crossbar` maps a weight, writes it with the flaws of the device, and gives an immutable array; wires are
solved once, and a time step is then a matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from snn.core import memory
from snn.core.checks import finite, instance, number, refusal, shown, whole
from snn.core.random import check_seed
from snn.hardware.crossbar.config import CrossbarConfig, check_config
from snn.hardware.crossbar.diagnosis import Diagnosis, diagnose_array
from snn.hardware.crossbar.mapping import EncodedWeight, encode_weight, mid_range_us
from snn.hardware.crossbar.mvm import calibrated_full_scale, matmul
from snn.hardware.crossbar.programmed import ProgrammedArray
from snn.hardware.crossbar.programming import form_cells, nearest_writable, write_cells
from snn.hardware.crossbar.tiles import cut_into_tiles

__all__ = ["Crossbar", "form_random_array", "program_crossbar", "program_measured"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Crossbar(ProgrammedArray):
    """Hold a weight on arrays of cells, and read it; every method leaves it as it is.

    Made by `program_crossbar`, `program_measured` and `form_random_array`. Its fields and what follows from them
    alone (`weight`, `at`, `conductance_us`, ...) are those of `ProgrammedArray`.
    """

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
        return matmul(self, x, step, sample)

    def calibrate(self, x: Tensor, percentile: float = 99.9) -> Crossbar:
        """Set the full scale of every row tile's conversions so that `percentile` of the currents of x fit.

        Raises:
            ValueError: A percentile outside (0, 100], or an input of another shape.
        """
        return replace(self, full_scale_us=calibrated_full_scale(self, x, percentile))

    def diagnose(self, x: Tensor) -> Diagnosis:
        """Say what the hardware does to the product with x: noise, clipping, wire loss, saturation."""
        return diagnose_array(self, x)


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
    check_config(config)
    seed = check_seed(seed)
    device = config.device
    encoded = encode_weight(instance("weight", weight, Tensor), device, config.mapping)
    layout = cut_into_tiles(weight.shape[1], weight.shape[0], config, weight.device)
    target_us = layout.planes_to_tiles(encoded.target_us, mid_range_us(device))
    writable_us = nearest_writable(target_us, device)
    return _conducting(
        Crossbar(
            config=config,
            name=name,
            seed=seed,
            write_number=write_number,
            time_s=device.t0_s,
            target_weight=weight,
            encoded=encoded,
            layout=layout,
            target_us=target_us,
            writable_us=writable_us,
            written_us=write_cells(writable_us, device, seed, name, write_number),
        )
    )


def program_measured(
    g_plus_us: Tensor | ArrayLike,
    g_minus_us: Tensor | ArrayLike,
    config: CrossbarConfig,
    *,
    scale: float = 1.0,
    name: str = "crossbar",
    seed: int = 0,
) -> Crossbar:
    """Make arrays of cells that were measured: W [out, in] = scale (G+ - G-) transposed, bit for bit.

    The cells are as written: what writing does to them (levels, programming noise, differences between devices) and
    the faults of a chip are in the measurement, and are not drawn again. From then on they are cells of the
    device: they drift, and are read with its noise, its wires and its converters.

    Args:
        g_plus_us: Conductances of the positive cells, [rows = inputs, columns = outputs], microsiemens, >= 0.
        g_minus_us: Those of the negative cells, of the same shape.
        config: The hardware; its mapping is of pairs, without digits.
        scale: Weight per microsiemens.
        name: Name of the arrays; noise is drawn by it, so give each array of a model its own.
        seed: Which chip: its draws of noise and drift.

    Returns:
        The arrays at their first reading; the weight is of the type of the conductances (whole numbers: float64).

    Raises:
        TypeError: `config` is no `CrossbarConfig`.
        ValueError: Conductances that are no two matrices of one shape, finite and >= 0; a mapping not of pairs.
    """
    _check_takes_pairs(config)
    plus, minus = _measured("g_plus_us", g_plus_us), _measured("g_minus_us", g_minus_us)
    if plus.shape != minus.shape:
        raise ValueError(
            f"g_minus_us must be of the shape {list(plus.shape)} of g_plus_us, got {list(minus.shape)}"
        )
    scale = number("scale", scale)
    weight = (scale * (plus - minus)).T
    layout = cut_into_tiles(plus.shape[0], plus.shape[1], config, weight.device)
    planes = torch.stack([plus, minus]).to(torch.float64)
    per_us = torch.tensor([scale, -scale], dtype=torch.float64, device=weight.device)
    cells_us = layout.planes_to_tiles(planes, 0.0)
    measured = replace(config.device, stuck_low=0.0, stuck_high=0.0, open_cells=0.0)
    return _conducting(
        Crossbar(
            config=replace(config, device=measured),
            name=name,
            seed=seed,
            write_number=0,
            time_s=measured.t0_s,
            target_weight=weight,
            encoded=EncodedWeight(planes, weight.double(), per_us[:, None].expand(-1, plus.shape[1]), 0.0),
            layout=layout,
            target_us=cells_us,
            writable_us=cells_us,
            written_us=cells_us,
        )
    )


def _check_takes_pairs(config: CrossbarConfig) -> None:
    """Refuse hardware on which a weight is not one pair of cells."""
    check_config(config)
    if config.mapping.scheme == "offset":
        raise refusal(
            "scheme", "'one_sided' or 'two_sided' for pairs of measured cells", config.mapping.scheme
        )
    if config.mapping.slice_bits is not None:
        raise refusal("slice_bits", "None for measured cells", config.mapping.slice_bits)


def _measured(name: str, values: Tensor | ArrayLike) -> Tensor:
    """Give measured conductances as a matrix of real numbers."""
    try:
        array = values.detach().double().cpu().numpy() if isinstance(values, Tensor) else np.array(values)
    except ValueError:  # rows of different length
        raise refusal(name, "a matrix [rows, columns], its rows of one length", values) from None
    if array.ndim != 2 or 0 in array.shape:
        raise refusal(name, "[rows, columns] with at least one of each", values)
    checked = finite(name, array, low=0.0, unit="microsiemens")
    if isinstance(values, Tensor):
        return values.detach() if values.is_floating_point() else values.double()
    return torch.from_numpy(array if array.dtype.kind == "f" else checked)


def _check_random(in_features: Any, out_features: Any, config: Any, dtype: Any) -> tuple[int, int]:
    """Check what random arrays are made from, and whether they fit into memory; give their sizes."""
    check_config(config)
    in_features, out_features = (
        whole("in_features", in_features, low=1),
        whole("out_features", out_features, low=1),
    )
    memory.check(
        24 * in_features * out_features,
        f"arrays of in_features x out_features = {shown(in_features)} x {shown(out_features)} cells",
    )
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise refusal("dtype", "a torch.dtype of real numbers", dtype)
    return in_features, out_features


def form_random_array(
    in_features: int,
    out_features: int,
    config: CrossbarConfig,
    seed: int = 0,
    *,
    scale: float | ArrayLike = 1.0,
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
        scale: Weight per microsiemens: one number, or one per output, [out].
        name: Name of the arrays.
        dtype: Type of the weight.

    Returns:
        The arrays; forming is their only write.

    Raises:
        ValueError: A device without forming statistics, a mapping with digits, or no cell conducts.
    """
    in_features, out_features = _check_random(in_features, out_features, config, dtype)
    seed = check_seed(seed)
    forming, mapping = config.device.forming, config.mapping
    if forming is None:
        raise ValueError("forming must be given in the device, as in 'rram_random_40nm', got None")
    if mapping.slice_bits is not None:
        raise ValueError(f"slice_bits must be None for a random array, got {mapping.slice_bits}")
    scales = finite("scale", scale)
    if scales.shape not in ((), (out_features,)):
        raise refusal("scale", f"one number or {out_features}, one per output", scale)
    layout = cut_into_tiles(in_features, out_features, config)
    planes = form_cells((mapping.planes, in_features, out_features), forming, seed, name)
    cells_us = layout.planes_to_tiles(planes, float(planes.mean()))
    per_us = torch.from_numpy(np.broadcast_to(scales, (out_features,)).copy())
    per_us = torch.stack([per_us, -per_us])[: mapping.planes]
    nothing = torch.zeros(out_features, in_features, dtype=torch.float64)
    crossbar = Crossbar(
        config=config,
        name=name,
        seed=seed,
        write_number=0,
        time_s=config.device.t0_s,
        target_weight=nothing.to(dtype),
        encoded=EncodedWeight(torch.zeros_like(planes), nothing, per_us, 0.0),
        layout=layout,
        target_us=torch.zeros_like(cells_us),
        writable_us=cells_us,
        written_us=cells_us,
    )
    return _conducting(replace(crossbar, target_weight=crossbar.weight()))


def _conducting(crossbar: Crossbar) -> Crossbar:
    """Give the arrays back, or refuse them where no cell conducts although one was to."""
    dead = not bool((crossbar.conductance_us > 0).any())
    if dead and (crossbar.config.device.forming is not None or bool((crossbar.target_us > 0).any())):
        raise ValueError(
            f"{crossbar.name}: no cell conducts, so no row has a path to ground; "
            "check open_cells and the forming voltage"
        )
    return crossbar
