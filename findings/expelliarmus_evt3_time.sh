#!/usr/bin/env bash
# Guess: expelliarmus reads the times of an EVT 3.0 recording as the format says: a TIME_HIGH word sets the upper 12 of
#   24 bits, a TIME_LOW word the lower 12, so an event's time is high x 4 096 + low microseconds.
# What happens: whenever the low half falls, which it does each time the high half moves on, the reader adds 4 096 us
#   on top of the new high half, and keeps them. Coordinates and polarities are right, times never fall and nothing is
#   said, but every 4.1 ms of a recording lasts 8.2 ms: rates halve, and filters and frames of a fixed width are wrong.
# Version: expelliarmus 1.1.12.
# Source: EVT 3.0 format, the camera maker's documentation (EVT_TIME_HIGH, EVT_TIME_LOW), and this run.
# Exits with 0 while it is so, and with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q expelliarmus==1.1.12 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/sample.raw" <<'EOF'
import sys
from importlib.metadata import version

import expelliarmus
import numpy as np

TIME_HIGH, TIME_LOW, ADDR_Y, ADDR_X = 0x8000, 0x6000, 0x0000, 0x2000
truth = np.arange(100, 40_000, 500)  # one event every 0.5 ms, for 40 ms
words, high = [ADDR_Y | 3], -1
for t in truth.tolist():
    if t >> 12 != high:
        high = t >> 12
        words.append(TIME_HIGH | high)
    words += [TIME_LOW | t & 0xFFF, ADDR_X | 7]
with open(sys.argv[1], "wb") as file:
    file.write(b"% evt 3.0\n% format EVT3;height=720;width=1280\n" + np.array(words, "<u2").tobytes())

reader = expelliarmus.Wizard(encoding="evt3")
reader.set_file(sys.argv[1])
read = reader.read()
wrong = int((read["t"] != truth).sum())
print(f"expelliarmus {version('expelliarmus')}")
print(f"events {len(read)} of {len(truth)}, x and y right: {bool((read['x'] == 7).all() and (read['y'] == 3).all())}")
print(f"times that are wrong: {wrong}; last one {read['t'][-1]} us, by the words of the file {truth[-1]} us")
sys.exit(0 if len(read) == len(truth) and wrong > 60 and read["t"][-1] > 1.8 * truth[-1] else 1)
EOF
