"""Powers of two in compiled loops, by the bits of the number: numba's own call a library and stop the vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["ROUNDING_32", "ROUNDING_64", "power_of_two"]

ROUNDING_32, ROUNDING_64 = 1.5 * 2.0**23, 1.5 * 2.0**52
"""Added to a small number, they round it to a whole one, which then stands in the lowest bits of the sum."""


def _power_of_two(_: Any, rounded: Any) -> Any:
    """Give 2^n, where `rounded` is n + ROUNDING_32 in float32, or n + ROUNDING_64 in float64.

    n lies within the exponents of normal numbers.
    """
    if rounded not in (types.float32, types.float64):
        return None
    width, mantissa, bias = (32, 23, 127) if rounded == types.float32 else (64, 52, 1023)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(width)
        bits = builder.bitcast(arguments[0], whole)
        shifted = builder.add(builder.shl(bits, whole(mantissa)), whole(bias << mantissa))
        return builder.bitcast(shifted, context.get_value_type(signature.return_type))

    return rounded(rounded), emit


power_of_two: Any = intrinsic(_power_of_two)
