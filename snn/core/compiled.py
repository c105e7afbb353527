"""How loops are compiled.

A loop that Python calls is an entry: `compiled` or `fused`; `compiled_entry`, `fused_entry` or `lean_entry` where
it calls loops of other modules. Loops that only others call are parts of them: `part`, `lean`, `lean_inlined`.

No loop checks its indices: what calls it has proven them. With NUMBA_BOUNDSCHECK=1 in the environment all loops do,
and an index outside its array is an IndexError; the instructions of `snn.kernels.intrinsics` still do not.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
import numba.core.cgutils
import numba.extending
import numpy as np
from llvmlite import ir

F = TypeVar("F", bound=Callable[..., object])

_STRICT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_CACHED: dict[str, Any] = {**_STRICT, "cache": True}
_LEAN_ENTRY: dict[str, Any] = {**_CACHED, "_nrt": False, "no_cfunc_wrapper": True}
# Parts go into their callers and are kept on disk with these: kept on their own, they would go stale unseen.
_PART: dict[str, Any] = {**_STRICT, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
_LEAN: dict[str, Any] = {**_PART, "_nrt": False}


def compiled(function: F) -> F:
    """Compile a loop with numba, cached on disk, without the interpreter lock, in strict IEEE arithmetic.

    No fastmath: the bits of neurons are compared between engines and with other simulators.
    """
    return cast(F, _kept_on_disk(_named_by_checks(function), _CACHED))


def fused(function: F) -> F:
    """Compile as `compiled` does, but multiply and add in one instruction: for sums whose last bit is free."""
    return cast(F, _kept_on_disk(_named_by_checks(function), {**_CACHED, "fastmath": {"contract"}}))


def compiled_entry(function: F) -> F:
    """Compile as `compiled` does a function that calls loops of other modules.

    Numba's cache looks at the file of the function alone and would miss a change to those, to the constants
    that they read and to the fields of their arguments; so a hash of all these becomes part of the name under
    which the code is kept.
    """
    return compiled(_named_by_content(function))


def fused_entry(function: F) -> F:
    """Compile as `fused` does a function that calls loops of other modules; see `compiled_entry`."""
    return fused(_named_by_content(function))


def lean_entry(function: F) -> F:
    """Compile as `compiled_entry` does, without numba's reference counts: for a function that makes no array."""
    return cast(F, _kept_on_disk(_named_by_checks(_named_by_content(function)), _LEAN_ENTRY))


def part(function: F) -> F:
    """Compile a function that only compiled ones call.

    Without an entry from Python, which has to take arrays out of their objects: with the hundred arrays that
    the loops of a run pass on, such entries would take nearly half of the time of compilation.
    """
    return cast(F, numba.njit(**_PART)(function))


def lean(function: F) -> F:
    """Compile as `part` does a function that makes no array.

    Without numba's reference counts: counting a hundred arrays in every call would take longer than the work.
    """
    return cast(F, numba.njit(**_LEAN)(function))


def lean_inlined(function: F) -> F:
    """Compile as `lean` does, to become part of its callers."""
    return cast(F, numba.njit(**_LEAN, forceinline=True)(function))


def lean_apart(function: F) -> F:
    """Compile as `lean` does what a hot loop rarely calls: to stay out of it, and of `lean_inlined` functions.

    Its own loops would pass for the hottest there, and take the registers.
    """
    return cast(F, numba.njit(**_LEAN, forceinline=False)(function))


def _named_by_checks(function: F) -> F:
    """Keep the code that checks indices apart from that which does not: numba's cache takes one for the other."""
    settings: Any = numba.config
    if settings.BOUNDSCHECK:
        function.__qualname__ = f"checked_{function.__qualname__}"
    return function


def _kept_on_disk(function: Any, options: dict[str, Any]) -> Any:
    """Compile with numba's cache; in a temporary folder where numba finds none that it can write to."""
    try:
        made = numba.njit(**options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        folder = tempfile.mkdtemp(prefix="snn-compiled-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cast(Any, numba.config).CACHE_DIR = folder  # where numba looks first, for all loops that follow
        warnings.warn(
            f"compiled code is kept in {folder} until this process ends, since neither NUMBA_CACHE_DIR, nor "
            f"{Path(__file__).parent / '__pycache__'}, nor the user's cache folder can be written to",
            RuntimeWarning,
            stacklevel=2,
        )
        made = numba.njit(**options)(function)
    cache: Any = made._cache
    cache.load_overload = partial(_load, cache, cache.load_overload)
    return made


def _load(cache: Any, load: Callable[..., Any], *arguments: Any) -> Any:
    """Read a loop from numba's cache.

    Raises:
        OSError: What is kept there is damaged, which numba reports by whatever its reading meets.
    """
    try:
        return load(*arguments)
    except Exception as error:
        raise OSError(
            f"compiled code in {cache.cache_path} must be as numba left it, got {type(error).__name__}: {error}; "
            "delete that folder, and it is made anew"
        ) from error


def _named_by_content(function: F) -> F:
    found: dict[str, bytes] = {}
    _collect(function.__qualname__, function, found)
    digest = hashlib.blake2b(repr(sorted(found.items())).encode(), digest_size=8)
    function.__qualname__ = f"{function.__qualname__}_{digest.hexdigest()}"
    return function


def _collect(name: str, value: Any, found: dict[str, bytes]) -> None:
    """Note what the code of a loop depends on, by name: sources of loops, constants, fields of named tuples."""
    value = getattr(value, "py_func", getattr(value, "_defn", value))  # of a loop; of an intrinsic
    if isinstance(value, bool | int | float | np.generic):
        found[name] = repr(value).encode()
        return
    is_bundle = isinstance(value, type) and hasattr(value, "_fields")
    if not is_bundle and not isinstance(value, FunctionType):
        return
    key = f"{value.__module__}.{value.__qualname__}"
    if key in found:
        return
    space, named = vars(sys.modules[value.__module__]), list(value.__annotations__.values())
    if isinstance(value, FunctionType):
        found[key] = Path(value.__code__.co_filename).read_bytes()
        named += value.__code__.co_names
    else:
        found[key] = repr(value.__annotations__).encode()
    for each in named:
        if each in space:
            _collect(f"{value.__module__}.{each}", space[each], found)


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
