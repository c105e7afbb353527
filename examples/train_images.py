"""Train on still images with a convolutional spiking net: what `snn train images` does, as a script to change.

    python examples/train_images.py [--data PATH] [--epochs 15] [--method bptt|sltt|ottt] [--k 1] [--steps 6] ...

Without --data it is Fashion-MNIST (Debian package dataset-fashion-mnist). PATH is a folder or zip with MNIST's
idx files, or with train/<class>/* and test/<class>/* of images, as CIFAR is often kept. All options: --help.
"""

from __future__ import annotations

import sys

from snn.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "images", *sys.argv[1:]]))
