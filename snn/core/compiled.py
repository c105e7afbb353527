"""How loops are compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
import numba.core.cgutils
import numba.extending
from llvmlite import ir

F = TypeVar("F", bound=Callable[..., object])


_PLAIN: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_FUSED: dict[str, Any] = {**_PLAIN, "fastmath": {"contract"}}
_LEAN: dict[str, Any] = {**_PLAIN, "_nrt": False, "no_cfunc_wrapper": True}
_INNER: dict[str, Any] = {**_LEAN, "no_cpython_wrapper": True}


def compiled(function: F) -> F:
    """Compile with numba: cached on disk, without the interpreter lock, no fastmath."""
    return cast(F, numba.njit(**_PLAIN)(function))


def fused(function: F) -> F:
    """Compile as `compiled` does, but multiply and add in one instruction: for sums whose last bit is free."""
    return cast(F, numba.njit(**_FUSED)(function))


def lean(function: F) -> F:
    """Compile as `compiled` does a function that makes no array and that only compiled ones call.

    Without numba's reference counts: the loops pass a hundred arrays in every call, and counting
    would take longer than the work. Without an entry from Python, which has to take those arrays
    out of their objects: such entries would take nearly half of the time of compilation.
    """
    return cast(F, numba.njit(**_INNER)(function))


def lean_inlined(function: F) -> F:
    """Compile as `lean` does, to become part of its callers."""
    return cast(F, numba.njit(**_INNER, forceinline=True)(function))


def lean_over(*modules: ModuleType) -> Callable[[F], F]:
    """Compile as `lean` does, but to be called from Python, a function that calls loops of other modules.

    Numba's cache looks at the file of the function alone and would miss a change to those; so a hash
    of their sources becomes part of the name under which it is kept.
    """
    return _over(modules, _lean_entry)


def _lean_entry(function: F) -> F:
    return cast(F, numba.njit(**_LEAN)(function))


def compiled_over(*modules: ModuleType) -> Callable[[F], F]:
    """Compile as `compiled` does a function that calls loops of other modules; see `lean_over`."""
    return _over(modules, compiled)


def fused_over(*modules: ModuleType) -> Callable[[F], F]:
    """Compile as `fused` does a function that calls loops of other modules; see `lean_over`."""
    return _over(modules, fused)


def _over(modules: tuple[ModuleType, ...], compile_it: Callable[[F], F]) -> Callable[[F], F]:
    digest = hashlib.blake2b(digest_size=8)
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())

    def decorate(function: F) -> F:
        function.__qualname__ = f"{function.__qualname__}_{digest.hexdigest()}"
        return compile_it(function)

    return decorate


def _prefetch(context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of an element of a 1-D array, to be read soon; any index is allowed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cgutils: Any = numba.core.cgutils
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, flag, flag, flag])
        to_read, keep, of_data = flag(0), flag(3), flag(1)
        intrinsic = builder.module.declare_intrinsic("llvm.prefetch", (place.type,), kind)
        builder.call(intrinsic, [place, to_read, keep, of_data])
        return context.get_dummy_value()

    return numba.types.void(array, index), generate


prefetch: Callable[[Any, Any], None] = cast(Any, numba.extending.intrinsic(_prefetch))
