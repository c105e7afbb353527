"""Named experiments: settings, data, model, run; what the command line and the examples call.

A recipe of `snn train` is one file here that makes a `Recipe`, and one line in table.py. The command reads these
files for every `--help`, so they load no torch: the rooms that need it are reached through `snn` (`snn.nn.Linear`),
which loads them when first used.
"""
