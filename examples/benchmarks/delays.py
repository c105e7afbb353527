"""The delay layer alone: ours in every form against the published one, in one run.

    python examples/benchmarks/delays.py [--repeat 5] [--sweep] [--json FILE]

Forward and backward, T = 100, batch 128, 25 taps, one thread, CPU milliseconds, interleaved; ratios are of medians.
The second layer asks for the input's gradient too. "gauss" is the published function, "linear" is another one.
--sweep compares the form that "gauss" chooses with the plain Fourier form ("fft"), over widths of the bell and
densities of the input.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from snn.kernels import delayed, delayed_linear, delayed_spectral, gauss_kernel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from DCLS.construct.modules import Dcls1d

STEPS, BATCH, TAPS = 100, 128, 25
CASES = ((140, 256, 0.03, False), (256, 256, 0.08, True))


def forms(n_in: int, n_out: int, sigma: float) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Give every form as a function of the input [T, B, in], with the same weights and delays."""
    torch.manual_seed(0)
    dcls = Dcls1d(n_in, n_out, kernel_count=1, dilated_kernel_size=TAPS, bias=False, version="gauss")
    with torch.no_grad():
        dcls.SIG.fill_(sigma)
    dcls.SIG.requires_grad_(False)
    weight = dcls.weight.detach()[:, :, 0].clone().requires_grad_()
    position = dcls.P.detach()[0, :, :, 0].clone().requires_grad_()
    width = torch.tensor(sigma)

    def published(x: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(x.permute(1, 2, 0), (TAPS - 1, 0))
        return dcls(padded).permute(2, 0, 1)

    return {
        "published": published,
        "fft": lambda x: delayed_spectral(x, gauss_kernel(weight, position, width, TAPS)),
        "gauss": lambda x: delayed(x, gauss_kernel(weight, position, width, TAPS)),
        "linear": lambda x: delayed_linear(x, weight, TAPS // 2 - position, TAPS - 1),
    }


def measure(
    n_in: int,
    n_out: int,
    density: float,
    input_gradient: bool,
    repeat: int,
    sigma: float = 1.0,
    names: tuple[str, ...] = ("published", "fft", "gauss", "linear"),
) -> dict[str, float]:
    """Give the median CPU milliseconds of each form, taken in turns."""
    x = (torch.rand(STEPS, BATCH, n_in) < density).float().requires_grad_(input_gradient)
    g = torch.randn(STEPS, BATCH, n_out)
    layers = forms(n_in, n_out, sigma)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeat + 1):  # the first turn warms up
        for name in names:
            start = time.process_time()
            layers[name](x).backward(g)
            if turn:
                times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def sweep(repeat: int) -> dict[str, float]:
    """Give Fourier time over ours, for every width and density, both layers."""
    found = {}
    for n_in, n_out, _, input_gradient in CASES:
        for sigma in (0.0, 0.23, 2.0, 12.0):
            line = []
            for density in (0.0, 0.01, 0.03, 0.05, 0.1, 0.5, 1.0):
                median = measure(n_in, n_out, density, input_gradient, repeat, sigma, names=("fft", "gauss"))
                ratio = found[f"{n_in}->{n_out} sigma {sigma:g} at {density:.0%}"] = (
                    median["fft"] / median["gauss"]
                )
                line.append(f"{density:.0%} {ratio:.2f}")
            print(f"fft / gauss, {n_in}->{n_out}, sigma {sigma:g}: " + ", ".join(line))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, object] = {}
    for n_in, n_out, density, input_gradient in CASES:
        median = measure(n_in, n_out, density, input_gradient, options.repeat)
        ratio = {name: median["published"] / value for name, value in median.items()}
        name = f"{n_in}->{n_out} at {density:.0%}" + (", input gradient" if input_gradient else "")
        result[name] = {"ms": median, "ratio": ratio}
        print(name)
        for form, value in median.items():
            print(f"  {form:<10} {value:8.1f} ms   {ratio[form]:5.1f} x")
    if options.sweep:
        result["fft / gauss"] = sweep(options.repeat)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
