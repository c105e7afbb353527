"""The one error of this room: data that cannot be right."""

from __future__ import annotations

from typing import Any

from snn.core.checks import refusal

__all__ = ["DataError", "data_refusal"]


class DataError(ValueError):
    """A data file is damaged or of another layout; the message names the file, the place and what is allowed."""


def data_refusal(where: object, field: str, rule: str, value: Any) -> DataError:
    """Make the error for a value in a file that is not as it must be; the caller raises it.

    Args:
        where: The file, folder or zip.
        field: What the value is called in there, with its sample: `labels[3]`.
        rule: What it must be.
        value: What it is.
    """
    return DataError(f"{where}: {refusal(field, rule, value)}")
