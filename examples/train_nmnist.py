"""Train on N-MNIST with a convolutional spiking net: what `snn train nmnist` does, as a script to change.

    python examples/train_nmnist.py --data PATH [--epochs 30] [--method bptt|sltt|ottt] [--k 2] [--steps 10] ...

PATH is a folder or zip with Train/<digit>/*.bin and Test/<digit>/*.bin; get it with `snn data fetch nmnist`.
All options: --help.
"""

from __future__ import annotations

import sys

from snn.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "nmnist", *sys.argv[1:]]))
