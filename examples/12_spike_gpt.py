"""A spiking language model: train it on a text, let it write, and see that it streams what it learned in parallel.

    python examples/12_spike_gpt.py [--data FILE] [--tokens 400000] [--out runs/spike-gpt]

Without a file of yours the text is a part of Python's own library. A token is a byte. The model runs over many
tokens at once (training, prompts) and token by token with a state (writing): one function.
"""

from __future__ import annotations

import argparse
import math
import sysconfig
from pathlib import Path

import numpy as np
import torch

import snn
from snn.language import Sampling, SpikeGPT, bits_per_byte, generate, read_prompt

CONTEXT, BATCH = 128, 16


def own_text(folder: Path) -> Path:
    """Put a part of Python's library into one file: a text that is everywhere."""
    library = Path(sysconfig.get_paths()["stdlib"])
    path = folder / "python_library.txt"
    path.write_bytes(b"".join(file.read_bytes() for file in sorted(library.glob("[a-f]*.py"))))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--out", type=Path, default=Path("runs/spike-gpt"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the tensors are small

    # 1. a text as windows of bytes, 90 / 5 / 5
    path = options.data or own_text(options.out)
    windows = max(BATCH, options.tokens // CONTEXT // BATCH * BATCH)
    train, valid, test = snn.datasets.text(path, context=CONTEXT, windows=windows)
    print(f"{train.name}: {len(train.tokens)} bytes; {windows} windows of {CONTEXT} are drawn")

    # 2. train: all tokens of a window at once
    torch.manual_seed(0)
    model = SpikeGPT(train.vocab, layers=2, width=64)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    config = snn.train.TrainConfig(
        epochs=1, batch_size=BATCH, min_batch=1, loss="next_token", select="loss",
        schedule="cosine", schedule_by="step", warmup_steps=20, lr=5e-3, weight_decay=0.0, clip_norm=1.0,
    )  # fmt: skip
    result = snn.train.fit(model, train, valid, config)
    rates = ", ".join(f"{name} {rate:.1%}" for name, rate in result.selected["rates"].items())
    print(f"valid {result.selected['valid_loss'] / math.log(2):.3f} bits per byte; neurons fire: {rates}")

    # 3. held out, as a file: with the state carried through it, and from rest every window
    held_out = options.out / "test_part.txt"
    held_out.write_bytes(np.ascontiguousarray(test.tokens[:20_000]).tobytes())
    carried, restarted = (bits_per_byte(model, held_out, context) for context in (None, CONTEXT))
    print(f"test {carried:.3f} bits per byte, {restarted:.3f} where every {CONTEXT} bytes start from rest")

    # 4. write: the prompt at once, then token by token; a kept prompt goes on any number of times
    prompt = read_prompt(model, list(b"def "))
    for seed in (1, 2):
        drawn = [int(token[0]) for token in generate(model, prompt, 120, Sampling(0.7, top_p=0.9, seed=seed))]
        print(f"--- seed {seed}\ndef {train.tokenizer.decode(drawn).decode('utf-8', 'replace')}")

    # 5. at once and token by token are one function: the same logits, the same spikes
    x = torch.from_numpy(valid.at([0]).x)
    model.double()
    with torch.no_grad():
        at_once, _ = model(x)
        state, pieces = None, []
        for token in x:
            logits, state = model(token[None], state)
            pieces.append(logits)
    difference = float((torch.cat(pieces) - at_once).abs().max())
    print(f"--- streaming differs from the parallel form by {difference:.1e} (float64)")

    # 6. a file that knows its tokenizer: snn generate reads it
    saved = options.out / "model.safetensors"
    snn.train.save(model.float(), saved, {"recipe": "text", "tokenizer": train.tokenizer.description()})
    print(f"written: {saved}; snn generate {saved} --prompt 'def '")


if __name__ == "__main__":
    main()
