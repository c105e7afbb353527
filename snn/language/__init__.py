"""Spiking language models: SpikeGPT blocks that train in parallel and stream token by token.

Each name loads with its module when first used, since most bring torch in; the loss "next_token" is there at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.language.next_token import next_token

__all__ = [
    "SIZES",
    "Block",
    "BlockState",
    "ChannelMixing",
    "ChannelMixingState",
    "Embedding",
    "Prompt",
    "Sampling",
    "SpikeGPT",
    "TextScore",
    "TimeMixing",
    "TimeMixingState",
    "bits_per_byte",
    "generate",
    "load_prompt",
    "next_token",
    "read_prompt",
    "save_prompt",
    "score_tokens",
]

_MODULES = {
    "SIZES": "spike_gpt",
    "Block": "block",
    "BlockState": "block",
    "ChannelMixing": "channel_mixing",
    "ChannelMixingState": "channel_mixing",
    "Embedding": "embedding",
    "Prompt": "generation",
    "Sampling": "generation",
    "SpikeGPT": "spike_gpt",
    "TextScore": "bits",
    "TimeMixing": "time_mixing",
    "TimeMixingState": "time_mixing",
    "bits_per_byte": "bits",
    "generate": "generation",
    "load_prompt": "prompt_file",
    "read_prompt": "generation",
    "save_prompt": "prompt_file",
    "score_tokens": "bits",
}

if TYPE_CHECKING:
    from snn.language.bits import TextScore, bits_per_byte, score_tokens
    from snn.language.block import Block, BlockState
    from snn.language.channel_mixing import ChannelMixing, ChannelMixingState
    from snn.language.embedding import Embedding
    from snn.language.generation import Prompt, Sampling, generate, read_prompt
    from snn.language.prompt_file import load_prompt, save_prompt
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
