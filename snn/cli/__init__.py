"""The command `snn`: the only room that prints or parses arguments.

Each command is a module here with `main(arguments)`; it is imported only when called, so `snn --help` stays quick.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import snn
from snn.cli.suggest import did_you_mean

__all__ = ["main"]

_COMMANDS = {
    "demo": "train on the embedded words, run them by events, cost them, write report.html",
    "train": "train a named experiment: snn train NAME [--data PATH] [--out DIR] [--resume]",
    "simulate": "run a saved model or network by events: snn simulate FILE --data PATH",
    "generate": "go on with a text by a trained language model: snn generate FILE --prompt TEXT",
    "convert": "a network or model into another format: snn convert IN OUT [--dt-ms 1]",
    "info": "what a file holds: networks, models, runs, NIR, SONATA, NWB: snn info FILE",
    "energy": "count and price a saved model: snn energy FILE --data PATH --target loihi1",
    "data": "the data sets: snn data list, verify PATH, fetch NAME",
}

# What a user can cause and mend: shown as one line. Anything else is a defect and keeps its traceback.
_USER_ERRORS = (ValueError, OSError, FloatingPointError, MemoryError)


def _help() -> str:
    rows = "\n".join(f"  {name:<9} {what}" for name, what in _COMMANDS.items())
    return (
        f"snn {snn.__version__}: spiking networks, run by events, trained by gradients, costed on hardware\n\n"
        f"usage: snn COMMAND ...\n\n{rows}\n\nsnn COMMAND --help tells a command's options."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: What follows `snn` on the command line; None reads `sys.argv`.

    Returns:
        0 when done; 2 for wrong arguments or input (one line on stderr says which); 130 after Ctrl-C, 143 after a
        SIGTERM, both with what was done so far kept; 141 where nobody reads the output any more.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if given[0] == "--version":
        print(snn.__version__)
        return 0
    name = given[0]
    if name not in _COMMANDS:
        hint = did_you_mean(name, _COMMANDS)
        print(f"snn: no command {name!r}{hint} (commands: {', '.join(_COMMANDS)})", file=sys.stderr)
        return 2
    with _terminated_as_interrupted() as terminated:
        try:
            import_module(f"snn.cli.{name}").main(given[1:])
        except BrokenPipeError:  # who reads our output, as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except _USER_ERRORS as error:
            if os.environ.get("SNN_TRACEBACK"):
                raise
            print(f"snn {name}: {str(error) or 'out of memory'}", file=sys.stderr)
            return 2
        except ModuleNotFoundError as error:  # of a package that only some need
            if os.environ.get("SNN_TRACEBACK") or "pip install" not in str(error):
                raise
            print(f"snn {name}: {error}", file=sys.stderr)
            return 2
        except RuntimeError as error:  # what torch raises in place of a MemoryError
            if os.environ.get("SNN_TRACEBACK") or "allocate memory" not in str(error):
                raise
            print(f"snn {name}: out of memory: {str(error).splitlines()[0]}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"\nsnn {name}: {'terminated' if terminated else 'interrupted'}", file=sys.stderr)
            return 143 if terminated else 130
    return 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[list[int]]:
    """Let SIGTERM, which batch systems send before they kill, end a command as Ctrl-C does.

    If the process has a handler of its own, or this is not the main thread, which alone may have one, nothing is
    changed.

    Yields:
        A list that is empty until SIGTERM comes.
    """
    terminated: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        terminated.append(number)
        if (
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        ):  # as in a job that a shell put into the background
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    usual = signal.SIG_DFL
    in_main = threading.current_thread() is threading.main_thread()
    replace = in_main and signal.getsignal(signal.SIGTERM) is usual
    if replace:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield terminated
    finally:
        if replace:
            signal.signal(signal.SIGTERM, usual)
