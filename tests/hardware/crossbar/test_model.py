"""Models on crossbars: ideal hardware is the model, flaws are kept apart, and the engines see the same arrays."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from crossbars import NEURON, images, words
from torch import nn

import snn
from snn.hardware import (
    AnalogLayer,
    AnalogModel,
    AnalogState,
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    FlickerNoise,
    ModelDiagnosis,
    TileConfig,
    WireConfig,
    calibrate,
    count,
    crossbar_network,
    crossbar_sections,
    device_preset,
    diagnose,
    hardware_aware,
    plot_adc_range,
    plot_conductances,
    plot_ir_drop,
    program_crossbar,
    register_placement,
    to_crossbar,
)
from snn.hardware.crossbar.model import rows_read
from snn.hardware.crossbar.placements import Placement
from snn.nn import (
    LIF,
    Conv2d,
    DelayLinear,
    Layer,
    Linear,
    Sequential,
)

NOISY = CrossbarConfig(device=device_preset("pcm_ibm"))
STILL = CrossbarConfig(
    device=DeviceConfig(g_max_us=25.0, sigma_us=(0.3,))
)  # written once, read without noise


@pytest.fixture(params=[words, images], ids=["words", "images"])
def case(request):
    return request.param()


def seen(_, __, ___):
    """An observer: with one, every layer reads its arrays row by row."""


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ideal_hardware_is_the_model(case, dtype):
    model, x = case[0].to(dtype), case[1].to(dtype)
    lengths = torch.tensor([x.shape[0], 3, 5, 2][: x.shape[1]])
    analog = to_crossbar(model, CrossbarConfig.ideal())
    assert isinstance(analog, AnalogModel) and analog.tail_steps == model.tail_steps
    for ends in (None, lengths):
        assert torch.equal(analog(x, None, ends)[0], model(x, None, ends)[0])
    assert count(analog, x).rows == count(to_crossbar(model, CrossbarConfig.ideal()), x).rows
    with analog.observed(seen):
        torch.testing.assert_close(analog(x)[0], model(x)[0])


@torch.no_grad()
def test_spikes_of_ideal_hardware_are_those_of_the_model():
    model, x = words()
    analog = to_crossbar(model, CrossbarConfig.ideal())
    for k in (3, 5):
        ours, theirs = Sequential(*list(model)[:k]), Sequential(*list(analog.model)[:k])
        spikes = ours(x)[0]
        assert torch.equal(theirs(x)[0], spikes) and spikes.sum() > 20


@torch.no_grad()
def test_reading_row_by_row_is_the_layer_with_the_weights_of_the_arrays(case):
    """Unrolled convolutions, delays and recurrence on flawed arrays: the two ways give one result."""
    model, x = case[0].double(), case[1].double()
    analog = to_crossbar(model, STILL)
    fast, _ = analog(x)
    assert not torch.equal(fast, model(x)[0])
    with analog.observed(seen):
        torch.testing.assert_close(analog(x)[0], fast, rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_noise_belongs_to_sample_and_step(case):
    model, x = case[0].double(), case[1].double()
    analog = to_crossbar(model, NOISY, seed=3)
    whole, _ = analog(x)
    first, state = analog(x[:2], analog.start(0))
    assert isinstance(analog.model[0], AnalogLayer) and isinstance(state[0], AnalogState)
    assert state[0][:2] == (2, 0)
    rest, _ = analog(x[2:], state)
    torch.testing.assert_close(torch.cat([first, rest]), whole)
    torch.testing.assert_close(analog(x[:, 1:], analog.start(1))[0], whole[:, 1:])
    assert torch.equal(to_crossbar(model, NOISY, seed=3)(x)[0], whole)
    for other in (to_crossbar(model, NOISY, seed=4), to_crossbar(model, NOISY, seed=3, write_number=1)):
        assert not torch.equal(other(x)[0], whole)
    # a constant input is not read the same twice
    same = to_crossbar(Sequential(Linear(5, 3)), NOISY)(torch.ones(2, 1, 5))[0]
    assert not torch.equal(same[0], same[1])


@torch.no_grad()
def test_arrays_age_while_a_sequence_runs():
    model, x = words()
    model, x = model.double(), x.double()
    still = dataclasses.replace(device_preset("pcm_ibm"), read_noise=0.0)
    config = CrossbarConfig(device=still)
    fixed, later = to_crossbar(model, config), to_crossbar(model, config, time_s=1e6)
    assert torch.equal(fixed.aged(1e6)(x)[0], later(x)[0]) and not torch.equal(fixed(x)[0], later(x)[0])
    moving = to_crossbar(model, config, time_s=100.0, dt_ms=1e5, drift_every=4)  # 100 s a step
    whole, _ = moving(x)
    parts, state = [], None
    for at in (0, 4, 8, 12):
        part = x[at : at + 4]
        aged = to_crossbar(model, config, time_s=100.0 + 100.0 * at)
        y, state = aged(part, state)
        parts.append(y)
    assert torch.equal(torch.cat(parts), whole)
    first, state = moving(x[:6])
    torch.testing.assert_close(torch.cat([first, moving(x[6:], state)[0]]), whole)
    lengths = torch.tensor([14, 5, 9, 3])
    with_ends, _ = moving(x, None, lengths)
    for b, end in enumerate(lengths):
        torch.testing.assert_close(with_ends[:end, b], whole[:end, b])
    # what drifts is lost, and compensation brings the mean back
    array = fixed.layers["in-hid1"].arrays[0]
    assert array.at(1e6).weight().abs().sum() < 0.7 * array.weight().abs().sum()
    paid = to_crossbar(model, dataclasses.replace(config, compensate_drift=True), time_s=1e6)
    held = paid.layers["in-hid1"].arrays_at(0)[0].weight().abs().sum()
    assert held == pytest.approx(float(array.weight().abs().sum()), rel=0.1)


@torch.no_grad()
def test_reads_get_noisier_as_arrays_age():
    """1/f noise, deviation proportional to sqrt(ln(t / 5e-7)): at one age, and from step to step."""
    device = DeviceConfig(1.0, 25.0, t0_s=20.0, read_noise=FlickerNoise(0.01, 0.65, 0.2, 250e-9))
    layer, x = Sequential(Linear(8, 4)).double(), torch.ones(3, 2, 8).double()
    plain = layer(x)[0]

    def noise(analog):
        return analog(x)[0] - plain

    fresh = to_crossbar(layer, CrossbarConfig(device))
    wanted = noise(fresh) * math.sqrt(math.log(1e6 / 5e-7) / math.log(20.0 / 5e-7))
    torch.testing.assert_close(noise(fresh.aged(1e6)), wanted, rtol=1e-6, atol=1e-9)
    moving = to_crossbar(layer, CrossbarConfig(device), time_s=20.0, dt_ms=1e9)  # 1e6 s a step
    ages = torch.tensor([20.0, 20.0 + 1e6, 20.0 + 2e6]).double()
    growth = (torch.log(ages / 5e-7) / math.log(20.0 / 5e-7)).sqrt()
    torch.testing.assert_close(noise(moving), noise(fresh) * growth[:, None, None], rtol=1e-6, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("config", [CrossbarConfig.ideal(), STILL], ids=["ideal", "flawed"])
def test_the_event_engine_runs_the_arrays(config):
    model, x = words()
    analog = to_crossbar(model.double(), config)
    net = crossbar_network(analog, dt_ms=1.0)
    longer = torch.cat([x, x.new_zeros(model.tail_steps, *x.shape[1:])])
    events = snn.Raster(longer.numpy().astype(int), snn.TimeGrid(len(longer), 1.0)).to_events()
    y, _ = analog(longer.double())
    for engine in ("event", "clock"):
        rec = snn.simulate(net, {"in": events}, engine=engine, record=snn.Record(spikes=["hid1"], v=["out"]))
        np.testing.assert_allclose(rec.v["out"], y.numpy(), atol=1e-12)
    z = Sequential(*list(analog.model)[:3])(longer.double())[0]
    assert np.array_equal(rec.spikes["hid1"].to_raster().z, z.numpy()) and z.sum() > 10
    delays = {name: set(net.synapses(name).delay_steps) for name in ("in-hid1", "hid2-hid2")}
    assert delays == {"in-hid1": {0}, "hid2-hid2": {1}}
    names = [p.name for p in net.projections]
    assert names[:2] == ["in-hid1", "in-hid1.2"] and "hid2-hid2.3" in names


def test_what_is_no_weight_does_not_go_into_an_engine():
    model, _ = words()
    noisy = to_crossbar(model, NOISY)
    with pytest.raises(
        ValueError, match="got False; in-hid1, hid1-hid2, hid2, hid2-out: read noise, converters"
    ):
        crossbar_network(noisy, 1.0)
    assert crossbar_network(noisy, 1.0, weights_only=True).projections
    six = to_crossbar(model, dataclasses.replace(STILL, converter=ConverterConfig(adc_bits=6)))
    with pytest.raises(
        ValueError, match="weights_only must be True where arrays do more than multiply, got False"
    ):
        crossbar_network(six, 1.0)


# --- looking inside ---

ROUGH = CrossbarConfig(
    device=device_preset("rram_wan2022"),
    tile=TileConfig(16, 16),
    wires=WireConfig("exact", 5.0, 5.0),
    converter=ConverterConfig(adc_bits=5, adc_range=0.5),
)


@torch.no_grad()
def test_diagnosis_of_every_array(case):
    model, x = case
    exact = diagnose(to_crossbar(model, CrossbarConfig.ideal()), x)
    assert all(layer.found.snr_db > 100 for layer in exact.layers)
    analog = to_crossbar(model, ROUGH)
    found = diagnose(analog, x)
    assert isinstance(found, ModelDiagnosis)
    (name, which), rows = next(iter(rows_read(analog, x).items()))
    assert found[name] == analog.layers[name].arrays[which].diagnose(rows)
    for layer in found.layers:
        assert 0 < layer.found.snr_db < 40 and layer.found.ir_loss > 0 and layer.tiles >= 2
    assert found[found.worst].snr_db == min(layer.found.snr_db for layer in found.layers)
    assert found.table().count("\n") == 2 + len(found.layers) and "ADC cut" in found.table()
    assert found.to_dict()[name]["tiles"] == found.layers[0].tiles
    with pytest.raises(KeyError, match="no array 'x'; there are "):
        found["x"]
    cut = max(layer.found.adc_saturation for layer in found.layers)
    better = diagnose(calibrate(analog, x), x)
    assert max(layer.found.adc_saturation for layer in better.layers) < 0.05 < cut
    quiet = diagnose(to_crossbar(model, dataclasses.replace(ROUGH, converter=ConverterConfig())), x)
    assert quiet[found.worst].adc_saturation == 0


def test_groups_have_an_array_each():
    model, x = images()
    analog = to_crossbar(model, STILL)
    assert [layer.name for layer in diagnose(analog, x).layers] == ["conv1", "conv2", "conv2.2", "linear1"]
    assert analog.layers["conv2"].arrays[1].in_features == 18
    delayed = to_crossbar(words()[0], STILL).layers
    assert delayed["in-hid1"].arrays[0].in_features == 12 * 7  # a row per input and delay
    assert delayed["hid2"].arrays[0].in_features == 10 * 3


def test_the_ledger_counts_what_runs_on_the_arrays(case):
    model, x = case
    plain, ideal = (
        count(model.double(), x),
        count(to_crossbar(model.double(), CrossbarConfig.ideal()), x.double()),
    )
    assert ideal.rows == plain.rows and any("On crossbars" in note for note in ideal.notes)
    rough = count(to_crossbar(model.double(), STILL), x.double())
    assert rough.total("output_spikes") != plain.total("output_spikes")
    assert rough.total("synapses") == plain.total("synapses")  # cells that should be empty are no synapses


def test_sections_of_a_page(case):
    model, x = case
    analog = to_crossbar(model, ROUGH)
    sections = crossbar_sections(analog, x, times_s=(3600.0, 86400.0))
    assert [s.title.split(":")[0] for s in sections] == [
        "On crossbars, array by array",
        "Wire loss",
        "Conductances",
        "Converter range",
    ]
    first = next(iter(analog.layers))
    titles = [s.title for s in crossbar_sections(to_crossbar(model, STILL), x, layer=first)]
    assert titles[1:] == [f"Conductances: {first}", f"Converter range: {first}"]
    labels = sections[2].body.axes[0].get_legend_handles_labels()[1]
    assert labels == ["target", "written", "after 1 h", "after 1 day"]
    with pytest.raises(KeyError):
        crossbar_sections(analog, x, layer="nowhere")


@torch.no_grad()
def test_figures_show_the_array():
    torch.manual_seed(0)
    weight, x = torch.randn(20, 40), (torch.rand(30, 40) < 0.3).float()
    array = program_crossbar(weight, ROUGH)
    image = plot_ir_drop(array).axes[0].images[0].get_array()
    assert image.shape == (40, 40) and float(image.min()) < 0.99
    bars = plot_conductances(array, (60.0,)).axes[0].patches
    assert [int(bar.get_data()[0].sum()) for bar in bars] == [40 * 40] * 3
    axes = plot_adc_range(array, x).axes[0]
    rows = 3 * 30  # of tiles, times inputs
    assert int(axes.patches[0].get_data()[0].sum()) == rows * 20
    assert f"5 bits; {array.diagnose(x).adc_saturation:.2%} of conversions cut off" in axes.get_title(
        loc="left"
    )
    ideal = program_crossbar(weight, dataclasses.replace(ROUGH, converter=ConverterConfig()))
    assert "no converter" in plot_adc_range(ideal, x).axes[0].get_title(loc="left")


# --- training for the hardware ---


def test_training_sees_the_devices_and_leaves_no_trace(case):
    model, x = case
    model.train()
    with hardware_aware(model, STILL, seed=5):
        layer = next(m for m in model.modules() if isinstance(m, Linear))
        held = [layer.weight_in_use() for _ in range(2)]
        assert not torch.equal(held[0], held[1])  # another write in every pass
        name = f"{'hid2-out' if len(model) == 7 and x.dim() == 3 else 'linear1'}.0"
        assert torch.equal(
            held[1], program_crossbar(layer.weight, STILL, 5, name=name, write_number=2).weight()
        )
        model(x)[0].square().mean().backward()
        for module in model.modules():
            if isinstance(module, Linear | Conv2d | DelayLinear):
                assert module.weight.grad is not None and module.weight.grad.abs().sum() > 0
        model.eval()
        assert torch.equal(layer.weight_in_use(), layer.weight_in_use())
        with (
            pytest.raises(ValueError, match=r"weight_transform of .* must be None, got"),
            hardware_aware(model, STILL),
        ):
            pass
        analog = to_crossbar(model, CrossbarConfig.ideal())  # the weights themselves, not those of the block
    assert all(m.weight_transform is None for m in model.modules() if isinstance(m, Layer))
    with torch.no_grad():
        assert torch.equal(analog(x)[0], model(x)[0])


def test_gradients_pass_straight_through_levels():
    torch.manual_seed(0)
    coarse = CrossbarConfig(device=DeviceConfig(g_max_us=25.0, levels=4))
    layer, x = Linear(6, 4), torch.rand(3, 2, 6)
    plain = torch.autograd.grad(layer(x)[0].sum(), layer.weight)[0]
    with hardware_aware(Sequential(layer), coarse):
        held = layer.weight_in_use()
        assert len(held.detach().abs().unique()) <= 4
        inner = layer.weight.abs() < 0.99 * layer.weight.abs().max()
        straight = torch.autograd.grad(layer(x)[0].sum(), layer.weight)[0]
    torch.testing.assert_close(straight[inner], plain[inner])


# --- what does not fit ---


class Scaled(Layer):
    """A layer that the hardware does not know."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((2, 2), 0.5))

    def config(self):
        return {}

    def forward(self, x, state=None, lengths=None):
        return x @ self.weight_in_use().t(), ()


