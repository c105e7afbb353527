"""NIR graphs run step by step, in the plainest way: what the reader's networks are held against."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F


def closing(graph):
    """Edges that close a cycle, found depth first from the inputs; those into a Delay are not followed."""
    after = {}
    for a, b in graph.edges:
        if type(graph.nodes[b]).__name__ != "Delay":
            after.setdefault(a, []).append(b)
    found, done = [], set()

    def visit(name, path):
        if name in done:
            return
        for other in after.get(name, []):
            if other in (*path, name):
                found.append((name, other))
            else:
                visit(other, (*path, name))
        done.add(name)

    named = [end for edge in graph.edges for end in edge]
    inputs = [name for name in named if type(graph.nodes[name]).__name__ == "Input"]
    for name in [*inputs, *named]:
        visit(name, ())
    return found


def run(graph, dt_s, given, exact=False, bias_first=True):
    """Spikes (membranes of integrators) of every node that has some, each [T, ...]; no nested graphs."""
    steps = len(next(iter(given.values())))
    late = set(closing(graph))
    held = {name: [] for name in graph.nodes}  # what came out of each node, step by step
    state = {}
    for t in range(steps):
        now = {}

        def out(name, now=now, t=t):
            if name not in now:
                now[name] = None  # a cycle without a step would come here again
                node = graph.nodes[name]
                kind = type(node).__name__
                if kind == "Input":
                    now[name] = given[name][t]
                elif kind == "Delay":
                    past = np.rint(node.delay / dt_s).astype(int)
                    now[name] = np.array(
                        [held[name, "in"][t - d][i] if 0 < d <= t else 0.0 for i, d in np.ndenumerate(past)]
                    ).reshape(past.shape)
                    if (past == 0).any():
                        now[name] = np.where(past == 0, arriving(name), now[name])
                else:
                    now[name] = step(node, kind, arriving(name), state.setdefault(name, {}), dt_s, exact)
            assert now[name] is not None, f"{name} feeds itself within a step"
            return now[name]

        def arriving(name, t=t):
            total = 0.0
            for a, b in graph.edges:
                if b == name:
                    if (a, b) not in late:
                        total = total + out(a)
                    elif t > 0:
                        total = total + held[a][t - 1]
                    elif bias_first and type(graph.nodes[a]).__name__ == "Affine":
                        total = total + graph.nodes[a].bias
            return total

        for name, node in graph.nodes.items():
            if type(node).__name__ != "Delay":
                held[name].append(out(name))
        for name, node in graph.nodes.items():  # what comes to a delay may come from behind it
            if type(node).__name__ == "Delay":
                held.setdefault((name, "in"), []).append(np.broadcast_to(arriving(name), node.delay.shape))
                held[name].append(out(name))
    return {name: np.array(values) for name, values in held.items() if isinstance(name, str)}


def step(node, kind, x, s, dt, exact):
    """Move a node by a step: `s` is its state."""
    if kind in ("Affine", "Linear"):
        return node.weight @ x + getattr(node, "bias", 0.0)
    if kind == "Scale":
        return x * node.scale
    if kind == "Flatten":
        return x.reshape(-1)
    if kind == "Output":
        return x
    if kind == "Conv2d":
        w, b = torch.as_tensor(node.weight), torch.as_tensor(node.bias)
        options = {"stride": node.stride, "padding": node.padding, "dilation": node.dilation}
        return F.conv2d(torch.as_tensor(x)[None], w, b, groups=node.groups, **options)[0].numpy()
    if kind == "Conv1d":
        w, b = torch.as_tensor(node.weight), torch.as_tensor(node.bias)
        options = {"stride": node.stride, "padding": node.padding, "dilation": node.dilation}
        return F.conv1d(torch.as_tensor(x)[None], w, b, groups=node.groups, **options)[0].numpy()
    if kind in ("AvgPool2d", "SumPool2d"):
        size, stride, pad = (
            tuple(np.ravel(a).tolist()) for a in (node.kernel_size, node.stride, node.padding)
        )
        mean = F.avg_pool2d(torch.as_tensor(x)[None], size, stride, pad)[0].numpy()
        return mean * (size[0] * size[1] if kind == "SumPool2d" else 1)
    return neuron(node, kind, x, s, dt, exact)


def neuron(node, kind, x, s, dt, exact):
    """Move neurons by a step: the equations of NIR, by Euler or with the input held."""

    def share(tau):
        return -np.expm1(-dt / tau) if exact else dt / tau

    if kind == "Threshold":
        return (x > node.threshold).astype(float)
    if kind in ("CubaLIF", "CubaLI"):
        i = s.get("i", 0.0)
        s["i"] = i + share(node.tau_syn) * (node.w_in * x - i)
        x = s["i"]
    if kind in ("I", "IF"):
        v = s.get("v", 0.0) + node.r * dt * x
    else:
        tau = node.tau_mem if kind.startswith("Cuba") else node.tau
        v = s.get("v", node.v_leak)
        v = v + share(tau) * (node.v_leak - v + node.r * x)
    z = v > getattr(node, "v_threshold", np.inf)
    s["v"] = np.where(z, getattr(node, "v_reset", 0.0), v)
    return z.astype(float) if kind in ("LIF", "IF", "CubaLIF") else v
