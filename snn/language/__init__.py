"""Spiking language models: SpikeGPT blocks that train in parallel and stream token by token."""

from __future__ import annotations

__all__: list[str] = []
