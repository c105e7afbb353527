"""Crossbars: flawless ones are the plain product, and each flaw by itself."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from crossbars import MAPPINGS, TILES, W, X, close, plain, random, spikes
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.hardware import (
    ConverterConfig,
    Crossbar,
    CrossbarConfig,
    CubicIV,
    DeviceConfig,
    Diagnosis,
    MappingConfig,
    ProgrammedArray,
    TileConfig,
    WireConfig,
    count_reads,
    device_preset,
    effective_conductance,
    form_random_array,
    program_crossbar,
)

# --- flawless hardware ---


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tile", TILES, ids=str)
@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
def test_flawless_hardware_is_the_plain_product(mapping, tile, dtype):
    """Bit for bit, whatever the mapping and the tiles, gradients included."""
    config = CrossbarConfig(mapping=mapping, tile=tile)
    w, x = (part.to(dtype).clone().requires_grad_() for part in (W, X))
    crossbar = program_crossbar(w, config)
    assert isinstance(crossbar, Crossbar) and crossbar.is_linear and crossbar.is_deterministic
    assert torch.equal(crossbar.weight(), w) and crossbar.weight().dtype == dtype
    y = crossbar.matmul(x)
    assert torch.equal(y, plain(x, w))
    found = torch.autograd.grad(y.square().sum(), (w, x))
    wanted = torch.autograd.grad(plain(x, w).square().sum(), (w, x))
    assert close(found[0], wanted[0], 1e-6) and torch.equal(found[1], wanted[1])


def test_what_follows_from_the_values_needs_no_reading():
    """The values of a crossbar are enough for its weight and the count of its reads; reading is `Crossbar`'s."""
    crossbar = program_crossbar(W, CrossbarConfig(device=device_preset("pcm_ibm")), seed=1)
    bare = ProgrammedArray(**{field.name: getattr(crossbar, field.name) for field in fields(crossbar)})
    assert isinstance(crossbar, ProgrammedArray) and not hasattr(bare, "matmul")
    assert torch.equal(bare.weight(), crossbar.weight())
    assert torch.equal(bare.at(1e6).weight(), crossbar.at(1e6).weight())
    assert count_reads(bare, X) == count_reads(crossbar, X)


def test_the_default_is_ideal():
    assert CrossbarConfig() == CrossbarConfig.ideal()
    assert torch.equal(program_crossbar(W, CrossbarConfig.ideal()).matmul(X[0]), plain(X[0], W))
    assert torch.equal(program_crossbar(0 * W, CrossbarConfig.ideal()).matmul(X), 0 * plain(X, W))


@pytest.mark.parametrize("subtract", ["analog", "digital"])
@pytest.mark.parametrize("tile", TILES, ids=str)
@pytest.mark.parametrize("mapping", [*MAPPINGS, MappingConfig(slices=3, slice_bits=5)], ids=str)
def test_a_fine_conversion_per_tile_is_the_plain_product(mapping, tile, subtract):
    """The long way, tile by tile with 40-bit conversions, in every layout, gradients included."""
    converter = ConverterConfig(adc_bits=40, subtract=subtract)
    w, x = W.double().requires_grad_(), X.double().requires_grad_()
    crossbar = program_crossbar(w, CrossbarConfig(mapping=mapping, tile=tile, converter=converter))
    carried = crossbar.weight()
    assert close(carried, w, 2.0**-15)  # 15 bits of digits, or exact
    y = crossbar.matmul(x)
    assert close(y, plain(x, carried), 1e-10) and not crossbar.is_linear
    found = torch.autograd.grad(y.square().sum(), (w, x))
    wanted = torch.autograd.grad(plain(x, w).square().sum(), (w, x))
    tolerance = 1e-3 if mapping.slices > 1 else 1e-8
    assert close(found[0], wanted[0], tolerance) and close(found[1], wanted[1], tolerance)


def test_digits_by_hand():
    """W / max |W| x 15 = 15, -6, 3, 0 in two digits of two bits."""
    w = torch.tensor([[15.0], [-6.0], [3.0], [0.0]])
    crossbar = program_crossbar(w, CrossbarConfig(mapping=MappingConfig(slices=2, slice_bits=2)))
    planes = crossbar.layout.tiles_to_planes(crossbar.conductance_us)[:, 0] / (100 / 3)
    wanted = [[3, 0, 3, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 1, 0, 0]]
    assert torch.allclose(planes, torch.tensor(wanted, dtype=torch.float64))
    assert torch.equal(crossbar.weight(), w)


