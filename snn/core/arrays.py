"""Names for the types of arrays that the whole package speaks of, and of paths."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]
Uint16Array = NDArray[np.uint16]
Uint32Array = NDArray[np.uint32]
Uint64Array = NDArray[np.uint64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
ComplexArray = NDArray[np.complexfloating[Any, Any]]
RealArray = NDArray[Any]
"""float32 or float64, as the run has it."""
IndexArray = NDArray[Any]
"""Unsigned integers of 16 or 32 bits, as the largest index needs."""

PathLike = str | os.PathLike[str]
