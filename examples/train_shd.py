"""Train on spoken words in SHD's layout: what `snn train shd` does, as a script to change.

    python examples/train_shd.py --data PATH [--epochs 150] [--batch-size 256] [--delays learned|fixed|none] ...

The settings of Hammouamri et al., 2023 (`snn.recipes.shd.PAPER`), on the official files:
--epochs 150 --batch-size 256 --binning restart. Get them with `snn data fetch shd`, then
give their folder as --data. All options: --help.
"""

from __future__ import annotations

import sys

from snn.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "shd", *sys.argv[1:]]))
