"""The parts of SpikeGPT are layers of their own."""

from __future__ import annotations

import pytest
import torch

import snn
from snn.language import (
    Block,
    BlockState,
    ChannelMixing,
    ChannelMixingState,
    Embedding,
    Projection,
    TimeMixing,
    TimeMixingState,
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeMixing(6),
        lambda: TimeMixing(6, "none", layer=2, layers=5),
        lambda: ChannelMixing(6, "spike_before"),
        lambda: Block(6, "spike_before", dropout=0.2),
        lambda: Projection(6, 4, bias=True),
    ],
)
def test_a_part_is_described_saved_and_carried_on(make, tmp_path):
    torch.manual_seed(0)
    layer, x = make().eval(), torch.randn(7, 2, 6)
    y, _ = layer(x)
    snn.train.save(layer, tmp_path / "part.safetensors")
    assert torch.equal(snn.train.load(tmp_path / "part.safetensors")(x)[0], y)
    z, _ = layer(x[4:], layer(x[:4])[1])
    assert (z - y[4:]).abs().max() < 1e-6


def test_states_say_what_they_hold():
    state = Block(6, "spike_before")(torch.randn(7, 2, 6))[1]
    assert isinstance(state, BlockState)
    assert isinstance(state.time_mixing, TimeMixingState)
    assert isinstance(state.channel_mixing, ChannelMixingState)
    assert [fire.v.shape[1] for fire in state.time_mixing.fire] == [6, 6, 6]
    assert [fire.v.shape[1] for fire in state.channel_mixing.fire] == [6, 6, 24]
    assert state.time_mixing.wkv.p.shape == (2, 6)


def test_an_embedding_gives_rows_or_the_bits_of_their_signs():
    torch.manual_seed(0)
    tokens = torch.tensor([[0, 4], [2, 4]])
    rows = Embedding(5, 8, "real")
    bits = Embedding(5, 8)
    bits.load_state_dict(rows.state_dict())
    assert torch.equal(rows(tokens)[0], rows.weight[tokens])
    z, _ = bits(tokens)
    assert torch.equal(z, (rows.weight[tokens] >= 0).float())
    z.sum().backward()
    seen = torch.tensor([1.0, 0, 1, 0, 2])[:, None]
    assert bits.weight.grad.allclose(seen / (1 + (torch.pi * bits.weight) ** 2))


def test_dropout_is_of_the_whole_stream_and_of_training_alone():
    torch.manual_seed(0)
    block, x = Block(50, "none", dropout=0.25), torch.ones(40, 10, 50)
    y = block.eval()(x)[0]
    z = block.train()(x)[0]
    assert abs((z == 0).float().mean() - 0.25) < 0.02
    assert torch.allclose(z[z != 0], (y / 0.75)[z != 0])
    assert not torch.equal(block(x)[0] == 0, z == 0)
    torch.manual_seed(3)
    first = block(x)[0]
    torch.manual_seed(3)
    assert torch.equal(block(x)[0], first)


def test_gradients_inside_a_token_alone_are_refused():
    for layer in (TimeMixing(4), ChannelMixing(4)):
        with (
            snn.kernels.local_in_time(),
            pytest.raises(ValueError, match="method must be 'bptt'.*got 'sltt'"),
        ):
            layer(torch.zeros(3, 1, 4))


def test_what_does_not_fit_is_refused_in_a_line():
    x = torch.zeros(3, 1, 4)
    state = Block(4)(x)[1]
    for match, call in (
        (r"x of TimeMixing must be \[T, B, 4\]", lambda: TimeMixing(4)(x[:, :, :3])),
        (r"x of Projection must be of dtype torch.float32", lambda: Projection(4, 2)(x.double())),
        (r"layer must be a whole number >= 0 and <= 0, got 1", lambda: TimeMixing(4, layer=1)),
        (r"fire in the state of TimeMixing must be a tuple of 3 LIFState", lambda: TimeMixing(4, "spike_before")(
            x, state.time_mixing)),
        (r"width must be", lambda: Embedding(4, 0)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            call()
    with pytest.raises(TypeError, match="state of Block must be a BlockState or None"):
        Block(4)(x, state.time_mixing)
