#!/usr/bin/env bash
# Guess: in SpikingJelly's OTTTSequential a layer between neurons does the same to spikes and to their traces; its
#   documentation says so ("the same operations for spike and trace, such as Dropout"). Gradients of the weights that
#   follow are formed with the trace in the place of the spikes, so what is dropped in the one must be in the other.
# What happens: the layer is called twice in a step, first on the spikes, then on the trace. Dropout draws a mask of
#   its own for each: half of the entries are dropped in one and not in the other. BatchNorm normalises the trace by
#   statistics of the trace, and both calls move its running statistics, so that what evaluation uses is a mixture of
#   spikes and traces. Nothing is said; training goes on.
# Version: spikingjelly 2.0.0, torch 2.13.0.
# Source: spikingjelly/activation_based/layer, OTTTSequential and SpikeTraceOp, and this run.
# Exits with 0 while it is so, and with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6 scipy==1.17.1 tqdm==4.67.1 packaging loguru
"$folder/venv/bin/pip" install -q --no-deps spikingjelly==2.0.0  # its torchvision would bring another torch in
"$folder/venv/bin/python" - <<'EOF' 2>/dev/null
import sys
from importlib.metadata import version

import torch
from spikingjelly.activation_based import layer, neuron


def net(middle):
    """A hidden layer of neurons, then the layer under test, then weights."""
    parts = torch.nn.Linear(4, 8), neuron.OTTTLIFNode(2.0), middle, torch.nn.Linear(8, 3)
    return layer.OTTTSequential(*parts).train()


torch.manual_seed(0)
x = torch.randn(4000, 4) * 3
seen = []
dropout = torch.nn.Dropout(0.5)
dropout.register_forward_hook(lambda _, given, made: seen.append((given[0] != 0, made != 0)))
net(dropout)(x)
(spikes, kept_spikes), (traces, kept_traces) = seen
both = spikes & traces
differ = (kept_spikes != kept_traces)[both].float().mean().item()

norm = torch.nn.BatchNorm1d(8)
model = net(norm)
for _ in range(3):
    model(x)
updates = int(norm.num_batches_tracked)

print(f"spikingjelly {version('spikingjelly')}, torch {torch.__version__}")
print(f"Dropout(0.5), one step: {differ:.3f} of {int(both.sum())} entries dropped for spikes or trace alone (0 expected)")
print(f"BatchNorm1d, 3 steps: running statistics moved {updates} times (3 expected)")
sys.exit(0 if differ > 0.4 and updates == 6 else 1)
EOF
