"""Read HDF5 that another program wrote, in a process of its own: damaged files can hang or crash the HDF5 library.

The process ends with its file, takes at most as much time and memory as a file of this size can need, and opens
nothing else: links to other files, external storage and virtual data sets are refused. Its cost is the start of a
Python with numpy and h5py, about 0.1 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import refusal

_MIB = 1 << 20
CPU_S, CPU_BYTES = 5, 4 * _MIB
"""Seconds of processor time for any file, and bytes that take one more."""
WALL_S, WALL_BYTES = 30, _MIB
"""Seconds until an answer for any file, and bytes that take one more."""
UNPACKED, UNPACKED_RATIO = 64 * _MIB, 20
"""Bytes that compressed values may take: so many for any file, and so many times the size of the file."""
_MEMORY = 256 * _MIB
"""Memory of the process beside the values, which are there up to three times while they are put together."""
_READER = Path(__file__).with_name("foreign_reader.py")


Attribute = str | int | float | list[Any]
"""Text, a number, or a list of these."""


class Column(NamedTuple):
    """Hold one data set.

    Attributes:
        values: Its numbers in their own type, of its own shape; rows of different length one after another, [E].
        sizes: Values in each row where rows may differ in length, [B]; else None.
    """

    values: NDArray[Any]
    sizes: Int64Array | None


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """Hold what was asked for of a file.

    Attributes:
        where: What messages call the file.
        columns: Data sets of numbers, by name; those that the file has.
        texts: Data sets of text, by name.
        attributes: Text and numbers, alone and in lists, at the root; a value of an enumeration by its name.
        there: Names at the root, the first few.
        names: Names of all data sets, where an outline was asked for.
        inner: Attributes of the data sets above and of the groups that they lie in, by path, where an outline was
            asked for.
    """

    where: str
    columns: dict[str, Column]
    texts: dict[str, list[str]]
    attributes: dict[str, Attribute]
    there: tuple[str, ...]
    names: tuple[str, ...]
    inner: dict[str, dict[str, Attribute]]

    def rows(self, name: str, kinds: str) -> tuple[NDArray[Any], Int64Array]:
        """Return a list of rows: values one after another, [E], in their own type, and the size of each row, [B].

        Args:
            name: The data set.
            kinds: Kinds of numpy that the values may have, such as "uif".

        Raises:
            ValueError: There is no such data set, or it holds no rows of such numbers.
        """
        rule = "a list of whole numbers" if kinds == "ui" else "a list of numbers"
        if name in self.texts:
            raise ValueError(f"{self.where}: {refusal(name, f'rows, each {rule}', self.texts[name])}")
        if name not in self.columns:
            raise ValueError(f"{self.where}: the file is incomplete: no data set {name!r}")
        values, sizes = self.columns[name]
        if sizes is None and (values.ndim == 2 or values.shape == (0,)):
            sizes = np.full(len(values), values.shape[-1])
        if sizes is None or (len(sizes) and values.dtype.kind not in kinds):
            row = values[0] if values.ndim and sizes is None else values
            raise ValueError(f"{self.where}: {refusal(f'{name}[0]', rule, row)}")
        return values.reshape(-1), sizes.astype(np.int64)


def stored_times(time: NDArray[Any]) -> NDArray[Any]:
    """Return times in the type by which `event_steps` shall forgive: the one they have, but float64 for float16.

    A float16 is off by more than a thousandth of a step nearly everywhere (0.24 ms from half a second on), so what
    lies just below a step belongs there as likely as not. It stays, where published results on SHD had it.
    """
    return time.astype(np.float64) if time.dtype == np.float16 else time


def read_foreign(
    path: PathLike, names: tuple[str, ...] | None, where: object = None, *, outline: bool = False
) -> ForeignFile:
    """Read data sets of an HDF5 file that another program may have written.

    Limits: values take at most the size of the file, or, stored in chunks, 64 MiB and 20 times that. The answer
    takes at most 5 s of processor time and one more for every 4 MiB, 30 s by the clock and one more for every MiB.

    Args:
        path: The file.
        names: The data sets wanted; those that it lacks are left out. None: all, at most 100 000. With an outline a
            part of a name may be "*", which stands for any.
        where: What messages call the file; None is its path.
        outline: Whether `names` and `inner` are given; a file of more than 100 000 data sets is then refused.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be opened, or no process can be started.
        ValueError: It is no HDF5, damaged, too large for its size, reaches into other files, or the library hung or
            crashed on it; the message starts with `where`.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"no file at {source}")
    with open(source, "rb") as opened:
        size = opened.seek(0, 2)
    said = str(source if where is None else where)
    most = UNPACKED + UNPACKED_RATIO * size
    asked = {
        "path": str(source.absolute()),
        "names": names,
        "outline": outline,
        "cpu_s": CPU_S + size // CPU_BYTES,
        "memory": _MEMORY + 3 * most,
        "most": most,
    }
    with tempfile.TemporaryFile() as answer:
        _ask(asked, answer, WALL_S + size / WALL_BYTES, said)
        answer.seek(0)
        reply = json.loads(answer.readline())
        if reply["fault"] is not None:
            joint = "" if reply["fault"].startswith(("is ", "needs ")) else ":"
            raise ValueError(f"{said}{joint} {reply['fault']}")
        columns, texts = {}, {}
        for name, kind in reply["columns"].items():
            if isinstance(kind, list):
                texts[name] = kind
            else:
                values = np.load(answer, allow_pickle=False)
                values = values.astype(values.dtype.newbyteorder("="), copy=False)
                columns[name] = Column(
                    values, np.load(answer, allow_pickle=False) if kind == "rows" else None
                )
    inner = reply["attributes"]
    return ForeignFile(
        said, columns, texts, inner.pop(""), tuple(reply["there"]), tuple(reply["names"]), inner
    )


def _ask(asked: dict[str, Any], answer: IO[bytes], wall_s: float, where: str) -> None:
    """Run the reader on a request; its answer is a line of JSON and arrays.

    Raises:
        OSError: It cannot be started.
        ValueError: It did not end, or ended without an answer.
    """
    search = os.pathsep.join(folder for folder in sys.path if folder)
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_READER)],
            input=json.dumps(asked).encode("ascii"),
            stdout=answer,
            stderr=subprocess.PIPE,
            timeout=wall_s,
            env={**os.environ, **single, "PYTHONPATH": search},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"{where} is damaged: the HDF5 library did not finish within {wall_s:.0f} s"
        ) from None
    if done.returncode == 0:
        return
    if -done.returncode in (9, 24):  # SIGKILL, SIGXCPU: the limit on processor time
        fault = f"the HDF5 library did not finish within {asked['cpu_s']} s of processor time"
    elif done.returncode < 0:
        fault = f"the HDF5 library crashed on it (signal {-done.returncode})"
    else:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        fault = f"the HDF5 library could not read it: {last or f'exit code {done.returncode}'}"
    raise ValueError(f"{where} is damaged: {fault}")
