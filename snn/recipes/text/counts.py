"""Count what a language model does on the test part of its text, for `snn energy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snn.core.arrays import PathLike
from snn.core.files.hdf5 import naming
from snn.recipes.text.config import TextConfig, load_data
from snn.recipes.text.models import load_language_model

if TYPE_CHECKING:
    from snn.hardware import Ledger

__all__ = ["count_text"]

_WINDOWS = 8
"""Windows that are counted at a time."""


def count_text(file: PathLike, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Count a model of `snn train text` on windows of the test part, each from rest; an inference is a window.

    Args:
        file: The model file.
        data: The text; None is the one that it was trained on.
        samples: The first so many windows; None takes all.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: No such model, or a text of tokens that it does not know.
    """
    import torch

    from snn.hardware import count
    from snn.train import read_info

    model, tokenizer = load_language_model(file)
    with naming(file):
        saved = dict(read_info(file)["data"])
        config = TextConfig(**(saved if data is None else saved | {"data": data}))
    test = load_data(config, tokenizer)[2]
    left = len(test) if samples is None else min(samples, len(test))
    found: Ledger | None = None
    for batch in test.batches(_WINDOWS):
        x, lengths = torch.from_numpy(batch.x[:, :left]), torch.from_numpy(batch.lengths[:left])
        part = count(model, x, lengths)
        found = part if found is None else found + part
        left -= x.shape[1]
        if not left:
            break
    assert found is not None  # a text has one window at least
    return found, test.name
