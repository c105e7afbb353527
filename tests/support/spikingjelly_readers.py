"""SpikingJelly's readers of data sets, also where torchvision and torchaudio, not needed by them, fit no torch."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


class _Unused(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def spikingjelly_datasets(patch: pytest.MonkeyPatch, name: str) -> Any:
    """Import a module of `spikingjelly.datasets`, for one test."""
    for part in ("", ".datasets", ".datasets.utils", ".transforms"):
        patch.setitem(sys.modules, f"torchvision{part}", _Unused(f"torchvision{part}"))
    package = ModuleType("spikingjelly.datasets")  # its own imports all data sets
    package.__path__ = [str(Path(importlib.import_module("spikingjelly").__path__[0]) / "datasets")]
    patch.setitem(sys.modules, "spikingjelly.datasets", package)
    found = importlib.import_module(f"spikingjelly.datasets.{name}")
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("spikingjelly.datasets.")]:
        del sys.modules[loaded]
    return found
