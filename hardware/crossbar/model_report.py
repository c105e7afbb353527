"""Say per layer what crossbars do to a model: a table, and sections for the report's page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from snn.hardware.crossbar.array_figures import plot_adc_range, plot_conductances, plot_ir_drop
from snn.hardware.crossbar.diagnosis import Diagnosis
from snn.hardware.crossbar.model import AnalogModel, array_name, rows_read
from snn.hardware.report.page import Section, table_html
from snn.hardware.report.text import aligned

__all__ = ["LayerDiagnosis", "ModelDiagnosis", "crossbar_sections", "diagnose"]

_HEADER = ("array", "cells", "tiles", "SNR", "weight error", "clipped", "IR loss", "ADC cut", "DAC cut")


@dataclass(frozen=True, slots=True)
class LayerDiagnosis:
    """Diagnose one array of a layer on the input that it had.

    Attributes:
        name: Array: the layer's name, a number behind it where the layer has several.
        cells: Cells.
        tiles: Tiles.
        found: What the hardware does to the product.
    """

    name: str
    cells: int
    tiles: int
    found: Diagnosis


@dataclass(frozen=True, slots=True)
class ModelDiagnosis:
    """Diagnose every array of a model; the least SNR is the first suspect.

    Attributes:
        layers: One entry per array, in the order of the model's layers.
    """

    layers: tuple[LayerDiagnosis, ...]

    def __getitem__(self, name: str) -> Diagnosis:
        for layer in self.layers:
            if layer.name == name:
                return layer.found
        raise KeyError(f"no array {name!r}; there are {', '.join(x.name for x in self.layers)}")

    @property
    def worst(self) -> str:
        """Name of the array with the least SNR."""
        return min(self.layers, key=lambda layer: layer.found.snr_db).name

    def cells(self) -> list[list[str]]:
        """Write one line per array."""
        return [
            [
                layer.name,
                f"{layer.cells:,}",
                str(layer.tiles),
                _decibel(layer.found.snr_db),
                f"{layer.found.weight_error:.2%}",
                f"{layer.found.clip_rate:.2%}",
                f"{layer.found.ir_loss:.2%}",
                f"{layer.found.adc_saturation:.2%}",
                f"{layer.found.dac_saturation:.2%}",
            ]
            for layer in self.layers
        ]

    def table(self) -> str:
        """Lay out the diagnosis as aligned text."""
        return aligned(_HEADER, self.cells()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Give the diagnosis as plain values by array; an SNR without any deviation is None."""
        found = {}
        for layer in self.layers:
            values = asdict(layer.found)
            if not math.isfinite(values["snr_db"]):
                values["snr_db"] = None
            found[layer.name] = {"cells": layer.cells, "tiles": layer.tiles, **values}
        return found


def diagnose(model: AnalogModel, x: Tensor, lengths: Tensor | None = None) -> ModelDiagnosis:
    """Run a model on crossbars and compare every read with the plain product of the same input.

    Args:
        model: The model.
        x: Input, [T, B, ...]; no tail is appended.
        lengths: Valid steps of each sample [B].
    """
    found = []
    for (name, which), rows in rows_read(model, x, lengths).items():
        array = model.layers[name].arrays_at(0)[which]
        tiles = array.layout.shape[0] * array.layout.shape[1]
        cells = int(array.used.sum())
        found.append(LayerDiagnosis(array_name(name, which), cells, tiles, array.diagnose(rows)))
    return ModelDiagnosis(tuple(found))


def crossbar_sections(
    model: AnalogModel,
    x: Tensor,
    lengths: Tensor | None = None,
    *,
    layer: str | None = None,
    times_s: Sequence[float] = (),
) -> list[Section]:
    """Give the diagnosis of a model on crossbars as sections of a page: pass them to `EnergyReport.to_html`.

    Args:
        model: The model.
        x: Input, [T, B, ...].
        lengths: Valid steps of each sample [B].
        layer: Layer whose first array is drawn; None is the one with the least SNR.
        times_s: Seconds after writing at which conductances are drawn too.

    Raises:
        KeyError: No layer of that name is on an array.
    """
    diagnosis = diagnose(model, x, lengths)
    worst = diagnosis.worst
    names = [name for name in model.layers if worst == name or worst.startswith(f"{name}.")]
    name = names[-1] if layer is None else layer
    array = model.layers[name].arrays_at(0)[0]
    rows = rows_read(model, x, lengths)[name, 0]
    wires = array.config.wires
    sections = [
        Section(
            "On crossbars, array by array",
            table_html(_HEADER, diagnosis.cells()),
            "SNR: power of the plain product of the same input over the power of the deviation from it. "
            f"The figures below are of {name}.",
        ),
        Section(
            f"Conductances: {name}",
            plot_conductances(array, times_s),
            "Cells as wanted, as written, and later; the count is linear up to 1 and logarithmic above.",
        ),
        Section(
            f"Converter range: {name}",
            plot_adc_range(array, rows),
            "Currents of the columns of every tile at every step, before conversion.",
        ),
    ]
    if wires.ir_drop != "none":
        sections.insert(
            1,
            Section(
                f"Wire loss: {name}",
                plot_ir_drop(array),
                f"Share of its ideal current that each cell delivers, {wires.word_ohm:g} ohm per segment of a word "
                f"line and {wires.bit_ohm:g} of a bit line, every row driven ({wires.ir_drop} solution). Rows are "
                "driven from the left, columns read at the bottom of each tile; grey cells do not conduct.",
            ),
        )
    return sections


def _decibel(value: float) -> str:
    return "exact" if value == math.inf else "none" if value == -math.inf else f"{value:.1f} dB"
