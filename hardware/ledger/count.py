"""Count what a network did: from a torch model on a batch, or from the counts of an engine run.

The two give the same integers for the same network and input, because both count the network, not the program.
A convolution is its kernel at every place, pooling the additions that it takes, dropout nothing; a weight of zero,
or one that normalisation multiplies by zero, is no synapse. What sums behind weights with no neurons between (a
convolution of a convolution, a mean of currents) is one layer in the engines, their product, and several in torch.
Models over images run in the number format that they have: `model.double()` counts as the engines run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from snn.core import Counts, Network, Population, Projection, Recording
from snn.hardware.ledger.ledger import DENSE_SHAPE, POOLED, LayerCounts, Ledger

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
    missing = [p.name for p in net.projections if len(p.layers) > 1 and not _passed(counts, p, 0)]
    if missing:
        raise ValueError(
            f"source must be counts of a run of given, got none of the layers of {', '.join(missing)}"
        )
    if set(counts.synaptic_events) != set(names):
        raise ValueError(
            "source and given must be of one network, got counts of projections "
            f"{', '.join(counts.synaptic_events)} and a network with {', '.join(names)}"
        )
    rows: list[LayerCounts] = []
    seen = set()
    pools: dict[str, LayerCounts] = {}
    for projection in net.projections:
        found = [_of_projection(counts, net, projection)]
        if len(projection.layers) > 1:
            found = _of_layers(counts, projection, found[0], pools)
        post = projection.post
        if post not in seen:  # a population is counted once, with the first projection into it
            i = [row.n_post for row in found].index(net.population(post).size)
            found[i] = replace(
                found[i],
                output_spikes=counts.spikes[post],
                updates_dense=counts.updates_dense[post],
                updates_touched=counts.updates_touched[post],
            )
        seen.add(post)
        rows += found
    for population in net.populations:
        if population.neuron is not None and population.name not in seen:
            rows.append(_alone(counts, population, {row.name for row in rows}))
    pooled = any(not layer.dense_weights for projection in net.projections for layer in projection.layers)
    return Ledger(tuple(rows), (POOLED,) if pooled else ())


def _alone(counts: Counts, population: Population, taken: set[str]) -> LayerCounts:
    """Give the row of neurons that no projection feeds: currents or noise may."""
    name = population.name
    return LayerCounts(
        name if name not in taken else f"{name} (neurons)",
        name,
        n_post=population.size,
        samples=counts.samples,
        steps=counts.steps,
        continued=counts.continued,
        output_spikes=counts.spikes[name],
        updates_dense=counts.updates_dense[name],
        updates_touched=counts.updates_touched[name],
    )


def _of_projection(counts: Counts, net: Network, projection: Projection) -> LayerCounts:
    """Give the row of a projection, without what the neurons did."""
    name, pre, post = projection.name, projection.pre, projection.post
    synapses = net.synapses(name)
    n_pre, n_post = net.population(pre).size, net.population(post).size
    shape: dict[str, Any] = {"dense_synapses": n_pre * n_post}
    macs = counts.macs[name]
    if len(projection.layers) == 1:
        (layer,) = projection.layers
        shape = {size: getattr(layer, size) for size in (*DENSE_SHAPE, "groups")}
        macs = macs if layer.dense_weights else 0
    return LayerCounts(
        name,
        post,
        pre,
        n_pre=n_pre,
        n_post=n_post,
        synapses=len(synapses.weight),
        max_delay=synapses.max_delay,
        samples=counts.samples,
        steps=counts.steps,
        continued=counts.continued,
        input_spikes=counts.spikes[pre],
        synaptic_events=counts.synaptic_events[name],
        active_inputs=counts.active_inputs[name],
        macs=macs,
        delay_writes=counts.delay_writes[name],
        delay_reads=counts.delay_reads[name],
        **shape,
    )


def _of_layers(
    counts: Counts, projection: Projection, whole: LayerCounts, pools: dict[str, LayerCounts]
) -> list[LayerCounts]:
    """Give a row for each layer that a projection was written from; the last one has its name.

    Args:
        counts: Counts of the run.
        projection: The projection.
        whole: Its row, were it no layers.
        pools: Rows of pooling by name so far, added to: what the projections to several receptors share is one.
    """
    rows, stem = [], projection.name.removesuffix(f".{projection.receptor}")
    for i, layer in enumerate(projection.layers):
        last = i == len(projection.layers) - 1
        n_pre, n_post = layer.links.shape
        fields: dict[str, Any] = {**_passed(counts, projection, i)}
        fields |= {size: getattr(layer, size) for size in (*DENSE_SHAPE, "groups")} | {"positions": None}
        name = projection.name if last else f"{stem}.pool{i + 1}"
        values = "counts" if i == 0 else "levels"
        fields |= {"n_pre": n_pre, "n_post": n_post, "synapses": layer.links.nnz, "values": values}
        row = replace(whole, name=name, **fields)
        if not last and pools.setdefault(name, row) != row:
            row = replace(row, name=f"{projection.name}.pool{i + 1}")
        elif not last and pools[name] is not row:
            continue
        rows.append(row)
    return rows


def _passed(counts: Counts, projection: Projection, i: int) -> dict[str, int]:
    """Give what passed through a layer; {} where the counts do not have it."""
    keys = {name: f"{projection.name}:{i}:{name}" for name in _PASSED}
    return {name: counts.layer_counts[key] for name, key in keys.items() if key in counts.layer_counts}


_PASSED = ("input_spikes", "synaptic_events", "active_inputs", "macs")
