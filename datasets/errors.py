"""The one error of this room: data that cannot be right."""

from __future__ import annotations

__all__ = ["DataError"]


class DataError(ValueError):
    """A data file is damaged or of another layout; the message names the file, the place and what is allowed."""
