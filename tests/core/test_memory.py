"""What does not fit is refused before it is made, with the estimate."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.core import memory


def free(monkeypatch, number):
    monkeypatch.setattr(memory, "available_bytes", lambda: number)


def test_a_network_that_does_not_fit_is_refused(monkeypatch):
    weight = np.ones((1000, 500))
    projection = snn.Projection("a", "b", weight)
    populations = [snn.Population("a", 1000), snn.Population("b", 500, snn.LIFParams(decay=0.5))]
    assert snn.Network(1.0, populations, [projection]).synapses("a-b").indices.size == 500_000
    free(monkeypatch, 30_000_000)
    message = r"500,000 synapses of 64 bytes each \(beside .*\) need about 30.5 MiB, 28.6 MiB are free"
    with pytest.raises(MemoryError, match=message):
        snn.Network(1.0, populations, [projection])
    sparse = snn.Projection("a", "b", weight * (np.arange(500) < 5))  # zeros are no synapses
    assert snn.Network(1.0, populations, [sparse]).synapses("a-b").indices.size == 5000


def test_membranes_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    net = snn.Network(0.1, [snn.Population("n", 100, snn.LIFParams(tau_mem_ms=5.0, bias=0.3))])
    free(monkeypatch, 3_000_000_000)
    keep = snn.Record(v=["n"])
    message = (
        r"the membranes of 100 neurons x 36,000,000 steps x 1 samples \(record.v\) need about 53.6 GiB, "
        r"2.8 GiB are free; record fewer, or let stream\(\) keep them on disk"
    )
    with pytest.raises(MemoryError, match=message):
        snn.simulate(net, n_steps=36_000_000, record=keep)
    free(monkeypatch, 2_000_000)
    with pytest.raises(MemoryError):
        snn.simulate(net, n_steps=2000, record=keep)
    snn.stream(net, None, tmp_path, 2000, chunk=100, record=keep)
    assert snn.Recording.load(tmp_path).v["n"].shape == (2000, 1, 100)


def test_memory_is_what_the_process_may_take(tmp_path, monkeypatch):
    assert 0 < memory.available_bytes() < 2**50
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == 5 * 1024
    for limit, used, expected in (("max", 10, 5120), (3000, 1000, 2000), (3000, 4000, 0), (9000, 1000, 5120)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        assert memory.available_bytes() == expected
