"""Masks of 64 bits in compiled loops: instructions that every processor has and numba's Python has no name for."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["count_bits", "lowest_bit", "nonzero_mask"]


def _nonzero_mask(_: Any, row: Any, start: Any) -> Any:
    """Mark the nonzero numbers among row[start : start + 64] in the bits of a mask, the first in the lowest."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, start = arguments
        number = signature.args[0].dtype
        first = builder.gep(context.make_array(signature.args[0])(context, builder, row).data, [start])
        vector = ir.VectorType(context.get_value_type(number), 64)
        values = builder.load(builder.bitcast(first, vector.as_pointer()), align=number.bitwidth // 8)
        return builder.bitcast(
            builder.fcmp_unordered("!=", values, ir.Constant(vector, None)), ir.IntType(64)
        )

    return types.uint64(row, start), emit


def _lowest_bit(_: Any, mask: Any) -> Any:
    """Give the place of a mask's lowest bit that is set, 64 if none is."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), emit


def _count_bits(_: Any, mask: Any) -> Any:
    """Count the bits of a mask that are set."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), emit


nonzero_mask: Any = intrinsic(_nonzero_mask)
lowest_bit: Any = intrinsic(_lowest_bit)
count_bits: Any = intrinsic(_count_bits)
