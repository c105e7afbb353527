"""Training by several processes: each takes a share of every batch, and gradients are averaged over samples.

Processes are torch's own (`torchrun`, `torch.distributed`). BatchNorm sees the share of its process in training;
after an epoch all have the running statistics of the first.
"""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn

from snn.core.checks import refusal
from snn.train.batches import Prepared

__all__ = [
    "add_up",
    "average_gradients",
    "connect",
    "count",
    "gather_samples",
    "largest",
    "own_share",
    "rank",
    "share_buffers",
]


def connect() -> None:
    """Connect this process with the others that `torchrun` started; alone, do nothing."""
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if _connected() else 0


def count() -> int:
    """How many processes there are."""
    return dist.get_world_size() if _connected() else 1


def own_share(batch: Prepared) -> Prepared:
    """Take this process's samples of a batch.

    Raises:
        ValueError: It has samples, but fewer than there are processes.
    """
    if 0 < len(batch.lengths) < count():
        raise refusal("samples of a batch", f">= {count()}, the number of processes", len(batch.lengths))
    mine = slice(rank(), None, count())
    label = batch.label[:, mine] if batch.per_step else batch.label[mine]
    return Prepared(batch.x[:, mine].contiguous(), batch.lengths[mine], label, batch.per_step)


def average_gradients(model: nn.Module, share: float) -> None:
    """Make every parameter's gradient the mean over all processes, each weighing its `share` of the batch."""
    if count() == 1:
        return
    for parameter in model.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad.mul_(share)
            dist.all_reduce(parameter.grad)


def share_buffers(model: nn.Module) -> None:
    """Give every process the first one's buffers, such as running statistics."""
    if count() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def add_up(*numbers: float) -> list[float]:
    """Add numbers over all processes."""
    if count() == 1:
        return list(numbers)
    total = torch.tensor(numbers, dtype=torch.float64)
    if dist.get_backend() == "nccl":
        total = total.cuda()
    dist.all_reduce(total)
    return [float(n) for n in total]


def largest(value: int) -> int:
    """Give the largest of a number over all processes."""
    if count() == 1:
        return value
    most = torch.tensor(value, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(most, dist.ReduceOp.MAX)
    return int(most)


def gather_samples(x: Tensor) -> Tensor:
    """Give the rows x [B, ...] of all processes, in the order that they had before `own_share`."""
    if count() == 1:
        return x
    longest = largest(len(x))
    padded = torch.cat([x, x.new_zeros(longest - len(x), *x.shape[1:])])
    there = (torch.arange(longest, device=x.device) < len(x)).to(torch.uint8)  # gloo gathers no bool
    padded = padded.to(torch.uint8) if x.dtype == torch.bool else padded
    rows = [torch.empty_like(padded) for _ in range(count())]
    kept = [torch.empty_like(there) for _ in range(count())]
    dist.all_gather(rows, padded)
    dist.all_gather(kept, there)
    return torch.stack(rows, 1).flatten(0, 1)[torch.stack(kept, 1).flatten().bool()].to(x.dtype)
