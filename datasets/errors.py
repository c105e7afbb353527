"""The one error of this room: data that cannot be right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snn.core.checks import refusal

__all__ = ["DataError", "data_refusal", "reading"]


class DataError(ValueError):
    """A data file is damaged or of another layout; the message names the file, the place and what is allowed."""


def data_refusal(where: object, field: str, rule: str, value: Any) -> DataError:
    """Make the error for a value in a file that is not as it must be; the caller raises it.

    Args:
        where: The file, folder or zip.
        field: What the value is called in there, with its sample: `labels[3]`.
        rule: What it must be.
        value: What it is.
    """
    return DataError(f"{where}: {refusal(field, rule, value)}")


@contextmanager
def reading(where: object, fault: str = "is damaged") -> Iterator[None]:
    """Raise as ours whatever a library says of the bytes of a file; what the system says stays as it is.

    Args:
        where: The file.
        fault: What is wrong with it, as the message goes on.

    Raises:
        DataError: In place of any other error.
        OSError: The system could not read the file.
        MemoryError: It needs more memory than there is.
    """
    try:
        yield
    except DataError:
        raise
    except MemoryError as error:
        raise MemoryError(f"{where} needs more memory than there is") from error
    except OSError as error:
        if error.filename is not None:
            raise
        if error.errno is not None:
            raise OSError(error.errno, error.strerror, str(where)) from error
        raise DataError(f"{where} {fault}: {error}") from error
    except Exception as error:  # libraries raise all kinds: KeyError, RuntimeError, NotImplementedError, ...
        raise DataError(f"{where} {fault}: {error or type(error).__name__}") from error
