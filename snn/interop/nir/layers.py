"""Read a NIR graph that is a chain as layers of `snn.nn`, to train on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from snn.core import LIFParams, LIParams
from snn.core.arrays import Float64Array, PathLike
from snn.core.checks import refusal
from snn.core.units import delay_steps
from snn.interop.nir.graph import Graph, Node, load_graph, naming_source
from snn.interop.nir.network import input_shape, reading
from snn.interop.nir.neurons import NEURONS, IfGain, Integrate, Reading, Receiver, Reset, receiver
from snn.interop.nir.sums import padding_of, weighted_sum

if TYPE_CHECKING:
    from snn.nn import Layer, Sequential

__all__ = ["layers"]


def layers(
    source: PathLike | Any,
    dt_ms: float | None,
    *,
    integrate: Integrate | None = None,
    if_gain: IfGain | None = None,
    reset: Reset | None = None,
) -> Sequential:
    """Read a NIR chain as a model in float64: weights, neurons, weights, ..., recurrence of neurons to themselves.

    Factors that a layer does not have (r, w_in, a Scale, a SumPool2d) are multiplied into the weights beside it, so
    the model has fewer numbers than the graph and the same spikes.

    Args:
        source: The file, or a graph of the `nir` package.
        dt_ms: Length of a step, ms; None only for what `write` wrote.
        integrate: As in `read`.
        if_gain: As in `read`.
        reset: As in `read`.

    Returns:
        The model; it counts in steps of `dt_ms`. Append `model.tail_steps` silent steps to its input.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no NIR, no chain, or says what no layer here does; `read` may make a network of it.
    """
    from snn.nn import Sequential

    with naming_source(source):
        graph = load_graph(source)
        chain = _Chain(graph, reading(graph, dt_ms, integrate, if_gain, reset))
        return Sequential(*chain.layers).double()


class _Chain:
    """Go along a chain and make its layers.

    Attributes:
        layers: The layers so far.
    """

    def __init__(self, graph: Graph, how: Reading) -> None:
        self._graph, self._how = graph, how
        self.layers: list[Layer] = []
        self._weights: Any = None  # the last layer with weights, if no neurons came since
        self._factor = 1.0  # what the next weights are to be multiplied by
        self._delay: Float64Array | None = None  # of units before the next weights, s
        self._shape: tuple[int, ...] = ()
        for node, loop in _in_a_row(graph):
            self._append(node, loop)
        if self._factor != 1.0 or self._delay is not None:
            raise refusal("the chain", "with weights behind a SumPool2d or Delay", list(graph.nodes))

    def _append(self, node: Node, loop: Node | None) -> None:
        if node.kind == "Input":
            self._shape = input_shape(self._graph, node.name)
        elif node.kind in NEURONS:
            self._neurons(node, loop)
        elif node.kind == "Delay":
            self._hold_back(node)
        elif node.kind == "Scale" and self._weights is not None:
            self._scale(weighted_sum(node, self._shape).weight.diagonal())
        else:
            self._sum(node)

    def _sum(self, node: Node) -> None:
        """Add a layer that is a weighted sum."""
        from snn import nn

        shape, self._shape = self._shape, weighted_sum(node, self._shape).shape
        if node.kind in ("Output", "Identity"):
            return
        if node.kind == "Flatten":
            self.layers.append(nn.Flatten())
        elif node.kind in ("AvgPool2d", "SumPool2d"):
            size, stride, pad = (_pair(node.array(name)) for name in ("kernel_size", "stride", "padding"))
            self.layers.append(nn.AvgPool2d(size, stride, pad))
            self._factor *= size[0] * size[1] if node.kind == "SumPool2d" else 1
        elif node.kind in ("Affine", "Linear"):
            self._connect(node)
        elif node.kind == "Conv2d":
            self._convolve(node, shape)
        else:
            raise refusal(f"{node}", "a layer of snn.nn (read it as a network)", node.kind)

    def _connect(self, node: Node) -> None:
        """Add weights between all units, with the delay of senders if there is one."""
        from snn import nn

        weight = node.array("weight") * self._factor
        bias = node.array("bias") if node.kind == "Affine" else None
        if self._delay is None:
            self._weights = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        else:
            if bias is not None and bias.any():
                raise refusal(f"{node}: bias", "0 beside a Delay, as DelayLinear has none", bias)
            self._weights, bias = _delayed(weight, self._delay, self._how.dt_ms, "axonal"), None
        _fill(self._weights, weight, bias)
        self._factor, self._delay = 1.0, None
        self.layers.append(self._weights)

    def _convolve(self, node: Node, shape: tuple[int, ...]) -> None:
        """Add a convolution."""
        from snn import nn

        weight, bias = node.array("weight"), node.array("bias")
        out, groups = weight.shape[0], node.whole("groups", low=1)
        stride, dilation = (_pair(node.array(name)) for name in ("stride", "dilation"))
        pads = padding_of(node, weight.shape[2:], stride, dilation, flat=False)
        if any(before != behind for before, behind in pads):
            raise refusal(f"{node}: padding", "as much before as behind, in a layer", pads)
        padding = (pads[0][0], pads[1][0])
        options: dict[str, Any] = {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        self._weights = nn.Conv2d(shape[0], out, weight.shape[2:], bias=bool(bias.any()), **options)
        _fill(self._weights, weight * self._factor, bias if bias.any() else None)
        self._factor = 1.0
        self.layers.append(self._weights)

    def _hold_back(self, node: Node) -> None:
        """Keep a delay for the weights that follow, or give it to those that came."""
        from snn import nn

        delay = node.array("delay").reshape(-1)
        if self._weights is None:
            self._delay = delay
        elif isinstance(self._weights, nn.Linear) and self._weights.bias is None:
            weight = self._weights.weight.detach().double().numpy()
            self._weights = self.layers[-1] = _delayed(weight, delay, self._how.dt_ms, "dendritic")
            _fill(self._weights, weight, None)
        else:
            raise refusal(
                f"{node}", "before or behind weights of a Linear node", type(self._weights).__name__
            )

    def _scale(self, factor: Any) -> None:
        """Multiply what the last weights give, by a number or one per unit."""
        import torch

        with torch.no_grad():
            for values in (self._weights.weight, getattr(self._weights, "bias", None)):
                if values is not None:
                    by = torch.as_tensor(factor, dtype=values.dtype)
                    values.mul_(by.reshape(-1, *[1] * (values.dim() - 1)) if by.dim() else by)

    def _neurons(self, node: Node, loop: Node | None) -> None:
        """Add neurons, and the weights from them to themselves."""
        from snn import nn

        what = receiver(node, self._how)
        if what.shape != self._shape:
            raise refusal(f"what feeds {node}", f"of its shape, {list(what.shape)}", list(self._shape))
        factor = _factor(node, what)
        if self._weights is None:
            self._sum(Node(f"{node.name}.in", "Linear", {"weight": np.eye(int(np.prod(what.shape)))}, {}))
        self._scale(factor)
        self._weights = None
        options = _options(node, what.neuron)
        if isinstance(what.neuron, LIParams):
            self.layers.append(nn.LeakyReadout(**options))
        elif loop is None:
            self.layers.append(nn.LIF(**options))
        else:
            self._loop(node, loop, factor, options)

    def _loop(self, node: Node, loop: Node, factor: float, options: dict[str, Any]) -> None:
        """Add neurons that reach themselves a step later."""
        from snn import nn

        done = weighted_sum(loop, self._shape)
        if done.shape != self._shape or (done.bias is not None and done.bias.any()):
            raise refusal(f"{loop}", f"without bias, from {node} to itself", list(done.shape))
        neurons = nn.RecurrentLIF(int(np.prod(self._shape)), 1, "fixed", **options)
        weight = done.weight if isinstance(done.weight, np.ndarray) else done.weight.toarray()
        _fill(neurons, weight.T * factor, None)
        self.layers.append(neurons)


def _in_a_row(graph: Graph) -> Iterator[tuple[Node, Node | None]]:
    """Give the nodes from the input on, each with the weights from it to itself.

    Raises:
        ValueError: The graph is no chain.
    """
    starts = [name for name, node in graph.nodes.items() if node.kind == "Input"]
    if len(starts) != 1:
        raise refusal("the graph", "a chain from one input (read it as a network)", starts)
    name, seen = starts[0], 0
    while True:
        after = [b for a, b in graph.edges if a == name]
        loops = [b for b in after if [c for a, c in graph.edges if a == b] == [name]]
        seen += 1 + len(loops)
        onward = [b for b in after if b not in loops]
        if len(loops) > 1 or len(onward) > 1:
            raise refusal("the graph", "a chain (read it as a network)", f"{name!r} to {', '.join(after)}")
        yield graph.nodes[name], graph.nodes[loops[0]] if loops else None
        if not onward:
            break
        name = onward[0]
    if seen != len(graph.nodes):
        raise refusal(
            "the graph", "a chain (read it as a network)", f"{len(graph.nodes)} nodes, {seen} in a row"
        )


def _pair(values: Float64Array) -> tuple[int, int]:
    flat = np.ravel(values).astype(int).tolist()
    return flat[0], flat[-1]


def _fill(layer: Any, weight: Float64Array, bias: Float64Array | None) -> None:
    """Put weights into a layer, as float64."""
    import torch

    layer.double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(bias))


def _delayed(weight: Float64Array, delay_s: Float64Array, dt_ms: float, sharing: Any) -> Any:
    """Make a connection with a delay per sender or receiver, in whole steps."""
    import torch

    from snn import nn

    steps = delay_steps(delay_s * 1000.0, dt_ms)
    longest = max(2, int(steps.max() + steps.max() % 2))
    layer = nn.DelayLinear(weight.shape[1], weight.shape[0], longest, "fixed", sharing=sharing)
    with torch.no_grad():
        place = torch.from_numpy(layer.centre - steps).to(layer.position.dtype)
        layer.position.copy_(place.reshape(layer.position.shape))
    return layer


def _factor(node: Node, what: Receiver) -> float:
    """Give what arrivals are multiplied by where the layer has no such factor."""
    scale = 1.0 if what.neuron.decay_input else what.neuron.input_scale
    factor = np.unique(
        (1.0 if what.gain is None else what.gain) * (1.0 if scale is None else np.asarray(scale))
    )
    if factor.size != 1:
        raise refusal(f"{node}: r and w_in", "the same for all neurons of a layer", factor.tolist())
    return float(factor[0])


def _options(node: Node, neuron: LIFParams | LIParams) -> dict[str, Any]:
    """Give the arguments of the layer, in steps."""
    names = ["decay", "input_scale", "v_rest", "syn_decay"]
    names += ["v_th", "v_reset"] if isinstance(neuron, LIFParams) else []
    values = {name: getattr(neuron, name) for name in names}
    for name, value in values.items():
        if np.ndim(value):
            raise refusal(f"{node}: {name}", "the same for all neurons of a layer", value)
    share = 1.0 - values["decay"]
    if neuron.decay_input and values["input_scale"] is not None:
        share = values["input_scale"]
    found: dict[str, Any] = {"decay_input": neuron.decay_input, "v_leak": values["v_rest"]}
    found |= {} if values["syn_decay"] is None else {"syn_leak": values["syn_decay"]}
    if isinstance(neuron, LIParams):
        if share <= 0.0:
            raise refusal(f"{node}", "a membrane that leaks, as LeakyReadout does", node.kind)
        return found | {"tau": 1.0 / share}
    found |= {"tau": 1.0 / share} if neuron.decay_input else {"leak": values["decay"]}
    spikes = {
        "v_th": values["v_th"],
        "v_reset": values["v_reset"],
        "reset": neuron.reset,
        "fires": neuron.fires,
    }
    return found | spikes | {"spikes": neuron.spikes}
