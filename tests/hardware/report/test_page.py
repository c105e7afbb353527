"""The report in a browser: nothing to complain of, every figure drawn, nothing fetched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from browser import CHROMIUM, DRIVER, browser

import snn
from snn.hardware import (
    CrossbarConfig,
    WireConfig,
    count,
    crossbar_sections,
    device_preset,
    estimate,
    to_crossbar,
)
from snn.nn import LIF, Linear, Sequential

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="chromium and chromedriver are not installed"
)


def report():
    rng = np.random.default_rng(0)
    net = snn.Network(
        dt_ms=1.0,
        populations=[
            snn.Population("in", 20),
            snn.Population("hid", 30, neuron=snn.LIFParams(tau_mem_ms=10.0)),
            snn.Population("out", 5, neuron=snn.LIFParams(tau_mem_ms=10.0)),
        ],
        projections=[
            snn.Projection("in", "hid", weight=rng.normal(0.2, 0.2, (20, 30)), delay_ms=3.0, name="in-hid"),
            snn.Projection("hid", "out", weight=rng.normal(0.1, 0.2, (30, 5)), name="hid-out"),
        ],
    )
    events = snn.Raster(rng.poisson(0.05, (50, 4, 20)), snn.TimeGrid(50, 1.0)).to_events()
    return estimate(count(snn.simulate(net, {"in": events}), net), "horowitz45_int8")


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_opens_offline(tmp_path, dark):
    torch.manual_seed(0)
    model = Sequential(Linear(20, 8), LIF(1.2, decay_input=False, v_th=0.4))
    wires = WireConfig("exact", word_ohm=5.0, bit_ohm=5.0)
    analog = to_crossbar(model, CrossbarConfig(device=device_preset("rram_wan2022"), wires=wires))
    arrays = crossbar_sections(analog, (torch.rand(12, 3, 20) < 0.3).float(), times_s=(86400.0,))
    others = ("loihi1", "truenorth", "gpu_a100_int8")
    page = report().to_html(tmp_path / "r.html", compare=others, after=arrays)
    with browser(tmp_path / "profile", dark) as session:
        session.open(page)
        drawn = session.run(
            "return [...document.images].map(i => i.complete && i.naturalWidth > 300 && i.naturalHeight > 100)"
        )
        wide = session.run("return document.documentElement.scrollWidth > window.innerWidth")
        assert session.console() == []
        assert all(url.startswith(("file:", "data:")) for url in session.requests())
        assert session.run("return matchMedia('(prefers-color-scheme: dark)').matches") == dark
    assert len(drawn) == page.read_text().count("<img") == 9 and all(drawn)
    assert not wide


def test_the_browser_would_tell(tmp_path):
    """A page with a broken figure, a script that fails and something to fetch is seen as such."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="data:image/png;base64,AAAA"><img src="https://example.org/x.png"><script>nothing()</script>'
    )
    with browser(tmp_path / "profile") as session:
        session.open(page)
        assert session.run("return [...document.images].map(i => i.naturalWidth)") == [0, 0]
        assert any("nothing is not defined" in line for line in session.console())
        assert "https://example.org/x.png" in session.requests()
