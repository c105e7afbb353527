"""Write a network as NIR: exactly, or refused by name; `lossy` drops what NIR cannot hold, and says so."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from snn.core import Network
from snn.core.arrays import PathLike
from snn.core.checks import flag, refusal, shown
from snn.core.files.whole import write_whole
from snn.interop.nir.written_graph import WrittenGraph
from snn.interop.nir.written_neurons import WrittenNeuron, style_of

__all__ = ["write"]


def write(
    network_or_model: Any,
    path: PathLike,
    *,
    lossy: bool = False,
    dt_ms: float | None = None,
    shape: Any = None,
) -> tuple[str, ...]:
    """Write a network, or a model of `snn.nn`, as a NIR file.

    A projection becomes an Affine or Linear node of its name, its delays Delay nodes before and behind it. `read`
    gives the same network again, by what stands in the graph's metadata; other readers see what NIR can say.

    Args:
        network_or_model: A `Network`, or a model that `snn.nn.to_network` takes.
        path: File to write.
        lossy: Whether what NIR cannot hold is dropped, rather than refused. Dropped are refractory time, adapting
            thresholds, plasticity and noise; soft and late resets are written as NIR's hard one; a threshold that a
            spike may equal (">=") is written as the float32 before it.
        dt_ms: Length of a step of a model, ms; a network has its own.
        shape: Axes of a step's input (C, H, W), of a model over images.

    Returns:
        What was dropped: what each of these must be for NIR to hold it, and what it is.

    Raises:
        ModuleNotFoundError: The package `nir` is not installed.
        ValueError: NIR cannot hold the network; the message names the field.
        OSError: The file cannot be written.
    """
    nir, net = _package(), _network(network_or_model, dt_ms, shape)
    style = style_of(net)
    graph = WrittenGraph(net, style)
    lost = _lost(net, graph.neurons)
    if lost and not flag("lossy", lossy):
        raise ValueError(f"{lost[0]}; write with lossy=True to drop it ({len(lost)} of such)")
    nodes = {name: getattr(nir, kind)(**fields) for name, (kind, fields) in graph.nodes.items()}
    order = json.dumps([population.name for population in net.populations])
    said = {"dt": net.dt_ms / 1000.0, "if_gain": "time", "populations": order, **style._asdict()}
    buffer = io.BytesIO()
    written = nir.NIRGraph(nodes, graph.edges, metadata=said, type_check=False)
    nir.write(buffer, written, compression="gzip" if _sparse(graph) else None)
    write_whole(path, buffer.getbuffer())
    return tuple(lost)


def _sparse(graph: WrittenGraph) -> bool:
    """Tell whether most weights are 0: others would take longer to pack than is gained."""
    weights = [fields["weight"] for _, fields in graph.nodes.values() if "weight" in fields]
    filled = sum(int(np.count_nonzero(w)) for w in weights)
    return 2 * filled < sum(int(w.size) for w in weights)


def _package() -> Any:
    """Import the package."""
    try:
        import nir
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("nir is not installed: pip install nir") from error
    return nir


def _network(given: Any, dt_ms: float | None, shape: Any) -> Network:
    """Give a network, written from a model where it is one."""
    if isinstance(given, Network):
        if dt_ms is not None and dt_ms != given.dt_ms:
            raise refusal("dt_ms", f"that of the network, {given.dt_ms}, or None", dt_ms)
        return given
    from snn.nn import Layer, to_network  # brings torch in

    if not isinstance(given, Layer):
        raise TypeError(f"network must be a Network or a model of snn.nn, got {shown(given)}")
    if dt_ms is None:
        raise refusal("dt_ms", "given for a model, which counts in steps", None)
    return to_network(given, dt_ms, shape=shape)


def _lost(net: Network, neurons: dict[str, WrittenNeuron]) -> list[str]:
    """Say what NIR cannot hold."""
    found = [(field, name, rule, value) for name, one in neurons.items() for field, rule, value in one.lost]
    found += [
        ("plasticity", p.name, "None", p.plasticity) for p in net.projections if p.plasticity is not None
    ]
    found += [("noise", given.post, "none", "Poisson input") for given in net.noise]
    return [
        str(refusal(f"{field} of {name!r}", f"{rule} in NIR", value)) for field, name, rule, value in found
    ]
