"""`snn generate`: go on with a text by a saved language model."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from snn.cli.outputs import check_file
from snn.cli.parse import parse
from snn.cli.progress import print_line
from snn.core.checks import number, refusal, whole
from snn.core.files.whole import existing_file

if TYPE_CHECKING:
    from snn.core.arrays import Int64Array
    from snn.core.files.text import Tokenizer
    from snn.language import Prompt, Sampling
    from snn.nn import Layer

__all__ = ["Options", "main"]

AT_REST = b"\n"
"""What a text that has no prompt goes on from: the start of a line."""


@dataclass(frozen=True)
class Options:
    """Go on with a text: the prompt is read at once, then the model writes token by token, as far as is asked for.

    What is written is the continuation alone, as the bytes that the tokens stand for.

    Attributes:
        file: A model of `snn train text` (model.safetensors).
        prompt: Text to go on from; without one the model starts from rest.
        prompt_file: File with that text.
        tokens: Tokens to write, >= 0.
        temperature: Below 1 the likely becomes likelier, > 0.
        top_k: Draw from so many likeliest tokens.
        top_p: Draw from the likeliest tokens that have this probability together, in (0, 1].
        seed: Decides what is drawn: the same for the same seed.
        batch: Texts to write, one after another; each depends on the seed and its number alone.
        state: Go on from a prompt that --save-state kept; a --prompt follows it.
        save_state: Keep in this file what the model knows after the prompt.
        json: Print one JSON group: text (a list with several), tokens_per_s, ms_per_token_first and
            ms_per_token_last (CPU time in the first and last tenth), peak_mb.
        torch_device: Where torch computes: cpu, cuda, cuda:1, ...
    """

    file: Annotated[str, tyro.conf.Positional]
    prompt: str | None = None
    prompt_file: str | None = None
    tokens: int = 256
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0
    batch: int = 1
    state: str | None = None
    save_state: str | None = None
    json: bool = False
    torch_device: str = "cpu"

    def __post_init__(self) -> None:
        if self.prompt is not None and self.prompt_file is not None:
            raise refusal("prompt_file", "left out where there is a prompt", self.prompt_file)
        whole("tokens", self.tokens, low=0)
        whole("batch", self.batch, low=1)
        number("temperature", self.temperature, above=0)
        number("top_p", self.top_p, above=0, high=1)
        whole("seed", self.seed, low=0)
        if self.top_k is not None:
            whole("top_k", self.top_k, low=1)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "generate", arguments)
    if options.save_state is not None:
        check_file("--save-state", options.save_state)
    given = _given_prompt(options)
    from snn.language import Sampling, save_prompt
    from snn.recipes.text.models import load_language_model

    model, tokenizer = load_language_model(options.file, options.torch_device)
    prompt = _read(options, given, model, tokenizer)
    if options.save_state is not None:
        save_prompt(prompt, options.save_state, model)
    sampling = Sampling(options.temperature, options.top_k, options.top_p, options.seed)
    _write(options, model, tokenizer, prompt, sampling)


def _given_prompt(options: Options) -> bytes:
    if options.prompt_file is not None:
        return existing_file(options.prompt_file).read_bytes()
    # bytes of an argument that are no UTF-8 come as surrogates
    return (options.prompt or "").encode("utf-8", "surrogateescape")


def _read(options: Options, given: bytes, model: Layer, tokenizer: Tokenizer) -> Prompt:
    """Run the model over the prompt, after the state that was kept if there is one."""
    from snn.language import load_prompt, read_prompt

    before = None if options.state is None else load_prompt(options.state, model)
    if given:
        try:
            return read_prompt(model, tokenizer.encode(given), before)
        except ValueError as error:
            raise ValueError(f"prompt: {error}") from None
    if before is not None:
        return before
    print("prompt is empty: the model starts from rest, at the start of a line", file=sys.stderr, flush=True)
    return read_prompt(model, tokenizer.encode(AT_REST))


def _write(options: Options, model: Layer, tokenizer: Tokenizer, prompt: Prompt, sampling: Sampling) -> None:
    """Draw the tokens and print what they stand for, while they come where there is one text."""
    from snn.language import generate

    columns: list[Int64Array] = []
    marks = [time.process_time()]
    streams = options.batch == 1 and not options.json
    for token in generate(model, prompt, options.tokens, sampling, batch=options.batch):
        columns.append(token)
        marks.append(time.process_time())
        if streams:
            _print_bytes(tokenizer.decode(token))
    texts = [tokenizer.decode([int(token[row]) for token in columns]) for row in range(options.batch)]
    if options.json:
        print_line(json.dumps(_group(options, texts, marks)))
    elif streams:
        _print_bytes(b"\n" if sys.stdout.isatty() else b"")
    else:
        for number_, text in enumerate(texts, 1):
            _print_bytes(f"--- {number_} of {len(texts)} ---\n".encode() + text + b"\n")


def _print_bytes(text: bytes) -> None:
    """Print bytes as they are: a character that comes in pieces, or is none, is neither lost nor replaced."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _group(options: Options, texts: list[bytes], marks: list[float]) -> dict[str, Any]:
    """Give what --json prints; bytes that are no UTF-8 stand as lone surrogates (Python's surrogateescape)."""
    decoded = [text.decode("utf-8", "surrogateescape") for text in texts]
    drawn, part = len(marks) - 1, max(1, (len(marks) - 1) // 10)
    seconds = marks[-1] - marks[0]
    first, last = (
        1e3 * (marks[b] - marks[a]) / part if drawn else None for a, b in ((0, part), (-1 - part, -1))
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "text": decoded[0] if options.batch == 1 else decoded,
        "tokens_per_s": drawn * options.batch / seconds if seconds > 0 else None,
        "ms_per_token_first": first,
        "ms_per_token_last": last,
        "peak_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1),
    }
