"""Find labelled files laid out as split/class/file or as class/file, in a folder or in zips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Int64Array, PathLike
from snn.core.checks import refusal
from snn.datasets.errors import DataError
from snn.datasets.formats.locate import SPLITS, Source, existing, open_zip
from snn.datasets.samples import check_classes, chosen_samples, one_per_sample

__all__ = ["LabelledFiles", "class_folders", "class_tree", "holds_tree"]

_ZIP = re.compile(r"\.zip$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LabelledFiles:
    """Hold the files of one split, by class and name.

    Attributes:
        sources: Where each file is.
        labels: Class of each file, from 0, [B].
        classes: Names of the classes.

    Raises:
        ValueError: Labels are not one class for each file.
    """

    sources: tuple[Source, ...]
    labels: Int64Array
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        classes = check_classes(self.classes)
        labels = one_per_sample("labels", self.labels, len(self.sources), high=len(classes) - 1)
        for name, value in (("labels", labels), ("classes", classes), ("sources", tuple(self.sources))):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.sources)

    def __add__(self, other: LabelledFiles) -> LabelledFiles:
        """Put two splits of the same classes together.

        Raises:
            ValueError: The classes differ.
        """
        if self.classes != other.classes:
            raise refusal("classes of the other files", f"{self.classes}, as here", other.classes)
        labels = np.concatenate([self.labels, other.labels])
        return LabelledFiles(self.sources + other.sources, labels, self.classes)

    def subset(self, indices: ArrayLike) -> LabelledFiles:
        """Take files in the order given: by index, or those marked in truth values [B].

        Raises:
            ValueError: The indices are no whole numbers.
            IndexError: An index is out of range.
        """
        chosen = chosen_samples(indices, len(self))
        return replace(self, sources=tuple(self.sources[i] for i in chosen), labels=self.labels[chosen])


def class_tree(
    path: PathLike, endings: tuple[str, ...], classes: tuple[str, ...] | None = None
) -> dict[str, LabelledFiles]:
    """Find the files of both splits, sorted by class and name.

    Args:
        path: A folder or zip that holds train/<class>/<file> and test/<class>/<file> (in any case, at its top or
            one folder below), or a folder that holds one zip for each split, as N-MNIST is published.
        endings: What names of files end in, in lower case, such as (".bin",); others are passed over.
        classes: The names that folders of classes may have; None takes what is there, the same in both splits.

    Returns:
        The files of "train" and "test".

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: A split is missing or empty, folders of classes have other names, or one holds no such file.
    """
    where = existing(path)
    found: dict[str, list[tuple[str, Source]]] = {split: [] for split in SPLITS}
    empty: dict[tuple[str, str], bool] = {}
    for split, name, source in _entries(where):
        fits = source is not None and _fits(source, endings)
        if source is not None and fits:
            found[split].append((name, source))
        empty[split, name] = empty.get((split, name), True) and not fits
    for split, files in found.items():
        if not files:
            wanted = " and ".join(f"{name.capitalize()}/<class>/*{endings[0]}" for name in SPLITS)
            raise DataError(f"{where} must be a folder or zip that holds {wanted}, got none of {split}")
    for (split, name), none in empty.items():
        if none and not name.startswith((".", "_")):
            raise DataError(f"{where}: class {name!r} of {split} must hold files *{endings[0]}, got none")
    names = classes or tuple(sorted({name for name, _ in found["train"]}))
    for split, files in found.items():
        _check_names(where, split, {name for name, _ in files}, names, exact=classes is None)
    return {split: _sorted(files, names) for split, files in found.items()}


def class_folders(
    path: PathLike, endings: tuple[str, ...], classes: tuple[str, ...] | None = None
) -> LabelledFiles:
    """Find the files of a set without splits, sorted by class and name.

    Args:
        path: A folder or zip that holds <class>/<file> at its top or one folder below, or a folder that holds one
            zip for each class.
        endings: What names of files end in, in lower case, such as (".bin",); others are passed over.
        classes: The names of the classes, each of which must be there; None takes what is there.

    Raises:
        FileNotFoundError: Nothing is there.
        DataError: There is no such file, or a class of `classes` has none.
    """
    where = existing(path)
    files = [(name, source) for name, source in _class_entries(where) if _fits(source, endings)]
    if classes is not None:
        files = [(name, source) for name, source in files if name in classes]
    there = {name for name, _ in files}
    missing = sorted(set(classes or ()) - there)
    if missing or not there:
        files_of = " or ".join(f"*{ending}" for ending in endings)
        raise DataError(
            f"{where} must hold <class>/{files_of}, got none of {', '.join(missing) or 'any class'}"
        )
    return _sorted(files, classes or tuple(sorted(there)))


def holds_tree(path: PathLike, endings: tuple[str, ...]) -> bool:
    """Tell whether `class_tree` would find files of both splits.

    Raises:
        FileNotFoundError: Nothing is there.
    """
    where = existing(path)
    return {split for split, _, source in _entries(where) if source and _fits(source, endings)} == set(SPLITS)


def _fits(source: Source, endings: tuple[str, ...]) -> bool:
    return source.name.lower().endswith(endings) and not source.name.startswith(".")


def _check_names(where: Path, split: str, there: set[str], names: tuple[str, ...], *, exact: bool) -> None:
    odd = there ^ set(names) if exact else there - set(names)
    if odd:
        rule = "the same in both splits" if exact else f"among {', '.join(names)}"
        raise DataError(f"{where}: names of classes in {split} must be {rule}, got {', '.join(sorted(odd))}")


def _sorted(files: list[tuple[str, Source]], names: tuple[str, ...]) -> LabelledFiles:
    number = {name: i for i, name in enumerate(names)}
    ordered = sorted(files, key=lambda file: (number[file[0]], str(file[1])))
    labels = np.array([number[name] for name, _ in ordered], dtype=np.int64)
    return LabelledFiles(tuple(source for _, source in ordered), labels, names)


def _entries(where: Path) -> Iterator[tuple[str, str, Source | None]]:
    """Give (split, class, file) of all that lies in split/class/file, and with None for the file, each folder."""
    if where.is_file():
        if _ZIP.search(where.name):
            yield from _zipped(where)
        return
    splits = _split_folders(where)
    if not splits:
        for file in sorted(where.iterdir()):
            if _ZIP.search(file.name) and file.stem.lower() in SPLITS:
                yield from _zipped(file)
    for split, folder in splits:
        for class_folder in sorted(folder.iterdir()):
            if class_folder.is_dir():
                files = sorted(class_folder.iterdir())
                yield split, class_folder.name, None
                yield from ((split, class_folder.name, Source(file)) for file in files)


def _class_entries(where: Path) -> Iterator[tuple[str, Source]]:
    """Give (class, file) of all that lies in class/file, in folders and zips, at the top or one below."""
    if where.is_file():
        if _ZIP.search(where.name):
            for name in open_zip(where).namelist():
                if not name.endswith("/") and "/" in name:
                    yield PurePosixPath(name).parts[-2], Source(where, name)
        return
    for entry in sorted(where.iterdir()):
        if entry.is_dir():
            for below in sorted(entry.iterdir()):
                if below.is_dir():
                    yield from ((below.name, Source(file)) for file in sorted(below.iterdir()))
                else:
                    yield entry.name, Source(below)
        else:
            yield from _class_entries(entry)


def _split_folders(where: Path) -> list[tuple[str, Path]]:
    """Find folders named after splits, at the top or one below."""
    top = [folder for folder in sorted(where.iterdir()) if folder.is_dir()]
    for level in (top, [below for folder in top for below in sorted(folder.iterdir()) if below.is_dir()]):
        found = [(folder.name.lower(), folder) for folder in level if folder.name.lower() in SPLITS]
        if found:
            return found
    return []


def _zipped(path: Path) -> Iterator[tuple[str, str, Source | None]]:
    for name in open_zip(path).namelist():
        parts = PurePosixPath(name).parts
        if not name.endswith("/") and len(parts) >= 3 and parts[-3].lower() in SPLITS:
            yield parts[-3].lower(), parts[-2], Source(path, name)
