"""Run the command line as `python -m snn`."""

import sys

from snn.cli import main

sys.exit(main())