def test_a_new_kind_of_layer_needs_a_placement_alone():
    made = Sequential(Scaled(), LIF(**NEURON))
    with pytest.raises(
        ValueError,
        match=r"scaled1 must be of a class that has a placement \(.*register_placement.*got Scaled",
    ):
        to_crossbar(made, STILL)
    placement = Placement(
        lambda layer: [layer.weight_in_use().detach()],
        lambda _, parts: parts[0],
        lambda layer, read, x, state, lengths: (read(0, x), ()),
    )
    register_placement(Scaled, placement)
    x = torch.rand(4, 2, 2)
    analog = to_crossbar(made, CrossbarConfig.ideal())
    assert torch.equal(analog(x)[0], made(x)[0])
    assert [layer.name for layer in diagnose(to_crossbar(made, NOISY), x).layers] == ["scaled1"]
    with pytest.raises(ValueError, match="kind must be a class that has no placement yet, got Scaled"):
        register_placement(Scaled, None)


def test_bad_settings():
    model, _ = words()
    for options, message in (
        ({"dt_ms": 0.0}, "dt_ms must be a finite number > 0, got 0.0"),
        ({"drift_every": 0}, "drift_every must be a whole number >= 1, got 0"),
        ({"time_s": math.inf}, "time_s must be a finite number >= 0, got inf"),
    ):
        with pytest.raises(ValueError, match=message):
            to_crossbar(model, STILL, **options)
    with pytest.raises(TypeError, match="save the model and the CrossbarConfig"):
        to_crossbar(model, STILL).config()
