"""Which form runs, and which one memory is kept for."""

from __future__ import annotations

import pytest
import torch

from snn.kernels import dispatch
from snn.kernels.dispatch import apply, fused_or_reference
from snn.kernels.lif import Spike, lif
from snn.kernels.lif_options import LIFOptions
from snn.kernels.surrogate import Surrogate


def fused() -> str:
    return "fused"


def reference() -> str:
    return "reference"


@pytest.mark.parametrize(
    ("x", "others", "form"),
    [
        (torch.ones(2, dtype=torch.float32), [], "fused"),
        (torch.ones(2, dtype=torch.float64), [torch.ones(1, dtype=torch.float64)], "fused"),
        (torch.ones(2, dtype=torch.float64), [torch.ones(1, dtype=torch.float32)], "reference"),
        (torch.ones(2, dtype=torch.bfloat16), [], "reference"),
        (torch.ones(2, dtype=torch.int64), [], "reference"),
        (torch.ones(0, 3), [], "reference"),
        (torch.ones(2, device="meta"), [], "reference"),
    ],
)
def test_compiled_loops_run_where_they_can(x: torch.Tensor, others: list[torch.Tensor], form: str) -> None:
    assert fused_or_reference(fused, reference, x, *others)() == form


def test_memory_is_kept_for_passes_that_keep_a_graph_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(dispatch, "_training_began", False)
    monkeypatch.setattr(dispatch, "keep_free_memory", lambda: calls.append(True))
    x, v = torch.ones(3, 2, 4), torch.zeros(2, 4)
    lif(x, v, LIFOptions())
    with torch.no_grad():
        lif(x.clone().requires_grad_(), v, LIFOptions())
    assert not calls
    assert not apply(Spike, x, Surrogate(), False).requires_grad and not calls
    for _ in range(2):
        z, _ = lif(x.clone().requires_grad_(), v, LIFOptions())
        assert z.requires_grad and calls == [True]  # the first pass alone asks for it
