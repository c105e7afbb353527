"""Spiking language models: SpikeGPT blocks that train in parallel and stream token by token.

Each name loads with its module when first used, since most bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "SIZES",
    "Block",
    "BlockState",
    "ChannelMixing",
    "ChannelMixingState",
    "Embedding",
    "SpikeGPT",
    "TimeMixing",
    "TimeMixingState",
]

_MODULES = {
    "SIZES": "spike_gpt",
    "Block": "block",
    "BlockState": "block",
    "ChannelMixing": "channel_mixing",
    "ChannelMixingState": "channel_mixing",
    "Embedding": "embedding",
    "SpikeGPT": "spike_gpt",
    "TimeMixing": "time_mixing",
    "TimeMixingState": "time_mixing",
}

if TYPE_CHECKING:
    from snn.language.block import Block, BlockState
    from snn.language.channel_mixing import ChannelMixing, ChannelMixingState
    from snn.language.embedding import Embedding
    from snn.language.spike_gpt import SIZES, SpikeGPT
    from snn.language.time_mixing import TimeMixing, TimeMixingState
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.language.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.language' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
