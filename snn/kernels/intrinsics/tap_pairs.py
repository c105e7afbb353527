"""Vectors of a synapse's two taps, neighbours in memory: added as one, which numba's own loops never become."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import create_struct_proxy
from numba.extending import intrinsic

__all__ = ["add_pair", "meet_pair"]

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _add_pair(context: Any, target: Any, places: Any, source: Any, start: Any, factors: Any) -> Any:
    """Do target[p : p + 2] += source[start : start + 2] * f for every p in `places` and its f in `factors`.

    Arrays are contiguous and one-dimensional, `start` and `places` unsigned; the numbers are of the arrays' type
    and the tuples of one length. No bounds are checked.
    """
    del context
    return types.void(target, places, source, start, factors), _emit_add


def _meet_pair(context: Any, target: Any, places: Any, source: Any, start: Any, factors: Any) -> Any:
    """Do source[start : start + 2] += target[p : p + 2] * f for every p in `places`; else as `_add_pair`."""
    del context
    return types.void(target, places, source, start, factors), _emit_meet


def _parts(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, list[Any], list[Any]]:
    """Give where the source pair stands, where the target pairs stand, and the factors as pairs."""
    struct: Any = create_struct_proxy
    pair = ir.VectorType(context.get_value_type(signature.args[0].dtype), 2)

    def address(array: int, place: Any) -> Any:
        data = struct(signature.args[array])(context, builder, arguments[array]).data
        if place.type.width < 64:
            place = builder.zext(place, _I64)
        return builder.bitcast(builder.gep(data, [place]), pair.as_pointer())

    def twice(number: Any) -> Any:
        vector = ir.Constant(pair, ir.Undefined)
        for k in (0, 1):
            vector = builder.insert_element(vector, number, ir.Constant(_I32, k))
        return vector

    each = range(len(signature.args[1]))
    targets = [address(0, builder.extract_value(arguments[1], c)) for c in each]
    factors = [twice(builder.extract_value(arguments[4], c)) for c in each]
    return address(2, arguments[3]), targets, factors


def _load(builder: Any, place: Any, size: int) -> Any:
    value = builder.load(place)
    value.align = size  # a pair starts anywhere
    return value


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), c, flags=("contract",))


def _emit_add(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
    source, targets, factors = _parts(context, builder, signature, arguments)
    weights = _load(builder, source, size)
    for target, factor in zip(targets, factors, strict=True):
        total = _multiply_add(builder, weights, factor, _load(builder, target, size))
        builder.store(total, target).align = size
    return context.get_dummy_value()


def _emit_meet(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
    source, targets, factors = _parts(context, builder, signature, arguments)
    total = _load(builder, source, size)
    for target, factor in zip(targets, factors, strict=True):
        total = _multiply_add(builder, _load(builder, target, size), factor, total)
    builder.store(total, source).align = size
    return context.get_dummy_value()


add_pair: Any = intrinsic(_add_pair)
meet_pair: Any = intrinsic(_meet_pair)
