"""Say what crossbar hardware does to a product, so that a loss of accuracy has a cause."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from snn.hardware.crossbar.converters import dac
from snn.hardware.crossbar.mvm import converter_inputs, full_scale, matmul, multiply_tiles, tile_currents
from snn.hardware.crossbar.programmed import ProgrammedArray

__all__ = ["Diagnosis", "diagnose_array"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Say what hardware does to one product, as shares of 1 unless said otherwise.

    Attributes:
        snr_db: Power of the plain product over power of the deviation from it, decibel; infinite without any.
        weight_error: Mean deviation of the applied weight over the largest weight asked for.
        clip_rate: Weights beyond the range of conductances.
        ir_loss: Column current lost in wires; negative where sneak paths add more.
        adc_saturation: Conversions cut off at full scale.
        dac_saturation: Nonzero inputs cut off at the full read voltage.
    """

    snr_db: float
    weight_error: float
    clip_rate: float
    ir_loss: float
    adc_saturation: float
    dac_saturation: float


@torch.no_grad()
def diagnose_array(array: ProgrammedArray, x: Tensor) -> Diagnosis:
    """Read x once and compare with the plain product; see `Crossbar.diagnose`."""
    array.check_input(x)
    converter = array.config.converter
    share = dac(x, converter)
    wanted = torch.nn.functional.linear(x, array.target_weight.to(x.dtype)).double()
    read = matmul(array, x, step=0, sample=0)
    signal, noise = float((wanted**2).sum()), float(((read - wanted) ** 2).sum())
    ideal = multiply_tiles(array.layout.inputs_to_rows(share.abs()), array.chord_us.to(x.dtype)).sum()
    found = tile_currents(array, share.abs()).sum()
    largest = float(array.target_weight.abs().max())
    deviation = float((array.weight() - array.target_weight).abs().mean())
    return Diagnosis(
        snr_db=math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf,
        weight_error=deviation / largest if largest else 0.0,
        clip_rate=array.encoded.clip_rate,
        ir_loss=float(1 - found / ideal) if ideal > 0 else 0.0,
        adc_saturation=_saturation(array, share),
        dac_saturation=_share(x.abs() > converter.dac_range, x != 0) if converter.dac_bits else 0.0,
    )


def _saturation(array: ProgrammedArray, share: Tensor) -> float:
    if array.config.converter.adc_bits is None:
        return 0.0
    seen = converter_inputs(array, tile_currents(array, share)).abs()
    return _share(seen > full_scale(array)[:, None] * (1 + 1e-6), torch.ones_like(seen) > 0)


def _share(part: Tensor, whole: Tensor) -> float:
    return float((part & whole).sum() / whole.sum().clamp(min=1))
