"""What kernels are given is proven before a compiled loop runs: shapes, types, delays, lengths, nothing at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import snn.kernels
from snn.kernels import (
    LIFOptions,
    delayed,
    delayed_dense,
    delayed_events,
    delayed_linear,
    delayed_linear_reference,
    delayed_sparse,
    delayed_spectral,
    gauss_kernel,
    gauss_kernel_reference,
    learning_steps,
    lif,
    lif_fused,
    lif_reference,
    linear_kernel,
    local_in_time,
    one_hot_kernel,
    recurrent_lif,
    recurrent_lif_fused,
    recurrent_lif_reference,
    wkv,
    wkv_fused,
    wkv_reference,
)
from snn.kernels.batch_norm import normalise, normalise_fused, normalise_reference
from snn.kernels.delay.two_tap_events import TwoTapLayout
from snn.kernels.leaky_integrator import integrate, integrate_fused, integrate_reference
from snn.kernels.learned_lif import learned_lif, learned_lif_fused, learned_lif_reference
from snn.kernels.sparse_linear import sparse_linear

OPTIONS = LIFOptions(1.5)
LEARNED = LIFOptions(1.5, decay_input=False, detach_reset=True)


def tensor(*shape: int, scale: float = 1.0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * scale


def whole(high: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(0))


Arguments = dict[str, Any]
ARGUMENTS: dict[Callable[..., Any], Arguments] = {
    **{f: dict(x=tensor(9, 3, 4), kernel=tensor(7, 5, 4)) for f in (delayed, delayed_dense)},
    **{f: dict(x=tensor(9, 3, 4), kernel=tensor(7, 5, 4)) for f in (delayed_sparse, delayed_spectral)},
    delayed_events: dict(x=tensor(9, 3, 4), weight=tensor(5, 4), delays=whole(7, 5, 4)),
    **{
        f: dict(x=tensor(9, 3, 4), weight=tensor(5, 4), delay=tensor(5, 4, scale=6), max_delay=6)
        for f in (delayed_linear, delayed_linear_reference)
    },
    **{
        f: dict(weight=tensor(5, 4), position=tensor(5, 4, scale=3), sigma=torch.tensor(1.0), taps=7)
        for f in (gauss_kernel, gauss_kernel_reference)
    },
    linear_kernel: dict(weight=tensor(5, 4), delay=tensor(5, 4, scale=6), taps=7),
    one_hot_kernel: dict(weight=tensor(5, 4), delays=whole(7, 5, 4), taps=7),
    **{
        f: dict(x=tensor(9, 3, 4), v=tensor(3, 4), options=OPTIONS, lengths=torch.tensor([9, 0, 4]))
        for f in (lif, lif_fused, lif_reference)
    },
    **{
        f: dict(
            x=tensor(9, 3, 4), v=tensor(3, 4), weight=tensor(4, 4), delay=1 + tensor(4, 4, scale=5),
            max_delay=6, options=OPTIONS, lengths=torch.tensor([9, 0, 4]),
        )
        for f in (recurrent_lif, recurrent_lif_fused, recurrent_lif_reference)
    },
    **{
        f: dict(
            x=tensor(9, 3, 4), v=tensor(3, 4), threshold=torch.tensor(1.0), leak=torch.tensor(0.5),
            options=LEARNED, lengths=torch.tensor([9, 0, 4]),
        )
        for f in (learned_lif, learned_lif_fused, learned_lif_reference)
    },
    **{f: dict(x=tensor(9, 3, 4), v=tensor(3, 4), options=OPTIONS) for f in (integrate, integrate_fused)},
    integrate_reference: dict(x=tensor(9, 3, 4), v=tensor(3, 4), options=OPTIONS),
    **{
        f: dict(x=tensor(9, 3, 4), lengths=torch.tensor([9, 0, 4]), weight=tensor(4), bias=tensor(4), eps=1e-5)
        for f in (normalise, normalise_fused, normalise_reference)
    },
    **{
        f: dict(
            w=-0.1 - tensor(4), u=tensor(4), k=tensor(9, 3, 4), v=tensor(9, 3, 4), lengths=torch.tensor([9, 0, 4])
        )
        for f in (wkv, wkv_fused, wkv_reference)
    },
    sparse_linear: dict(x=tensor(9, 3, 4) * (tensor(9, 3, 4) < 0.1), weight=tensor(5, 4)),
}  # fmt: skip
"""Every kernel, with arguments that are right."""
NAMES = {kernel.__name__: kernel for kernel in ARGUMENTS}
FORMS = ("", "_fused", "_reference")
OTHERS = {
    "spike",
    "LIFOptions",
    "Surrogate",
    "DEFAULT_ALPHA",
    "WKVState",
    "empty_cache",
    "is_local",
    "learning_steps",
    "local_in_time",
    "draw_key",
    *(
        f"{name}{form}"
        for name in ("gate", "hashed_dropout", "squared_relu", "token_shift")
        for form in FORMS
    ),
}
"""What is no kernel, and kernels of any axes, or of a step before the first, which have tests of their own."""


def first(made: Any) -> torch.Tensor:
    return made[0] if isinstance(made, tuple) else made


def test_the_table_has_every_public_kernel():
    assert {*snn.kernels.__all__} - OTHERS <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_one_argument_of_another_shape_type_or_kind_is_refused_by_name(name):
    kernel = NAMES[name]
    kernel(**ARGUMENTS[kernel])
    tensors = {key: value for key, value in ARGUMENTS[kernel].items() if isinstance(value, torch.Tensor)}
    blamed = f"^({'|'.join(tensors)}) must "
    if name == "sparse_linear":
        del tensors["x"]  # of any axes
    of_any_type = {"one_hot_kernel": {"weight"}, "sparse_linear": {"weight"}}.get(name, {"threshold", "leak"})
    for key, value in tensors.items():
        odd = [value[None], value[..., :2] if value.dim() else value.repeat(2)]
        types = (torch.complex64, torch.bool, torch.float64, torch.float16)
        odd += [value.to(dtype) for dtype in types if key not in of_any_type]
        for one in odd:
            with pytest.raises(ValueError, match=blamed):
                kernel(**{**ARGUMENTS[kernel], key: one})


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64, torch.float8_e5m2])
@pytest.mark.parametrize("name", NAMES)
def test_all_of_a_type_that_is_no_number_is_refused(name, dtype):
    if name == "sparse_linear":
        pytest.skip("Linear checks its input")
    kernel = NAMES[name]
    with pytest.raises(ValueError, match="must be a dense tensor of one of torch.float32, "):
        kernel(**cast(ARGUMENTS[kernel], dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_another_type_give_their_own_or_are_refused(name, dtype):
    kernel = NAMES[name]
    try:
        y = first(kernel(**cast(ARGUMENTS[kernel], dtype)))
    except ValueError as error:
        assert (
            dtype != torch.float64
            and str(error).startswith("x must be ")
            and "float32 or float64" in str(error)
        )
        return
    assert y.dtype == dtype
    off = (y.double() - first(kernel(**ARGUMENTS[kernel])).double()).abs() > 0.1
    assert off.double().mean() < 0.05  # a spike at the threshold may differ


def cast(arguments: Arguments, dtype: torch.dtype) -> Arguments:
    """Give the arguments with all their numbers in another type, whole ones apart."""
    return {
        key: value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for key, value in arguments.items()
    }


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize(
    "name", [n for n, k in NAMES.items() if "x" in ARGUMENTS[k] and "normalise" not in n]
)
def test_no_steps_or_no_samples_give_nothing_and_zero_gradients(name, steps):
    kernel, batch = NAMES[name], 3 if steps == 0 else 0
    given = {
        key: value.detach().clone().requires_grad_()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for key, value in ARGUMENTS[kernel].items()
    }
    given["x"] = torch.zeros(steps, batch, 4, requires_grad=True)
    if "v" in given:
        given["v"] = torch.rand(batch, 4)
    if "lengths" in given:
        given["lengths"] = torch.zeros(batch, dtype=torch.int64)
    made = kernel(**given)
    y = first(made)
    assert y.shape[:2] == (steps, batch) and y.shape[2] == first(kernel(**ARGUMENTS[kernel])).shape[2]
    if isinstance(made, tuple):
        assert torch.equal(made[1], given["v"])
    if kernel is delayed_events:
        return  # without gradient
    y.sum().backward()
    for value in given.values():
        if isinstance(value, torch.Tensor) and value.requires_grad:
            assert value.grad is not None and not value.grad.any()


BEYOND = [math.nan, math.inf, -math.inf, -3.0, 1e6]


@pytest.mark.parametrize("value", BEYOND)
@pytest.mark.parametrize("name", [n for n, k in NAMES.items() if {"delay", "position"} & {*ARGUMENTS[k]}])
def test_delays_beyond_their_range_are_refused(name, value):
    kernel = NAMES[name]
    key = "delay" if "delay" in ARGUMENTS[kernel] else "position"
    odd = ARGUMENTS[kernel][key].clone()
    odd[2, 1] = value - (key == "position")
    rule = "in -3..3|in 0..6|in 1..6" if math.isfinite(value) else "finite"
    with pytest.raises(ValueError, match=rf"^{key}\[2, 1\] must be ({rule}), got "):
        kernel(**{**ARGUMENTS[kernel], key: odd})


@pytest.mark.parametrize("value", [-1, -3, -(2**63)])
def test_whole_delays_are_not_negative(value):
    delays = torch.full((5, 4), value)
    for kernel in (delayed_events, one_hot_kernel):
        with pytest.raises(ValueError, match=rf"^delays\[0, 0\] must be (>= 0|in 0..6), got {value}$"):
            kernel(**{**ARGUMENTS[kernel], "delays": delays})


def test_a_delay_beyond_the_end_never_arrives():
    """A sum with the largest whole number would wrap to a step before the first."""
    far = {**ARGUMENTS[delayed_events], "delays": torch.full((5, 4), 2**63 - 1)}
    assert not delayed_events(**far).any()


@pytest.mark.parametrize("lengths", [[9, 10, 0], [9, -1, 0], [9, 2**40, 0]])
@pytest.mark.parametrize("name", [n for n, k in NAMES.items() if "lengths" in ARGUMENTS[k]])
def test_lengths_beyond_the_steps_are_refused(name, lengths):
    kernel = NAMES[name]
    with pytest.raises(ValueError, match=f"^lengths must be in 0..9, the steps of x, got {lengths[1]}"):
        kernel(**{**ARGUMENTS[kernel], "lengths": torch.tensor(lengths)})


@pytest.mark.parametrize("value", [0, -1, 2.5, math.nan, True, "6"])
@pytest.mark.parametrize("name", [n for n, k in NAMES.items() if {"max_delay", "taps"} & {*ARGUMENTS[k]}])
def test_a_largest_delay_is_a_whole_number(name, value):
    kernel = NAMES[name]
    key = "taps" if "taps" in ARGUMENTS[kernel] else "max_delay"
    with pytest.raises(ValueError, match=f"^{key} must be a whole number"):
        kernel(**{**ARGUMENTS[kernel], key: value})


def test_marks_are_truth_values():
    for odd in (torch.tensor([0, 5]), torch.ones(2, 2, dtype=torch.bool), torch.tensor([0.0, math.nan])):
        with pytest.raises(ValueError, match=r"learns must be None or bool \[T\]"), local_in_time(odd):
            learning_steps(2)
        with pytest.raises(ValueError, match="learns must mark the steps"):
            lif(tensor(2, 3, 4), tensor(3, 4), OPTIONS, learns=odd)


def test_more_sums_than_32_bits_number_are_refused():
    with pytest.raises(MemoryError, match="5 steps and delays of up to 300000000 take"):
        TwoTapLayout(torch.zeros(3, 4, dtype=torch.int64), 5, 300_000_000)


def test_a_batch_without_a_valid_step_has_no_statistics():
    for kernel in (normalise, normalise_fused, normalise_reference):
        with pytest.raises(ValueError, match="lengths must be above 0 for one sample at least"):
            kernel(**{**ARGUMENTS[kernel], "lengths": torch.zeros(3, dtype=torch.int64)})
