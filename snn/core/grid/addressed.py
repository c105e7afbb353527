"""Bundles by address: what compiled loops take instead of a hundred arrays by value.

A bundle is a named tuple of arrays, numbers and further bundles. Laid out, it is one block of 64-bit words: of an
array its address and its shape, of a number its bits. A loop gets the address of the block, and `s.state.v` reads
from it where it stands. The reads are marked as invariant, so that they leave loops as if the arrays had been
arguments; a block may therefore change between two calls and never during one.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numba.core.typing.templates
import numba.extending
import numba.np.arrayobj
import numba.np.numpy_support
import numpy as np
from llvmlite import ir

types: Any = numba.types
_extending: Any = numba.extending
_arrays: Any = numba.np.arrayobj
_numpy: Any = numba.np.numpy_support
_templates: Any = numba.core.typing.templates
_WORD = ir.IntType(64)
_EDITION = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=4).hexdigest()
"""Part of the name of every type of bundle, under which compiled code is kept: it goes stale with this file."""


class BundleType(types.Type):  # type: ignore[misc]
    """Say to numba what lies at which word of a block.

    Attributes:
        fields: Type and first word of each field.
    """

    def __init__(self, name: str, fields: tuple[tuple[str, Any, int], ...]) -> None:
        """Name the type by all that lies in it, since numba takes types of one name for one."""
        self.fields = {field: (kind, at) for field, kind, at in fields}
        inside = ",".join(f"{field}:{kind}@{at}" for field, kind, at in fields)
        super().__init__(f"bundle {_EDITION} {name}({inside})")


class Addressed:
    """Hold a bundle as a block of words, and keep its arrays alive.

    Attributes:
        address: Where the block lies.
        words: What lies there.
        kind: Its type.
    """

    __slots__ = ("_block", "_kept", "_numba_type_", "address", "words")

    address: int
    words: list[int]

    def __init__(self, bundle: Any, parts: Parts | None = None) -> None:
        """Lay out a named tuple; see `by_address`."""
        self._kept, self.words = bundle, []
        self._numba_type_ = _lay_out(bundle, self.words, {} if parts is None else parts)
        self._block = np.array(self.words, dtype=np.uint64)
        self.address = _address(self._block)

    def __reduce__(self) -> Any:
        """Refuse to be copied: the copy would hold the addresses of these arrays."""
        raise TypeError("bundles by address cannot be copied or pickled")

    @property
    def kind(self) -> BundleType:
        """Type of the bundle."""
        return self._numba_type_


Parts = dict[int, Addressed]
"""Bundles that are laid out already, by id; they are kept alive here."""


def by_address(bundle: Any, parts: Parts | None = None) -> Any:
    """Give what a compiled loop takes for a named tuple, whose fields it then reads as those of the tuple.

    Args:
        bundle: The named tuple.
        parts: Bundles within it that need not be laid out again; those that are missing are added.

    Raises:
        ValueError: An array of it is not C-contiguous.
    """
    return Addressed(bundle, parts)


def _lay_out(bundle: Any, words: list[int], parts: Parts) -> BundleType:
    """Append the words of a bundle, and give its type; places count from its own start."""
    start, key = len(words), [type(bundle)]
    for name, value in zip(bundle._fields, bundle, strict=True):
        key.append(_append(name, value, words, parts))
    if tuple(key) not in _types:
        _types[tuple(key)] = _type_of(bundle, words[start:])
    found: BundleType = _types[tuple(key)]
    return found


def _append(name: str, value: Any, words: list[int], parts: Parts) -> Any:
    """Append the words of a field, and give what says its type in short."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError(f"{name} must be C-contiguous to go by address")
        words += [_address(value), *value.shape]
        return value.dtype.char if value.dtype.char != "V" else value.dtype, value.ndim
    if hasattr(value, "_fields"):
        if id(value) not in parts:
            parts[id(value)] = Addressed(value, parts)
        words += parts[id(value)].words
        return id(parts[id(value)].kind)
    if isinstance(value, float | np.floating):
        words.append(struct.unpack("<Q", struct.pack("<d", value))[0])
    else:
        words.append(int(value) & (1 << 64) - 1)
    return type(value)


