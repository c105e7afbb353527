"""Memory that is handed out again: never twice at a time, never more than is allowed to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from snn.kernels import empty_cache, memory
from snn.kernels.memory import LEAST, room, space

FLOATS = LEAST // 4


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    empty_cache()
    yield
    empty_cache()


def test_memory_comes_back_when_its_last_user_is_gone() -> None:
    like = torch.empty(0)
    first = room(like, 3, FLOATS)
    view, place = first[1:], first.data_ptr()
    assert place % memory.LINE == 0
    assert first.shape == (3, FLOATS) and first.dtype == torch.float32
    del first
    assert room(like, 3, FLOATS).data_ptr() != place  # the view holds it
    del view
    again = [room(like, 3, FLOATS), room(like, 3, FLOATS), room(like, 3, FLOATS)]
    places = {tensor.data_ptr() for tensor in again}
    assert place in places and len(places) == 3


def test_numpy_views_hold_it_too() -> None:
    array = space((FLOATS,), np.float32)
    part, place = array[5:], array.ctypes.data
    del array
    assert space((FLOATS,), np.float32).ctypes.data != place
    part[:] = 1.0
    assert part.sum() == FLOATS - 5


def test_other_lengths_and_types_find_it() -> None:
    place = space((100, FLOATS), np.float32).ctypes.data
    assert space((99, FLOATS), np.float32).ctypes.data == place
    assert space((50, FLOATS), np.float64).ctypes.data == place
    assert space((30, FLOATS), np.float32).ctypes.data != place


def test_small_arrays_do_not_wait() -> None:
    space((10,), np.float32)
    assert memory._bytes_waiting() == 0
    assert space((0, 4), np.int64).shape == (0, 4)


def test_what_waits_is_bounded_and_can_be_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEPT", 4 * LEAST)
    held = [space((n * LEAST,), np.uint8) for n in (1, 2, 1, 2, 1)]
    del held
    assert 2 * LEAST <= memory._bytes_waiting() <= 4 * LEAST
    assert memory._waiting[LEAST]  # what came back last waits
    empty_cache()
    assert memory._bytes_waiting() == 0


def test_threads_do_not_share_a_block() -> None:
    wrong: list[int] = []

    def work(mark: int) -> None:
        for _ in range(300):
            array = space((LEAST,), np.uint8)
            array[::4096] = mark
            if not (array[::4096] == mark).all():
                wrong.append(mark)
            del array

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