def test_conductances_by_hand():
    w, device = torch.tensor([[1.0, -0.5, 0.0]]), DeviceConfig(g_min_us=10, g_max_us=50)
    wanted = {
        "one_sided": [[50, 10, 10], [10, 30, 10]],
        "two_sided": [[50, 20, 30], [10, 40, 30]],
        "offset": [[50 - 30, 20 - 30, 0]],  # less the reference
    }
    for scheme, planes in wanted.items():
        crossbar = program_crossbar(w, CrossbarConfig(device=device, mapping=MappingConfig(scheme)))
        found = crossbar.layout.tiles_to_planes(crossbar.target_us)[..., 0]
        assert torch.allclose(found, torch.tensor(planes, dtype=torch.float64)), scheme


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 30), st.integers(1, 12), st.integers(2, 12), st.sampled_from(MAPPINGS)
)
def test_cells_are_found_where_they_were_laid(inputs, outputs, rows, cols, mapping):
    w = random(outputs, inputs, dtype=torch.float64)
    device = DeviceConfig(g_min_us=2.0, g_max_us=50.0)
    crossbar = program_crossbar(w, CrossbarConfig(device, mapping, TileConfig(rows, cols)))
    assert close(crossbar.decode(crossbar.target_us), w, 1e-12)
    row_tiles, col_tiles = crossbar.target_us.shape[:2]
    assert crossbar.target_us.shape[2] <= rows and crossbar.target_us.shape[3] <= cols
    assert row_tiles == -(-inputs // rows)
    references = col_tiles if mapping.scheme == "offset" else 0
    assert int(crossbar.used.sum()) == inputs * (mapping.planes * outputs + references)
    said = f"{inputs} -> {outputs}, {row_tiles} x {col_tiles} tiles"
    assert said in repr(crossbar) and len(repr(crossbar)) < 100


def test_tiles_lie_next_to_sources_and_grounds():
    """37 inputs in 16 rows: the last tile holds 5, at its bottom; unused places are open."""
    crossbar = program_crossbar(W, CrossbarConfig(device=DeviceConfig(g_min_us=1.0), tile=TileConfig(16, 8)))
    assert crossbar.conductance_us.shape == (3, 4, 16, 8)
    used = crossbar.used
    assert used[2, 0].any(1).tolist() == [False] * 11 + [True] * 5
    assert used[0, 1].any(0).tolist() == [True] * 2 + [False] * 6
    assert torch.equal(used, crossbar.conductance_us > 0)
    assert int(used.sum()) == 2 * 10 * 37


# --- levels, range, faults: straight-through gradients ---


def test_levels_and_gradients():
    w = torch.tensor([[1.0, 0.4, -0.2, 0.0]], requires_grad=True)
    crossbar = program_crossbar(w, CrossbarConfig(device=DeviceConfig(levels=3)))
    assert torch.allclose(crossbar.weight(), torch.tensor([[1.0, 0.5, 0.0, 0.0]]))
    (grad,) = torch.autograd.grad(crossbar.weight().sum(), w)
    assert torch.equal(grad, torch.ones_like(w))


def test_a_look_without_gradients_costs_none():
    w = W.double().requires_grad_()
    crossbar = program_crossbar(
        w, CrossbarConfig(DeviceConfig(g_min_us=1.0), wires=WireConfig("exact", 1.0, 1.0))
    )
    crossbar.diagnose(X.double())
    (grad,) = torch.autograd.grad(crossbar.matmul(X.double()).sum(), w)
    assert float(grad.abs().min()) > 0


def test_clipped_weights_pass_no_gradient():
    w = torch.linspace(-1, 1, 21)[None].requires_grad_()
    crossbar = program_crossbar(w, CrossbarConfig(mapping=MappingConfig(percentile=80.0)))
    held = crossbar.weight()
    limit = float(held.detach().max())
    assert 0.7 < limit < 0.9 and torch.allclose(held, w.clamp(-limit, limit))
    (grad,) = torch.autograd.grad(held.sum(), w)
    assert torch.allclose(grad, (w.abs() <= limit).float(), atol=1e-12)
    found = crossbar.diagnose(torch.ones(1, 21))
    assert isinstance(found, Diagnosis) and found.clip_rate == pytest.approx(4 / 21)


@pytest.mark.parametrize(("fault", "value"), [("stuck_low", 0.0), ("stuck_high", 100.0), ("open_cells", 0.0)])
def test_stuck_cells_pass_no_gradient(fault, value):
    w = W.double().requires_grad_()
    device = DeviceConfig(**{fault: 0.2})
    crossbar = program_crossbar(w, CrossbarConfig(device=device))
    mirrored = program_crossbar(-w, crossbar.config).conductance_us
    moved = (crossbar.conductance_us == value) & (mirrored == value) & crossbar.used  # whatever is written
    assert 0.15 < float(moved.sum() / crossbar.used.sum()) < 0.25
    coefficient = torch.rand_like(crossbar.target_us)
    (grad,) = torch.autograd.grad((crossbar.conductance_us * coefficient).sum(), w)
    free = torch.where(moved, 0.0, coefficient)
    planes = crossbar.layout.tiles_to_planes(free) * 100 / float(w.detach().abs().max())
    wanted = torch.where(w.T > 0, planes[0], -planes[1]).T
    assert torch.allclose(grad, wanted)


# --- wires ---


@pytest.mark.parametrize("rows", ["grounded", "gated", "floating"])
def test_wires_are_solved_per_tile_and_pattern(rows):
    wires = WireConfig("exact", 40.0, 60.0, rows)
    config = CrossbarConfig(device=DeviceConfig(g_min_us=1.0), tile=TileConfig(16, 10), wires=wires)
    w, x = W.double(), X[0].double()
    crossbar = program_crossbar(w, config)
    g = crossbar.conductance_us
    wanted = torch.zeros(4, 10, dtype=torch.float64)
    for k in range(3):
        part = crossbar.layout.inputs_to_rows(x)[:, k]
        for b in range(4):
            given = {} if rows == "grounded" else {"mode": rows, "active": part[b] != 0}
            geff = effective_conductance(g[k], 40.0, 60.0, **given)
            currents = torch.einsum("r,crk->ck", part[b], geff)
            wanted[b] += (currents[0] - currents[1]) * float(w.abs().max()) / 99.0
    assert close(crossbar.matmul(x), wanted, 1e-12)
    assert crossbar.config.wires.by_pattern is (rows != "grounded")
    if rows == "grounded":
        assert close(plain(x, crossbar.weight()), wanted, 1e-12)
    assert 0 < crossbar.diagnose(x).ir_loss < 0.3


def test_wire_modes_agree_for_short_wires():
    w, x = W.double(), X[0].double()
    device = DeviceConfig(g_min_us=1.0)
    for ohm, tolerance in ((1e-1, 2e-3), (1e-4, 2e-6), (0.0, 1e-12)):
        for drop, rows in (
            ("exact", "grounded"),
            ("row_column_mean", "grounded"),
            ("row_column_mean", "gated"),
            ("exact", "floating"),
        ):
            wires = WireConfig(drop, ohm, ohm, rows)
            assert close(
                program_crossbar(w, CrossbarConfig(device, wires=wires)).matmul(x), plain(x, w), tolerance
            ), (
                drop,
                rows,
            )


def test_training_through_wires():
    """The gradient of what is read through wires, by differences."""
    config = CrossbarConfig(
        DeviceConfig(g_min_us=1.0), tile=TileConfig(4, 4), wires=WireConfig("exact", 500.0, 500.0)
    )
    w, x = random(3, 6, dtype=torch.float64), spikes(2, 6, dtype=torch.float64)
    w[0, 0] = 5.0  # the scale is a constant: the largest weight must not move

    def read(free):
        return program_crossbar(torch.cat([w[:1], free]), config).matmul(x)

    assert torch.autograd.gradcheck(read, (w[1:].clone().requires_grad_(),))


# --- cells that bend ---


def test_bent_cells_by_hand():
    """I = g V + n2 V^2 + n3 V^3 in every cell, at voltages between and at the ends."""
    iv = CubicIV((0.001,), (0.002,), (1.0, 100.0), 0.5)  # 1000 and 2000 uS per V and V^2, whatever g
    device = DeviceConfig(g_min_us=1.0, iv=iv)
    w, x = W.double(), torch.rand(4, 37, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for tile in TILES:
        crossbar = program_crossbar(w, CrossbarConfig(device=device, tile=tile, v_read=0.4))
        g = crossbar.layout.tiles_to_planes(crossbar.conductance_us)
        v = 0.4 * x
        current = v @ (g[0] - g[1]) / 0.4  # n2 and n3 are the same in both cells of a pair
        assert close(crossbar.matmul(x), current * float(w.abs().max()) / 99, 1e-10)
        assert close(crossbar.matmul(x.round()), plain(x.round(), w), 1e-10)
    crossbar = program_crossbar(w, CrossbarConfig(device=device, v_read=0.4, mapping=MappingConfig("offset")))
    more = (crossbar.chord_us - crossbar.conductance_us)[crossbar.used]
    assert close(more, torch.full_like(more, 0.4 * 1000 + 0.16 * 2000), 1e-12)


def test_published_curve_bends_less_at_high_conductance():
    iv = device_preset("rram_milo2021").iv
    n2, n3 = iv.terms(torch.tensor([0.0, 60.0, 110.0, 225.0], dtype=torch.float64))
    assert n2[0] == n3[0] == 0  # an open cell stays open
    assert n3[1] > abs(n3[2]) > abs(n3[3]) and abs(n3[3]) < 1  # of 225 uS, per volt squared
    bend = float(n2[1]) * 0.5 / 60 + float(n3[1]) * 0.5**2 / 60
    assert -0.25 < bend < -0.1  # 60 uS read at half a volt


# --- cuts, batches, time ---


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(0, 4), st.sampled_from(["pair", "offset", "tiles"]))
def test_read_noise_does_not_depend_on_cuts(at, who, kind):
    mapping = MappingConfig("offset") if kind == "offset" else MappingConfig()
    converter = ConverterConfig(adc_bits=8) if kind == "tiles" else ConverterConfig()
    config = CrossbarConfig(DeviceConfig(read_noise=0.1), mapping, TileConfig(16, 8), converter=converter)
    crossbar, x = program_crossbar(W.double(), config, seed=4), X.double()
    whole = crossbar.matmul(x)
    in_time = torch.cat([crossbar.matmul(x[:at]), crossbar.matmul(x[at:], step=at)])
    in_batch = torch.cat([crossbar.matmul(x[:, :who]), crossbar.matmul(x[:, who:], sample=who)], 1)
    assert close(in_time, whole, 1e-12) and close(in_batch, whole, 1e-12)
    assert close(crossbar.matmul(x[2], step=2), whole[2], 1e-12)


def test_arrays_are_immutable():
    crossbar = program_crossbar(W, CrossbarConfig(device=device_preset("pcm_ibm")), seed=1)
    before = crossbar.weight()
    later = crossbar.at(1e6)
    assert not torch.equal(later.weight(), before) and torch.equal(crossbar.weight(), before)
    assert crossbar.at(crossbar.time_s) is crossbar and torch.equal(later.at(20.0).weight(), before)
    with pytest.raises(AttributeError):
        crossbar.time_s = 3.0


# --- random arrays ---


def test_a_random_array_reads_differences_of_its_cells():
    config = CrossbarConfig(replace(device_preset("rram_random_40nm"), read_noise=0.0))
    crossbar = form_random_array(37, 10, config, seed=2, scale=0.07)
    g = crossbar.layout.tiles_to_planes(crossbar.conductance_us)
    assert torch.allclose(crossbar.weight(), (0.07 * (g[0] - g[1])).T.float())
    assert close(crossbar.matmul(X), plain(X, crossbar.weight()), 1e-6)
    assert crossbar.diagnose(X).snr_db > 120
    assert not torch.equal(form_random_array(37, 10, config, seed=3, scale=0.07).weight(), crossbar.weight())
    tiled = replace(config, tile=TileConfig(8, 8))
    assert torch.equal(form_random_array(37, 10, tiled, seed=2, scale=0.07).weight(), crossbar.weight())
    single = form_random_array(37, 10, replace(tiled, mapping=MappingConfig("offset")), seed=2, scale=0.07)
    assert close(single.matmul(X), plain(X, single.weight()), 1e-6)
    assert abs(float(single.weight().mean())) < 1e-6 and single.diagnose(X).snr_db > 100
