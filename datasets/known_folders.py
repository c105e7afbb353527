"""Where data sets known by name are looked for on this machine: $SNN_DATA, ~/.cache/snn, Debian's folder."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["HINTS", "folders", "known", "need"]

_DEBIAN = Path("/usr/share/datasets")
_SIGNS = {
    "shd": ("shd_train.h5*",),
    "nmnist": ("[Tt]rain/0/*.bin", "[Tt]rain.zip", "nmnist*.zip"),
    "mnist": ("train-images*idx3-ubyte*",),
    "fashion-mnist": ("train-images*idx3-ubyte*",),
}
HINTS = {
    "shd": "snn data fetch shd",
    "nmnist": "snn data fetch nmnist",
    "mnist": "put its four idx files into a folder named mnist there",
    "fashion-mnist": "the Debian package dataset-fashion-mnist",
}
"""How to get a set."""


def folders() -> list[Path]:
    """Give the folders in which data sets are looked for, the one that `fetch` fills first."""
    given = os.environ.get("SNN_DATA")
    return [*([Path(given)] if given else []), Path.home() / ".cache" / "snn"]


def known(name: str) -> Path | None:
    """Give where a data set is, a folder or a zip; None where it is not on this machine."""
    own_name_only = "mnist" in name and name != "nmnist"  # MNIST's files are named like Fashion-MNIST's
    for folder in [*folders(), _DEBIAN]:
        for place in (folder / name, folder / name.upper(), *([] if own_name_only else [folder])):
            for sign in _SIGNS[name]:
                found = sorted(place.glob(sign)) if place.is_dir() else []
                if found:
                    return found[0] if sign.startswith(name) and sign.endswith(".zip") else place
    return None


def need(name: str) -> Path:
    """Give where a data set is.

    Raises:
        FileNotFoundError: It is not on this machine; the message says how to get it.
    """
    where = known(name)
    if where is None:
        places = ", ".join(map(str, folders()))
        raise FileNotFoundError(f"{name} is not in {places}; set SNN_DATA to its folder, or: {HINTS[name]}")
    return where
