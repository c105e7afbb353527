"""Two neighbouring numbers added as one vector of two, which numba's own loops never become."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import create_struct_proxy
from numba.extending import intrinsic

__all__ = ["add_pair"]


def _add_pair(context: Any, target: Any, at: Any, source: Any, start: Any, factor: Any) -> Any:
    """Do target[at : at + 2] += source[start : start + 2] * factor inside a compiled loop; no bounds are checked.

    `target` and `source` are contiguous and one-dimensional, `at` and `start` unsigned, `factor` of their type.
    """
    del context
    return types.void(target, at, source, start, factor), _emit


add_pair: Any = intrinsic(_add_pair)


def _emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    struct: Any = create_struct_proxy
    number = context.get_value_type(signature.args[0].dtype)
    pair, size = ir.VectorType(number, 2), context.get_abi_sizeof(number)

    def address(array: int, index: int) -> Any:
        data = struct(signature.args[array])(context, builder, arguments[array]).data
        place = arguments[index]
        if place.type.width < 64:
            place = builder.zext(place, ir.IntType(64))
        return builder.bitcast(builder.gep(data, [place]), pair.as_pointer())

    def load(place: Any) -> Any:
        value = builder.load(place)
        value.align = size  # a pair starts anywhere
        return value

    target = address(0, 1)
    factor = ir.Constant(pair, ir.Undefined)
    for lane in (0, 1):
        factor = builder.insert_element(factor, arguments[4], ir.Constant(ir.IntType(32), lane))
    product = builder.fmul(load(address(2, 3)), factor, flags=("contract",))
    builder.store(builder.fadd(load(target), product, flags=("contract",)), target).align = size
    return context.get_dummy_value()
