"""Arrays of one's own: measured cells weigh what they weigh, and take the place of a layer's weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from crossbars import NEURON, TILES, close, plain, random, spikes
from own_blocks import Block, Gated

from snn.hardware import (
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    MappingConfig,
    TileConfig,
    WireConfig,
    count,
    crossbar_network,
    device_preset,
    form_random_array,
    hardware_aware,
    program_crossbar,
    program_measured,
    to_crossbar,
)
from snn.nn import LIF, Conv2d, DelayLinear, LeakyReadout, Linear, RecurrentLIF, Residual, Sequential

IDEAL = CrossbarConfig.ideal()
NOISY = CrossbarConfig(DeviceConfig(read_noise=0.5))
FORMING = CrossbarConfig(device_preset("rram_random_40nm"))


def cells(rows=7, columns=4, seed=0, dtype=torch.float64):
    """Conductances of pairs, [2, rows, columns], microsiemens."""
    return random(2, rows, columns, seed=seed, dtype=dtype).abs() * 20


# --- measured cells ---


@pytest.mark.parametrize("tile", TILES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("pairs", ["separate", "interleaved"])
def test_the_weight_is_the_scaled_difference_bit_for_bit(tile, dtype, pairs):
    plus, minus = cells(37, 10, dtype=dtype)
    config = CrossbarConfig(mapping=MappingConfig(pairs=pairs), tile=tile)
    array = program_measured(plus, minus, config, scale=0.03, name="a")
    weight = (0.03 * (plus - minus)).T
    assert torch.equal(array.weight(), weight) and array.name == "a"
    x = spikes(5, 4, 37, dtype=dtype)
    assert torch.equal(array.matmul(x), plain(x, weight))
    planes = array.layout.tiles_to_planes(array.conductance_us)
    assert torch.equal(planes, torch.stack([plus, minus]).double())


def test_numpy_and_whole_numbers():
    plus, minus = np.array([[3, 1], [0, 2], [5, 5]]), [[1, 1], [4, 0], [0, 5]]
    weight = program_measured(plus, minus, IDEAL, scale=0.5).weight()
    assert weight.tolist() == [[1.0, -2.0, 2.5], [0.0, 1.0, 0.0]] and weight.dtype == torch.float64
    single = program_measured(plus.astype(np.float32), np.float32(minus), IDEAL).weight()
    assert single.dtype == torch.float32


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_cells_of_a_random_array_weigh_what_it_weighs(tile):
    """What one measures of an array that was formed makes the same array again."""
    config = replace(FORMING, tile=tile)
    formed = form_random_array(12, 9, config, seed=3, dtype=torch.float64)
    plus, minus = formed.layout.tiles_to_planes(formed.conductance_us)
    array = program_measured(plus, minus, config)
    assert torch.equal(array.weight(), formed.weight())
    assert torch.equal(array.conductance_us, formed.conductance_us)


def test_cells_are_not_written_again_but_age_and_are_read():
    """Levels, noise of writing and faults of the config are in the measurement; what comes later is not."""
    preset = device_preset("pcm_ibm")
    written = replace(preset, levels=4, d2d=0.2, c2c=0.2, stuck_low=0.1, stuck_high=0.1, open_cells=0.1)
    plus, minus = cells()
    weight = (plus - minus).T
    array = program_measured(plus, minus, CrossbarConfig(written), name="a")
    assert torch.equal(array.weight(), weight)
    later = array.at(1e6).weight()
    assert not torch.equal(later, weight) and torch.equal(array.at(1e6).weight(), later)
    assert torch.equal(
        later, program_measured(plus, minus, CrossbarConfig(preset), name="a").at(1e6).weight()
    )
    x = spikes(5, 4, 7, dtype=torch.float64)
    read = array.matmul(x)
    assert not torch.equal(read, plain(x, weight)) and torch.equal(read, array.matmul(x))
    assert not torch.equal(read, program_measured(plus, minus, CrossbarConfig(written), seed=1).matmul(x))


def test_wires_and_converters_apply_on_reads():
    plus, minus = cells()
    weight, x = (plus - minus).T, spikes(5, 4, 7, dtype=torch.float64)
    wired = program_measured(plus, minus, CrossbarConfig(wires=WireConfig("exact", 2.0, 2.0)))
    assert not torch.equal(wired.weight(), weight) and close(wired.weight(), weight, 0.05)
    converted = CrossbarConfig(DeviceConfig(g_max_us=80.0), converter=ConverterConfig(adc_bits=8))
    read = program_measured(plus, minus, converted).matmul(x)
    assert not torch.equal(read, plain(x, weight)) and close(read, plain(x, weight), 0.1)
    fine = program_measured(plus, minus, converted)
    assert fine.diagnose(x).weight_error == 0.0


G = np.ones((3, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones(3), G, IDEAL),
            r"g_plus_us must be \[rows, columns\] with at least one of each, got ndarray of sh",
        ),
        ((np.ones((0, 2)), G, IDEAL), r"g_plus_us must be \[rows, columns\] with at least one of each"),
        ((G, -G, IDEAL), r"g_minus_us\[0, 0\] must be finite and >= 0 microsiemens, got -1.0"),
        ((G * np.nan, G, IDEAL), r"g_plus_us\[0, 0\] must be finite and >= 0 microsiemens, got nan"),
        ((G, torch.full((3, 2), torch.inf), IDEAL), r"g_minus_us\[0, 0\] must be finite and .*, got inf"),
        (
            ([["a", "b"]], G, IDEAL),
            r"g_plus_us must be real numbers, got ndarray of shape \[1, 2\] and dtype <U1",
        ),
        ((G, G.T, IDEAL), r"g_minus_us must be of the shape \[3, 2\] of g_plus_us, got \[2, 3\]"),
        (
            (G, G, CrossbarConfig(mapping=MappingConfig("offset"))),
            "scheme must be 'one_sided' or 'two_sided' for pairs of measured cells, got 'offset'",
        ),
        (
            (G, G, CrossbarConfig(mapping=MappingConfig(slice_bits=2))),
            "slice_bits must be None for measured cells, got 2",
        ),
    ],
    ids=range(9),
)
def test_what_is_no_measurement(arguments, message):
    with pytest.raises(ValueError, match=message):
        program_measured(*arguments)


def test_a_scale_that_is_no_number():
    with pytest.raises(ValueError, match="scale must be a finite number, got inf"):
        program_measured(G, G, IDEAL, scale=float("inf"))


# --- in a model ---


def network(dtype=torch.float32):
    torch.manual_seed(0)
    made = Sequential(Linear(7, 4), LIF(**NEURON), Linear(4, 5, bias=True), RecurrentLIF(5, 2, **NEURON))
    return Sequential(*made, DelayLinear(5, 3, 4), LeakyReadout()).to(dtype).eval()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_on_given_arrays_is_the_model_with_their_weights(dtype):
    model, x = network(dtype), spikes(9, 3, 7, dtype=dtype)
    first = program_measured(*cells(), IDEAL, scale=0.05, name="a")
    second = program_measured(*cells(4, 5, seed=1), IDEAL, scale=0.05, name="b")
    back = program_crossbar(random(5, 10, seed=2), IDEAL)
    analog = to_crossbar(model, IDEAL, arrays={"in-hid1": first, "hid1-hid2": (second,), "hid2": [back]})
    assert analog.layers["in-hid1"].arrays == (first,) and analog.layers["hid2"].arrays == (back,)
    same = network(dtype)
    same[0].weight.copy_(first.weight())
    same[2].weight.copy_(second.weight())
    some = to_crossbar(same, IDEAL, arrays={"hid2": back})
    assert torch.equal(analog(x)[0], some(x)[0]) and not torch.equal(analog(x)[0], model(x)[0])
    assert torch.equal(
        to_crossbar(model, IDEAL, arrays={"in-hid1": first})(x)[0], model_with(same[0], x, dtype)
    )


def model_with(first, x, dtype):
    model = network(dtype)
    model[0].weight.copy_(first.weight)
    return model(x)[0]


@torch.no_grad()
def test_given_arrays_keep_their_hardware_and_their_age():
    """Settings of the call are for the arrays that it makes itself; time passes for all."""
    model, x = network(), spikes(9, 3, 7)
    aged = CrossbarConfig(device_preset("pcm_ibm"))
    mine = program_crossbar(model[0].weight, aged, seed=5, name="mine").at(1e4)
    plain_age = to_crossbar(model, IDEAL, arrays={"in-hid1": mine})
    assert plain_age.layers["in-hid1"].arrays_at(3) == (mine,)
    late = to_crossbar(model, aged, arrays={"in-hid1": mine}, time_s=1e6)
    assert late.layers["in-hid1"].arrays_at(3) == (mine,)
    assert late.layers["hid1-hid2"].arrays_at(3)[0].time_s == 1e6
    moving = to_crossbar(model, aged, arrays={"in-hid1": mine}, dt_ms=1000.0)
    assert moving.layers["in-hid1"].arrays_at(3)[0].time_s == 1e4 + 3
    assert late.aged(1e7).layers["in-hid1"].arrays_at(0)[0].time_s == 1e7
    assert plain_age(x)[0].isfinite().all()


def test_every_array_of_a_convolution():
    torch.manual_seed(0)
    model = Sequential(Conv2d(4, 6, 3, groups=2), LIF(**NEURON)).eval()
    x = (torch.rand(3, 2, 4, 5, 5) < 0.5).float()
    halves = [program_crossbar(random(3, 18, seed=i), IDEAL, name=f"half {i}") for i in range(2)]
    analog = to_crossbar(model, IDEAL, arrays={"conv1": halves})
    with torch.no_grad():
        model[0].weight.copy_(torch.cat([h.weight() for h in halves]).reshape(6, 2, 3, 3))
        assert torch.equal(analog(x)[0], model(x)[0])
    for given, message in (
        (halves[0], r"arrays\['conv1'\] must be 2 of them, as its layer has, got 1"),
        (
            (halves[0], program_crossbar(random(3, 9), IDEAL)),
            r"\['conv1'\]\[1\] must hold .* \[3, 18\], got \[3, 9\]",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            to_crossbar(model, IDEAL, arrays={"conv1": given})


def test_arrays_that_do_not_fit():
    model, fits = network(), program_measured(*cells(), NOISY)
    for arrays, error, message in (
        (
            {"hid7": fits},
            ValueError,
            "layer in arrays must be one of 'in-hid1', 'hid1-hid2', 'hid2', 'hid2-out', got 'hid7'",
        ),
        (
            {"hid1-hid2": fits},
            ValueError,
            r"arrays\['hid1-hid2'\] must hold a weight \[out, in\] of \[5, 4\], got \[4, 7\]",
        ),
        (
            {"in-hid1": fits, "hid1-hid2": program_measured(*cells(4, 5), NOISY)},
            ValueError,
            r"arrays\['hid1-hid2'\] must have a name or a seed of its own, .* 'crossbar' and 0 as in .*'in-hid1'",
        ),
        (
            {"in-hid1": torch.ones(4, 7)},
            TypeError,
            r"arrays\['in-hid1'\] must be a Crossbar or a tuple of them, got Tens",
        ),
        (
            {"in-hid1": (fits, None)},
            TypeError,
            r"arrays\['in-hid1'\] must be a Crossbar or a tuple of them, got None",
        ),
    ):
        with pytest.raises(error, match=message):
            to_crossbar(model, IDEAL, arrays=arrays)


# --- layers of one's own ---


def blocks(dtype=torch.float32):
    torch.manual_seed(0)
    made = Sequential(Block(7, 6), Residual(Block(6, 6)), Linear(6, 3), LeakyReadout())
    return made.to(dtype).eval()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blocks_lie_on_arrays_as_their_stages(dtype):
    model, x = blocks(dtype), spikes(9, 3, 7, dtype=dtype)
    lengths = torch.tensor([9, 4, 7])
    for config in (IDEAL, CrossbarConfig(tile=TileConfig(5, 3))):
        analog = to_crossbar(model, config)
        assert list(analog.layers) == ["delay1", "delay2", "linear1"] and analog.tail_steps == 4
        valid = torch.arange(9)[:, None] < lengths
        assert torch.equal(analog(x, None, lengths)[0][valid], model(x, None, lengths)[0][valid])
        assert count(analog, x, lengths).rows == count(model, x, lengths).rows
    noisy = to_crossbar(model, NOISY)
    cut, state = noisy(x[:4], noisy.start(2))
    rest, _ = noisy(x[4:], state)
    torch.testing.assert_close(torch.cat([cut, rest]), noisy(x, noisy.start(2))[0])
    assert noisy.aged(100.0).layers["delay2"].arrays_at(0)[0].time_s == 100.0


def test_a_block_on_a_crossbar_is_a_network():
    model = Sequential(Block(7, 6), Linear(6, 3), LeakyReadout()).eval()
    array = program_measured(*cells(6, 3), IDEAL, scale=0.1)
    net = crossbar_network(to_crossbar(model, IDEAL, arrays={"hid1-out": array}), 1.0)
    assert np.array_equal(net.projections[-1].weight, array.weight().T.numpy())


def test_blocks_train_for_hardware():
    model = blocks()
    with hardware_aware(model, CrossbarConfig(DeviceConfig(levels=4))):
        transformed = [layer for layer in model.modules() if getattr(layer, "weight_transform", None)]
        assert [type(layer) for layer in transformed] == [DelayLinear, DelayLinear, Linear]


def test_what_is_not_made_of_ours_is_refused_by_name():
    with pytest.raises(ValueError, match="gated1 must be of a class that has a placement .*got Gated"):
        to_crossbar(Sequential(Gated(7, 4)), IDEAL)


def test_what_is_no_hardware_no_model_no_dict_of_arrays():
    plus, minus = cells()
    model = Sequential(Linear(7, 4), LIF())
    array = program_measured(plus, minus, IDEAL)
    for use in (lambda: program_measured(plus, minus, {}), lambda: to_crossbar(model, {})):
        with pytest.raises(TypeError, match="^config must be a CrossbarConfig, got {}$"):
            use()
    with pytest.raises(TypeError, match="^model must be a layer of snn.nn, got Linear"):
        to_crossbar(torch.nn.Linear(2, 2), IDEAL)
    for given in ([array], [], array, 3):
        with pytest.raises(
            TypeError, match="^arrays must be a dict of arrays by the name of their layer, got "
        ):
            to_crossbar(model, IDEAL, arrays=given)
    with pytest.raises(
        ValueError, match=r"^g_minus_us must be a matrix .*, its rows of one length, got \[\["
    ):
        program_measured(plus, [[1.0, 2.0], [3.0]], IDEAL)
