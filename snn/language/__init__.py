"""Spiking language models: SpikeGPT blocks that train in parallel and stream token by token.

Each name loads with its module when first used, since most bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "PADDING",
    "SIZES",
    "Block",
    "BlockState",
    "ChannelMixing",
    "ChannelMixingState",
    "Classifier",
    "Embedding",
    "Projection",
    "SpikeGPT",
    "Stepper",
    "TimeMixing",
    "TimeMixingState",
    "align",
    "masked_mean",
    "next_token",
    "read_rwkv4",
]

_MODULES = {
    "PADDING": "classifier",
    "SIZES": "spike_gpt",
    "Block": "block",
    "BlockState": "block",
    "ChannelMixing": "channel_mixing",
    "ChannelMixingState": "channel_mixing",
    "Classifier": "classifier",
    "Embedding": "embedding",
    "Projection": "projection",
    "SpikeGPT": "spike_gpt",
    "Stepper": "stepper",
    "TimeMixing": "time_mixing",
    "TimeMixingState": "time_mixing",
    "align": "classifier",
    "masked_mean": "classifier",
    "next_token": "next_token",
    "read_rwkv4": "rwkv4",
}

if TYPE_CHECKING:
    from snn.language.block import Block, BlockState
    from snn.language.channel_mixing import ChannelMixing, ChannelMixingState
    from snn.language.classifier import PADDING, Classifier, align, masked_mean
    from snn.language.embedding import Embedding
    from snn.language.next_token import next_token
    from snn.language.projection import Projection
    from snn.language.rwkv4 import read_rwkv4
    from snn.language.spike_gpt import SIZES, SpikeGPT
    from snn.language.stepper import Stepper
    from snn.language.time_mixing import TimeMixing, TimeMixingState
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.language.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.language' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
