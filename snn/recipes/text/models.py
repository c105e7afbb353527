"""Read a language model that `snn train text` saved, with its tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.hdf5 import naming
from snn.core.files.text import Tokenizer, check_vocabulary, tokenizer_from
from snn.recipes.experiment import check_device

if TYPE_CHECKING:
    from snn.language import SpikeGPT

__all__ = ["load_language_model", "tokenizer_of"]


def tokenizer_of(path: PathLike) -> Tokenizer:
    """Make the tokenizer that a model file describes.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no model file, damaged, or of a model that is no language model.
    """
    from snn.train import read_info

    about = read_info(path)
    with naming(path):
        if "tokenizer" not in about:
            raise refusal("model", "one of `snn train text`, which says its tokenizer", about.get("recipe"))
        return tokenizer_from(about["tokenizer"])


def load_language_model(path: PathLike, torch_device: str = "cpu") -> tuple[SpikeGPT, Tokenizer]:
    """Read a model in evaluation mode, and its tokenizer.

    Args:
        path: A model file of `snn train text`.
        torch_device: Where torch computes.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no such file, damaged, its tokenizer has another vocabulary, or there is no such device.
    """
    from snn.language import SpikeGPT
    from snn.train import load

    tokenizer, device = tokenizer_of(path), check_device(torch_device)
    model = load(path)
    with naming(path):
        if not isinstance(model, SpikeGPT):
            raise refusal("model", "a SpikeGPT", type(model).__name__)
        check_vocabulary(tokenizer, model.vocab)
    return model.to(device), tokenizer
