"""Liquid state machines: fixed random recurrent networks, their features, and readouts."""

from __future__ import annotations

__all__: list[str] = []
