"""Spiking language models: SpikeGPT blocks that train in parallel and stream token by token.

Each name loads with its module when first used, since most bring torch in; the loss "next_token" is there at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.language.next_token import next_token_loss  # brings no torch in; registers the loss

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
    "Prompt",
    "Sampling",
    "SpikeGPT",
    "Stepper",
    "TextScore",
    "TimeMixing",
    "TimeMixingState",
    "align",
    "bits_per_byte",
    "generate",
    "load_prompt",
    "masked_mean",
    "next_token_loss",
    "read_prompt",
    "read_rwkv4",
    "save_prompt",
    "score_tokens",
    "transformer_ledger",
]

_MODULES = {
    "Block": "block",
    "BlockState": "block",
    "ChannelMixing": "channel_mixing",
    "ChannelMixingState": "channel_mixing",
    "Classifier": "classifier",
    "Embedding": "embedding",
    "PADDING": "classifier",
    "Projection": "projection",
    "Prompt": "generation",
    "SIZES": "spike_gpt",
    "Sampling": "generation",
    "SpikeGPT": "spike_gpt",
    "Stepper": "stepper",
    "TextScore": "bits",
    "TimeMixing": "time_mixing",
    "TimeMixingState": "time_mixing",
    "align": "classifier",
    "bits_per_byte": "bits",
    "generate": "generation",
    "load_prompt": "prompt_file",
    "masked_mean": "classifier",
    "read_prompt": "generation",
    "read_rwkv4": "rwkv4",
    "save_prompt": "prompt_file",
    "score_tokens": "bits",
    "transformer_ledger": "transformer",
}

if TYPE_CHECKING:
    from snn.language.bits import TextScore, bits_per_byte, score_tokens
    from snn.language.block import Block, BlockState
    from snn.language.channel_mixing import ChannelMixing, ChannelMixingState
    from snn.language.classifier import PADDING, Classifier, align, masked_mean
    from snn.language.embedding import Embedding
    from snn.language.generation import Prompt, Sampling, generate, read_prompt
    from snn.language.projection import Projection
    from snn.language.prompt_file import load_prompt, save_prompt
    from snn.language.rwkv4 import read_rwkv4
    from snn.language.spike_gpt import SIZES, SpikeGPT
    from snn.language.stepper import Stepper
    from snn.language.time_mixing import TimeMixing, TimeMixingState
    from snn.language.transformer import transformer_ledger
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.language.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.language' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
