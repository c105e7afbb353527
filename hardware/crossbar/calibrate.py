"""Set the converter ranges of a model on crossbars from data."""

from __future__ import annotations

from torch import Tensor

from snn.hardware.crossbar.model import AnalogModel, rows_read

__all__ = ["calibrate"]


def calibrate(
    model: AnalogModel, x: Tensor, lengths: Tensor | None = None, *, percentile: float = 99.9
) -> AnalogModel:
    """Set the range of every converter from data: the given percentile of the currents it would see.

    Layer after layer, a pass for each, because what a layer is given depends on the ranges before it.

    Args:
        model: The model.
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample [B].
        percentile: Share of conversions that the range must hold, percent, in (0, 100].

    Returns:
        The same arrays with the ranges found; `model` stays as it is.

    Raises:
        ValueError: A percentile out of range.
    """
    for name in model.layers:
        rows = rows_read(model, x, lengths)
        arrays = tuple(
            array.calibrate(rows[name, i], percentile=percentile) if (name, i) in rows else array
            for i, array in enumerate(model.layers[name].arrays)
        )
        model = model.with_arrays({name: arrays})
    return model
