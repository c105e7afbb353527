"""Count what a network did: from a torch model on a batch, or from the counts of an engine run.

The two give the same integers for the same network and input, because both count the network, not the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from snn.core import Counts, Network, Recording
from snn.hardware.ledger.ledger import LayerCounts, Ledger

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

__all__ = ["count"]


@overload
def count(
    source: Module, given: Tensor, lengths: Tensor | None = None, *, inputs: Mapping[str, str] | None = None
) -> Ledger: ...
@overload
def count(source: Counts | Recording, given: Network) -> Ledger: ...


def count(source: Any, given: Any, lengths: Any = None, *, inputs: Any = None) -> Ledger:
    """Count spikes, synaptic events, neuron updates and delay traffic, layer by layer.

    Args:
        source: A model of `snn.nn`, which is run in evaluation; another torch model, which is counted through
            hooks; or the recording (or its counts) of an engine run.
        given: For a model its input [T, B, ...], whole numbers of spikes, to which `model.tail_steps` silent steps
            are appended; for another torch model its input [T, B, ...]; for a recording the network that ran. Time
            comes first: without `lengths` nothing tells steps from samples.
        lengths: For a model the valid steps of each sample [B], the tail not included; None is all of T.
        inputs: Declared inputs, see `count_steps`, which gives the same counts per time step and sample.

    Returns:
        One row of integers per projection, and per pooling layer.

    Raises:
        TypeError: Neither a model nor a recording, or `given` does not fit it.
        ValueError: The input is not what it is declared to be, a layer that cannot be counted (named), or counts of
            another network.
    """
    if isinstance(source, Recording | Counts):
        if not isinstance(given, Network):
            raise TypeError(f"given must be the network that ran, got {type(given).__name__}")
        return _of_run(source.counts if isinstance(source, Recording) else source, given)
    import torch

    if not isinstance(source, torch.nn.Module) or not isinstance(given, torch.Tensor):
        raise TypeError(
            "source and given must be (model, x [T, B, ...]) or (recording, network), got "
            f"({type(source).__name__}, {type(given).__name__})"
        )
    from snn.hardware.ledger.count_steps import count_steps

    return count_steps(source, given, lengths, inputs=inputs).ledger()


def _of_run(counts: Counts, net: Network) -> Ledger:
    """Turn the counts of an engine run into a ledger."""
    names = [projection.name for projection in net.projections]
    if set(counts.synaptic_events) != set(names):
        raise ValueError(
            "source and given must be of one network, got counts of projections "
            f"{', '.join(counts.synaptic_events)} and a network with {', '.join(names)}"
        )
    rows, seen = [], set()
    for projection in net.projections:
        name, pre, post = projection.name, projection.pre, projection.post
        synapses = net.synapses(name)
        neurons: dict[str, Any] = {}
        if post not in seen:  # a population is counted once, with the first projection into it
            neurons = {
                "output_spikes": counts.spikes[post],
                "updates_dense": counts.updates_dense[post],
                "updates_touched": counts.updates_touched[post],
            }
        seen.add(post)
        rows.append(
            LayerCounts(
                name,
                post,
                pre,
                n_pre=net.population(pre).size,
                n_post=net.population(post).size,
                synapses=len(synapses.weight),
                dense_synapses=net.population(pre).size * net.population(post).size,
                max_delay=int(synapses.delay_steps.max(initial=0)),
                samples=counts.samples,
                steps=counts.steps,
                input_spikes=counts.spikes[pre],
                synaptic_events=counts.synaptic_events[name],
                active_inputs=counts.active_inputs[name],
                macs=counts.macs[name],
                delay_writes=counts.delay_writes[name],
                delay_reads=counts.delay_reads[name],
                **neurons,
            )
        )
    return Ledger(tuple(rows))
