"""Count the inputs of a layer by value, and decide from the values whether each is an add or a multiply."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn.core.arrays import Float64Array, Int64Array, RealArray
from snn.core.checks import refusal
from snn.hardware.ledger.counting_loops import MAX_MAGNITUDES, tally_magnitudes

__all__ = ["InputKind", "InputTally"]

InputKind = Literal["binary", "levels", "real"]
"""What the input of a layer may be declared to be."""

_ALLOWED_BY: dict[str, tuple[str, ...]] = {
    "binary": ("silent", "binary"),
    "levels": ("silent", "binary", "levels"),
    "real": ("silent", "binary", "levels", "real"),
}
"""What values must look like for a declaration to hold."""

_MAX_MULTIPLE = 255
_CLOSE = 1e-6
"""How far a magnitude may be from a multiple of the unit, relative to it: rounding of float32."""


class InputTally:
    """Count the nonzero inputs of one layer by magnitude, and the outputs that they reach, while a model runs.

    Rows are (step, sample) pairs.
    """

    def __init__(self, rows: int) -> None:
        self._magnitudes = np.zeros(MAX_MAGNITUDES)
        self._known = 0
        self._entries = np.zeros((rows, MAX_MAGNITUDES + 1), dtype=np.int64)
        self._active = np.zeros_like(self._entries)

    def add(self, values: RealArray, fan_out: Int64Array, rows: slice = slice(None)) -> None:
        """Count inputs.

        Args:
            values: [rows, n].
            fan_out: Outputs that each input reaches, [n].
            rows: Which rows of the tally they are; all by default.
        """
        self._known = tally_magnitudes(
            values, fan_out, self._magnitudes, self._known, self._entries[rows], self._active[rows]
        )

    def roll(self, rows: int) -> None:
        """Move what was counted by so many rows, from the beginning round to the end."""
        self._entries, self._active = (np.roll(part, rows, axis=0) for part in (self._entries, self._active))

    def by_value(
        self, name: str, declared: str | None = None, unit: float | None = None
    ) -> tuple[str, dict[str, Int64Array]]:
        """Turn the tally into spikes, events, adds and multiplies.

        One magnitude is ``"binary"``: it folds into the weights, and each entry is one add (a sign is a
        subtraction). Several that are whole multiples (up to 255) of a unit are ``"levels"``: the unit is one add,
        a multiple m is m spikes and one multiply. Anything else is ``"real"``: each entry is one event and one
        multiply.

        Args:
            name: Layer, for errors.
            declared: What the input is said to be, an `InputKind`; None decides by the values.
            unit: Value of one spike where the model fixes it, so that it does not depend on the values met; they
                decide where they are no multiples of it, and without it.

        Returns:
            The kind, and per row: input_spikes, synaptic_events, active_inputs, macs.

        Raises:
            ValueError: The values contradict `declared`.
        """
        multiples = None
        if self._known <= MAX_MAGNITUDES:
            sizes = self._magnitudes[: self._known]
            multiples = _multiples(sizes, unit) if unit else None
            multiples = _multiples_of_a_unit(sizes) if multiples is None else multiples
        measured = (
            "real"
            if multiples is None
            else ("silent", "binary")[self._known]
            if self._known < 2 and (multiples == 1).all()
            else "levels"
        )
        if declared is not None and measured not in _ALLOWED_BY[declared]:
            raise refusal(f"inputs[{name!r}]", f"what its values are, {measured!r}", declared)
        kind = measured if declared is None else declared
        if multiples is not None and kind != "real":
            return kind, self._weighted(multiples)
        active = self._active.sum(1)
        return kind, {
            "input_spikes": self._entries.sum(1),
            "synaptic_events": active,
            "active_inputs": active,
            "macs": active,
        }

    def of_spike_counts(self, values: RealArray, fan_out: Int64Array) -> dict[str, Int64Array]:
        """Turn the tally of whole numbers of spikes into spikes, events, adds and multiplies.

        A count n is n spikes, and one multiply where n > 1.

        Args:
            values: The numbers that were added, [rows, n]: read again where too many were different.
            fan_out: Outputs that each input reaches, [n].
        """
        if self._known <= MAX_MAGNITUDES:
            return self._weighted(np.rint(self._magnitudes[: self._known]).astype(np.int64))
        spikes = np.rint(values).astype(np.int64)
        return {
            "input_spikes": spikes.sum(1),
            "synaptic_events": spikes @ fan_out,
            "active_inputs": self._active.sum(1),
            "macs": (spikes > 1) @ fan_out,
        }

    def _weighted(self, multiples: Int64Array) -> dict[str, Int64Array]:
        """Take each magnitude for so many spikes."""
        known = len(multiples)
        return {
            "input_spikes": self._entries[:, :known] @ multiples,
            "synaptic_events": self._active[:, :known] @ multiples,
            "active_inputs": self._active.sum(1),
            "macs": self._active[:, :known] @ (multiples > 1).astype(np.int64),
        }


def _multiples_of_a_unit(magnitudes: Float64Array) -> Int64Array | None:
    """Write magnitudes as whole multiples of the largest unit that fits, None where none does."""
    if not magnitudes.size:
        return np.zeros(0, dtype=np.int64)
    if not np.isfinite(magnitudes).all():
        return None
    for parts in range(1, _MAX_MULTIPLE + 1):
        unit = magnitudes.min() / parts
        if np.rint(magnitudes.max() / unit) > _MAX_MULTIPLE:
            return None
        found = _multiples(magnitudes, unit)
        if found is not None:
            return found
    return None


def _multiples(magnitudes: Float64Array, unit: float) -> Int64Array | None:
    """Write magnitudes as whole multiples, at least 1, of a unit; None where they are not."""
    if not np.isfinite(magnitudes).all():
        return None
    ratio = magnitudes / unit
    multiples = np.rint(ratio)
    close = np.abs(ratio - multiples) <= _CLOSE * multiples
    return multiples.astype(np.int64) if (close & (multiples >= 1) & (multiples < 2**31)).all() else None