def _address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


_types: dict[Any, BundleType] = {}
"""Types made so far: to make one takes longer than to lay out a bundle."""


def _type_of(bundle: Any, words: list[int]) -> BundleType:
    """Make the type of a bundle with these words."""
    fields, at = [], 0
    for name, value in zip(bundle._fields, bundle, strict=True):
        if hasattr(value, "_fields"):
            inside: list[int] = []
            kind: Any = _lay_out(value, inside, {})
            size = len(inside)
        elif isinstance(value, np.ndarray):
            kind, size = types.Array(_numpy.from_dtype(value.dtype), value.ndim, "C"), 1 + value.ndim
        else:
            kind, size = _numpy.from_dtype(np.dtype(type(value))), 1
        fields.append((name, kind, at))
        at += size
    assert at == len(words)
    return BundleType(type(bundle).__name__, tuple(fields))


@_extending.register_model(BundleType)
class _Model(_extending.models.PrimitiveModel):  # type: ignore[misc]
    """A bundle is a pointer to its words."""

    def __init__(self, manager: Any, kind: BundleType) -> None:
        super().__init__(manager, kind, _WORD.as_pointer())


@_extending.infer_getattr
class _Fields(_templates.AttributeTemplate):  # type: ignore[misc]
    """The type of `bundle.field`."""

    key = BundleType

    def generic_resolve(self, kind: BundleType, field: str) -> Any:
        return kind.fields[field][0] if field in kind.fields else None


@_extending.lower_getattr_generic(BundleType)  # type: ignore[untyped-decorator]
def _get(context: Any, builder: Any, kind: BundleType, block: Any, field: str) -> Any:
    """Read `bundle.field`."""
    found, at = kind.fields[field]

    def word(i: int) -> Any:
        read = builder.load(builder.gep(block, [_WORD(at + i)]))
        read.set_metadata("invariant.load", builder.module.add_metadata([]))
        return read

    if isinstance(found, BundleType):
        return builder.gep(block, [_WORD(at)])
    if isinstance(found, types.Array):
        return _array_at(context, builder, found, [word(i) for i in range(1 + found.ndim)])
    if isinstance(found, types.Boolean):
        return builder.icmp_unsigned("!=", word(0), _WORD(0))
    if isinstance(found, types.Float):
        real = builder.bitcast(word(0), ir.DoubleType())
        return real if found.bitwidth == 64 else builder.fptrunc(real, ir.FloatType())
    return word(0) if found.bitwidth == 64 else builder.trunc(word(0), ir.IntType(found.bitwidth))


def _array_at(context: Any, builder: Any, kind: Any, words: list[Any]) -> Any:
    """Make numba's array of an address and a shape."""
    made = _arrays.make_array(kind)(context, builder)
    size = _WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    shape, step = words[1:], size
    strides: list[Any] = []
    for length in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, length)
    _arrays.populate_array(made, builder.inttoptr(words[0], made.data.type), shape, strides, size, None)
    return made._getvalue()


@_extending.unbox(BundleType)  # type: ignore[untyped-decorator]
def _unbox(kind: BundleType, given: Any, c: Any) -> Any:
    number = c.pyapi.object_getattr_string(given, "address")
    address = c.pyapi.long_as_ulonglong(number)
    c.pyapi.decref(number)
    return _extending.NativeValue(c.builder.inttoptr(address, _WORD.as_pointer()))


def _bundle_at(context: Any, like: Any, address: Any) -> Any:
    """Give the bundle at an address, which is laid out as `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[1], _WORD.as_pointer())

    return like(like, types.uint64), generate


bundle_at: Any = _extending.intrinsic(_bundle_at)
