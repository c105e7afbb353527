"""A text, token by token; what `snn train text` runs, alone or by several processes."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import snn
from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.json_file import read_json
from snn.core.files.text import Tokenizer, tokenizer_from
from snn.core.files.whole import write_whole
from snn.datasets import TextSet
from snn.recipes import folder
from snn.recipes.experiment import check_device, init_checksum
from snn.recipes.recipe import Callback, Log, Recipe
from snn.recipes.text.config import DATA_FIELDS, TextConfig, build_model, load_data
from snn.recipes.text.counts import count_text
from snn.recipes.text.models import tokenizer_of
from snn.recipes.text.report import Report, Timed, epoch_line

__all__ = ["RECIPE", "TextResult", "run"]

Sets = tuple[TextSet, TextSet, TextSet]
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class TextResult:
    """Hold what a run on a text made.

    Attributes:
        folder: The run's folder.
        model: With the selected weights, in evaluation mode, on the CPU.
        fit: Metrics by epoch.
        summary: What the run came to: the last line of metrics.jsonl.
        first: Whether this process is the one that writes and prints.
    """

    folder: Path
    model: snn.language.SpikeGPT
    fit: snn.train.FitResult
    summary: dict[str, Any]
    first: bool = True


def result_lines(result: TextResult) -> list[str]:
    """Say what a run came to on the test part, and where everything is; nothing but in the first process."""
    if not result.first:
        return []
    s = result.summary
    test = (
        f"test {s['test_bits_per_byte']:.4f} bits per byte (perplexity of a token {s['test_perplexity']:.2f})"
    )
    learned = (
        f"{s['tokens_seen']} tokens seen, {s['tokens_per_s']:.0f} a CPU second, {s['parameters']} parameters"
    )
    return [
        f"{s['data']}: {test}, valid {s['valid_bits_per_byte']:.4f}; {learned}",
        f"model: {result.folder}/model.safetensors; go on with: "
        f"snn generate {result.folder}/model.safetensors --prompt TEXT",
    ]


def run(
    config: TextConfig,
    out: PathLike,
    *,
    resume: bool = False,
    init: PathLike | None = None,
    torch_device: str = "cpu",
    callback: Callback | None = None,
    log: Log | None = None,
) -> TextResult:
    """Train, select on validation, test once, and fill the run's folder; processes of `torchrun` share every batch.

    Args:
        config: The settings.
        out: Folder for config.json, metrics.jsonl, timing.jsonl, samples.jsonl, tokenizer.json, model.safetensors
            and checkpoint/; the first process alone writes.
        resume: Go on with the run in `out`; the end has the bits of an uncut one.
        init: A model file whose weights and tokenizer the run begins with.
        torch_device: Where torch computes.
        callback: Called after every batch and epoch.
        log: Called with lines of text that say what is used and found.

    Raises:
        ValueError: The folder holds a run already, or one with other settings; or settings do not go together.
        FileNotFoundError: The text is not there.
    """
    from snn.train import processes
    from snn.train.checkpoint import has_checkpoint

    processes.connect()
    if config.minutes is not None and (resume or processes.count() > 1):
        rule = "None to resume a run, or with several processes: the clock does not say the same twice"
        raise refusal("minutes", rule, config.minutes)
    first = processes.rank() == 0
    with folder.hold(out) if first else nullcontext(Path(out)) as path:
        given, init = init, folder.check(path, asdict(config), resume, init) if first else init
        device = check_device(torch_device)
        sets = load_data(config, _known_tokenizer(path, resume, init))
        model = build_model(config, sets[0].vocab)
        begin = None if given is None and has_checkpoint(path) else init
        if first:
            folder.write_config(path, asdict(config), init, init_checksum(path, begin, model))
            description = json.dumps(sets[0].tokenizer.description()) + "\n"
            write_whole(path / TOKENIZER, description.encode())
            if log is not None:
                log(_about(sets, model))
        report = Report(path, sets[1], model.to(device), config, resume, callback, log)
        fitted, seen = _fit(config, sets, model, path, resume=resume, init=begin, callback=report)
        if not first:
            return TextResult(path, model.cpu(), fitted, {}, first)
        summary = _summary(path, config, sets, model, fitted, seen)
        snn.train.write_metrics(path, [*fitted.history, summary])
        snn.train.save(model.cpu(), path / "model.safetensors", _model_info(config, sets, summary))
        return TextResult(path, model, fitted, summary)


def _fit(
    config: TextConfig, sets: Sets, model: snn.language.SpikeGPT, path: Path, **options: Any
) -> tuple[snn.train.FitResult, int]:
    """Train as the settings say; give what came of it, and how many tokens were seen."""
    how = replace(config.train, min_batch=config.train.batch_size)
    if config.minutes is not None:
        timed = Timed(sets[0], config.minutes)
        return snn.train.fit(model, timed, sets[1], how, out=path, **options), timed.tokens_seen
    fitted = snn.train.fit(model, sets[0], sets[1], how, out=path, **options)
    return fitted, len(sets[0]) * config.context * len(fitted.history)


def _known_tokenizer(path: Path, resume: bool, init: PathLike | None) -> Tokenizer | None:
    """Give the tokenizer of the run that goes on, or of the model that it begins with; None: there is none yet.

    Raises:
        ValueError: The file says none, or one that is damaged.
    """
    if resume and (path / TOKENIZER).exists():
        return tokenizer_from(read_json(path / TOKENIZER))
    if init is None:
        return None
    return tokenizer_of(init)


def _about(sets: Sets, model: snn.language.SpikeGPT) -> str:
    sizes = ", ".join(
        f"{part.n_bytes} bytes {name}" for part, name in zip(sets, ("training", "valid", "test"), strict=True)
    )
    parameters = sum(p.numel() for p in model.parameters())
    kind = f"{sets[0].vocab} tokens ({sets[0].tokenizer.kind})"
    return f"data: {sets[0].name}; {sizes}; {kind}; {parameters} parameters"


def _summary(
    path: Path,
    config: TextConfig,
    sets: Sets,
    model: snn.language.SpikeGPT,
    fitted: snn.train.FitResult,
    seen: int,
) -> dict[str, Any]:
    """Test the selected weights, and give the last line of metrics.jsonl."""
    from snn.language.bits import score_tokens

    valid, test = (score_tokens(model, part.tokens, part.tokenizer.sizes, part.context) for part in sets[1:])
    timed = [line["train_cpu_s"] for line in folder.read_lines(path / "timing.jsonl")]
    # a run that was killed at the end of an epoch has no time of it
    tokens_timed = seen * len(timed) / len(fitted.history)
    return {
        "selected_epoch": fitted.selected_epoch,
        "test_bits_per_byte": test.bits_per_byte,
        "valid_bits_per_byte": valid.bits_per_byte,
        "test_perplexity": test.perplexity,
        "valid_perplexity": valid.perplexity,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_seen": seen,
        "tokens_per_s": tokens_timed / sum(timed) if sum(timed) else None,
        "rates": fitted.selected["rates"],
        "variant": config.variant,
        "data": sets[2].name,
    }


def _model_info(config: TextConfig, sets: Sets, summary: dict[str, Any]) -> dict[str, Any]:
    """Say what is saved with a model, so that it can be used."""
    return {
        "recipe": "text",
        "data": {name: getattr(config, name) for name in DATA_FIELDS},
        "data_name": sets[2].name,
        "seed": config.train.seed,
        "loss": config.train.loss,
        "tokenizer": sets[0].tokenizer.description(),
        "test_bits_per_byte": summary["test_bits_per_byte"],
    }


RECIPE = Recipe(
    name="text",
    help="Train a spiking language model on a text.",
    config=TextConfig,
    run=run,
    result_lines=result_lines,
    count=count_text,
    epoch_line=epoch_line,
)
