"""What does not fit is refused before it is made, with the estimate."""

from __future__ import annotations

from snn.core import memory


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
