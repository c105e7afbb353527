"""Continual learning: task streams, Hebbian orthogonal projection, and baselines."""

from __future__ import annotations

__all__: list[str] = []
