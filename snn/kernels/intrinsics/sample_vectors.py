"""Vectors of one unit in one step of VECTOR_SAMPLES samples: sums over two neighbouring steps of several senders.

numba's own loops load every step twice, once for each tap; these keep it in a register until the next step, which
takes them from half of the machine's peak to four fifths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["VECTOR_SAMPLES", "shift_add", "shift_dot"]

VECTOR_SAMPLES = 16
"""Samples side by side: a cache line of float32."""

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class _Emitter(NamedTuple):
    """Write vector code inside a compiled loop."""

    context: Any
    builder: Any
    signature: Any
    arguments: Any

    @property
    def number(self) -> Any:
        return self.context.get_value_type(self.signature.args[0].dtype)

    @property
    def vector(self) -> Any:
        return ir.VectorType(self.number, VECTOR_SAMPLES)

    def values(self, argument: int) -> list[Any]:
        """Take a tuple argument apart."""
        count = len(self.signature.args[argument])
        return [self.builder.extract_value(self.arguments[argument], c) for c in range(count)]

    def address(self, array: int, index: Any) -> Any:
        struct: Any = cgutils.create_struct_proxy
        data = struct(self.signature.args[array])(self.context, self.builder, self.arguments[array]).data
        return self.builder.gep(data, [index])

    def load(self, array: int, index: Any) -> Any:
        place = self.builder.bitcast(self.address(array, index), self.vector.as_pointer())
        value = self.builder.load(place)
        value.align = self.context.get_abi_sizeof(self.number)
        return value

    def store(self, value: Any, array: int, index: Any) -> None:
        place = self.builder.bitcast(self.address(array, index), self.vector.as_pointer())
        self.builder.store(value, place).align = self.context.get_abi_sizeof(self.number)

    def repeat(self, number: Any) -> Any:
        """Give a vector of one number."""
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, number, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, empty, _order([0] * VECTOR_SAMPLES))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        product = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fadd(product, c, flags=("contract",))

    def total(self, vector: Any) -> Any:
        """Sum the numbers of a vector, by halves."""
        width = VECTOR_SAMPLES
        while width > 1:
            width //= 2
            empty = ir.Constant(vector.type, ir.Undefined)
            low, high = (
                self.builder.shuffle_vector(vector, empty, _order(list(range(first, first + width))))
                for first in (0, width)
            )
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, ir.Constant(_I32, 0))

    def keep(self, vector: Any) -> Any:
        """Give a place for a vector that changes; the compiler makes it a register."""
        make: Any = cgutils.alloca_once_value
        return make(self.builder, vector)

    def steps(self, count: Any, body: Callable[[Any], None]) -> None:
        """Run `body` with VECTOR_SAMPLES x 0, 1, ..., count - 1."""
        with cgutils.for_range(self.builder, count, intp=_I64) as loop:
            body(self.builder.mul(loop.index, ir.Constant(_I64, VECTOR_SAMPLES)))


def _order(order: list[int]) -> Any:
    """Give the numbers of two vectors that a shuffle takes, in order."""
    return ir.Constant(ir.VectorType(_I32, len(order)), order)


def _shift_add(context: Any, y: Any, at: Any, x: Any, starts: Any, near: Any, far: Any, steps: Any) -> Any:
    """Do y[at + s] += sum of near[c] x[starts[c] + s + 1] + far[c] x[starts[c] + s], s < steps, over senders c.

    Arrays are contiguous and one-dimensional, a step is VECTOR_SAMPLES numbers; `at` and `starts` are unsigned
    places, `near` and `far` tuples of numbers. No bounds are checked.
    """
    del context
    return types.void(y, at, x, starts, near, far, steps), _emit_add


def _emit_add(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    e = _Emitter(context, builder, signature, arguments)
    starts = e.values(3)
    near, far = ([e.repeat(number) for number in e.values(k)] for k in (4, 5))
    before = [e.keep(e.load(2, start)) for start in starts]
    one_step = ir.Constant(_I64, VECTOR_SAMPLES)

    def body(step: Any) -> None:
        place = builder.add(arguments[1], step)
        total = e.load(0, place)
        for start, u, w, kept in zip(starts, near, far, before, strict=True):
            now = e.load(2, builder.add(builder.add(start, step), one_step))
            total = e.multiply_add(w, builder.load(kept), total)
            total = e.multiply_add(u, now, total)
            builder.store(now, kept)
        e.store(total, 0, place)

    e.steps(arguments[6], body)
    return context.get_dummy_value()


def _shift_dot(context: Any, g: Any, at: Any, x: Any, starts: Any, sums: Any, steps: Any) -> Any:
    """Add to sums[2 c] and sums[2 c + 1] the products of g with x, as near and far as in `_shift_add`."""
    del context
    return types.void(g, at, x, starts, sums, steps), _emit_dot


def _emit_dot(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    e = _Emitter(context, builder, signature, arguments)
    starts = e.values(3)
    before = [e.keep(e.load(2, start)) for start in starts]
    zero = ir.Constant(e.vector, [0.0] * VECTOR_SAMPLES)
    sums = [e.keep(zero) for _ in range(2 * len(starts))]
    one_step = ir.Constant(_I64, VECTOR_SAMPLES)

    def body(step: Any) -> None:
        g = e.load(0, builder.add(arguments[1], step))
        for c, (start, kept) in enumerate(zip(starts, before, strict=True)):
            now = e.load(2, builder.add(builder.add(start, step), one_step))
            for tap, value in enumerate((now, builder.load(kept))):
                total = sums[2 * c + tap]
                builder.store(e.multiply_add(g, value, builder.load(total)), total)
            builder.store(now, kept)

    e.steps(arguments[5], body)
    for c, total in enumerate(sums):
        place = e.address(4, ir.Constant(_I64, c))
        builder.store(builder.fadd(builder.load(place), e.total(builder.load(total))), place)
    return context.get_dummy_value()


shift_add: Any = intrinsic(_shift_add)
shift_dot: Any = intrinsic(_shift_dot)
