#!/usr/bin/env bash
# Guess: tonic.io.read_davis_346 gives the brightness changes of a DAVIS346 recording (AEDAT 2.0), and nothing else.
# What happens: that camera writes three kinds of words into one stream: changes (bit 31 is 0), samples of frames and
#   of the inertial sensor (bit 31 is 1), and external triggers (bit 10 is 1). The reader tells none apart: each word
#   becomes an event, with coordinates cut out of bits that mean something else. Nothing is said; a recording with
#   frames switched on has events where no pixel changed.
# Version: tonic 1.7.0.
# Source: AEDAT 2.0 format, the camera maker's documentation (address bits of DAVIS cameras), and this run.
# Exits with 0 while it is so, and with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q tonic==1.7.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/sample.aedat" <<'EOF' 2>/dev/null
import struct
import sys
from importlib.metadata import version

from tonic.io import read_davis_346

CHANGE, FRAME, TRIGGER = 0, 1 << 31, 1 << 10


def address(kind, x, y, polarity):
    return kind | y << 22 | x << 12 | polarity << 11


words = [(address(CHANGE, 10, 20, 1), 100), (address(FRAME, 30, 40, 0) | 517, 150),
         (address(TRIGGER, 0, 0, 0), 180), (address(CHANGE, 11, 20, 0), 200)]  # fmt: skip
with open(sys.argv[1], "wb") as file:
    file.write(b"#!AER-DAT2.0\r\n# Creation time: System.currentTimeMillis() 1695355587880\r\n")
    file.write(b"".join(struct.pack(">II", *word) for word in words))
events = read_davis_346(sys.argv[1])[-1]
print(f"tonic {version('tonic')}")
print("words: a change, a sample of a frame, a trigger, a change")
print(f"events read: {[tuple(int(v) for v in event) for event in events]}")
sys.exit(0 if len(events) == 4 else 1)
EOF
