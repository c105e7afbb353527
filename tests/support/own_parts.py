"""What a user brings to training: data in memory, losses, a score, an optimiser, something done to gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.nn import LIF, BatchNorm, Dropout, LeakyReadout, Linear, RecurrentLIF, Sequential
from snn.train import LOSSES, SCORES, Loss, register_loss, register_score


def own_network(outputs: int = 3, seed: int = 0) -> Sequential:
    torch.manual_seed(seed)
    neuron = {"decay_input": False, "v_th": 0.5}
    return Sequential(
        Linear(6, 12),
        BatchNorm(12, over="step"),
        LIF(1.5, **neuron),
        Dropout(0.2),
        RecurrentLIF(12, 3, tau=1.5, **neuron),
        Linear(12, outputs),
        LeakyReadout(2.0),
    )


class Items(torch.utils.data.Dataset):
    """Items (x [T, N], label) of different lengths, as a map; labels are of one kind.

    Kinds: "class" [], "step class" [T], "value" [2], "step value" [T, 2].
    """

    def __init__(self, kind: str = "class", samples: int = 40, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.items: list[tuple[Any, Any]] = []
        for _ in range(samples):
            steps, label = int(rng.integers(8, 13)), int(rng.integers(0, 3))
            x = (rng.random((steps, 6)) < 0.2 + 0.2 * label).astype(np.float32)
            labels = {
                "class": label,
                "step class": rng.integers(0, 3, steps),
                "value": np.array([label, -label], dtype=np.float32),
                "step value": rng.normal(size=(steps, 2)),
            }
            self.items.append((x, labels[kind]))
        self.labels = np.array([np.sum(label) for _, label in self.items])

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.items[index]


def collate(items: list[tuple[Any, Any]]) -> tuple[Tensor, Tensor, Tensor]:
    """Put items together as x [T, B, N], lengths [B] and labels [B, ...] or [T, B, ...]."""
    steps = [len(x) for x, _ in items]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(x) for x, _ in items])
    labels = [torch.as_tensor(label) for _, label in items]
    per_step = all(label.dim() and len(label) == n for label, n in zip(labels, steps, strict=True))
    together = torch.nn.utils.rnn.pad_sequence(labels) if per_step else torch.stack(labels)
    return padded, torch.tensor(steps), together


def loader(kind: str = "class", seed: int = 0, **options: Any) -> torch.utils.data.DataLoader:
    """Items of one kind in batches of ten; shuffled by a generator unless said otherwise."""
    if not options:
        options = {"shuffle": True, "generator": torch.Generator()}
    return torch.utils.data.DataLoader(Items(kind, seed=seed), batch_size=10, collate_fn=collate, **options)


def step_margin(y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
    """Hinge of every step, for classes [B] or [T, B]."""
    classes = (label if label.dim() == 2 else label.expand(len(y), -1)).clamp(min=0)
    right = y.gather(2, classes[:, :, None])
    other = y.scatter(2, classes[:, :, None], -torch.inf).amax(2)
    return (1 - right[:, :, 0] + other).relu().where(valid, 0.0)


def absolute_error(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    """Mean distance of the last valid output from a target [B, C]."""
    last = y[lengths - 1, torch.arange(y.shape[1])]
    return (last - label).abs().mean(1)


def steadiness(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    """Be the larger, the less outputs move: [B]."""
    return -y.diff(dim=0).abs().mean((0, 2))


def register_parts() -> None:
    """Register the losses and the score above, once."""
    if "own_step" not in LOSSES:
        register_loss("own_step", Loss(score=lambda y, lengths: y.sum(0), of_steps=step_margin))
        register_loss("own_regression", Loss(of_sequence=absolute_error))
    if "steadiness" not in SCORES:
        register_score("steadiness", steadiness)


class Signed(torch.optim.Optimizer):
    """Step by the sign of an average; its state holds number types that are not the parameters'."""

    def __init__(self, groups: Any) -> None:
        super().__init__(groups, {"lr": 1e-3})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            group["done"] = group.get("done", 0) + 1
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state |= {
                        "average": torch.zeros_like(p, dtype=torch.float64),
                        "count": torch.tensor(0),
                        "past": (0.0, [torch.tensor(16777217)]),  # as float32 it would be another number
                    }
                state["average"] += 0.1 * (p.grad.double() - state["average"])
                state["count"] += 1
                state["past"] = (state["past"][0] + 0.1, [state["past"][1][0] + 1])
                shrink = 1 / (1 + state["past"][0] + 1e-9 * (state["past"][1][0].item() % 1000))
                p -= (group["lr"] * shrink * state["average"].sign()).to(p.dtype)


class Momentum:
    """Mix every gradient with those before; keeps a state of tensors and numbers, and looks at the model first."""

    def __init__(self) -> None:
        self.mean: dict[str, Tensor] = {}
        self.calls, self.checked = 0, 0

    def check(self, model: Any, config: Any) -> None:
        assert self.calls == 0 and config.epochs
        self.checked += 1

    def __call__(self, model: torch.nn.Module) -> None:
        self.calls += 1
        for name, p in model.named_parameters():
            if p.grad is not None:
                self.mean[name] = 0.5 * self.mean.get(name, torch.zeros_like(p)) + p.grad
                p.grad.copy_(self.mean[name] / (1 + 0.01 * self.calls))

    def state_dict(self) -> dict[str, Any]:
        return {**self.mean, "calls": self.calls, "note": ["half", None]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert state.pop("note") == ["half", None]
        self.calls = state.pop("calls")
        self.mean = state
