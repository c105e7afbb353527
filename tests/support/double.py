"""Tests whose numbers are of float64: import the fixture, and it holds for all tests of the file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

__all__ = ["in_float64"]


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    """Make float64 torch's own type, and draw the same numbers in every test."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
