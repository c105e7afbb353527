"""The guide to liquids shows the very code of a script that runs, with the numbers that it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("own_liquid.py")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "liquid.md"
PICTURES = ("activity", "features", "map", "memory", "perturbation")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the script prints, and the folder of what it draws."""
    folder = tmp_path_factory.mktemp("liquid")
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def numbers(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    assert found, (pattern, text)
    return [float(number) for number in found.groups()]


def test_recurrence_and_delays_earn_their_place(printed):
    text, _ = printed
    share = r"(\d\.\d+)"
    liquid, *controls = (
        numbers(text, rf"^{name}: test accuracy {share}")[0]
        for name in ("liquid", "without delays", "without recurrence")
    )
    assert liquid > max(controls) > 0.6
    bits = numbers(
        text, rf"bits remembered: liquid {share}, without delays {share}, without recurrence {share}"
    )
    assert bits[0] > 2 * bits[1] > 2 * bits[2]
    differ = numbers(
        text, rf"still differ: liquid {share}, without delays {share}, without recurrence {share}"
    )
    assert min(differ[:2]) > 0.01 > 10 * differ[2]


def test_one_liquid_by_every_door(printed):
    text, folder = printed
    assert "by events: the same counts: True" in text and "saved and loaded: the same scores: True" in text
    chips = re.findall(r"chip \d: test accuracy (0\.\d+), read with noise in every step (0\.\d+)", text)
    assert len(chips) == 2 and all(float(share) > 0.7 for chip in chips for share in chip)
    assert len(re.findall(r"unseen \(\d, \d\): seen .*, chance 0.50, shuffled", text)) == 3
    assert all((folder / f"liquid_{name}.png").stat().st_size > 5_000 for name in PICTURES)


def test_words_lie_further_apart_than_variants_of_one(printed):
    text, _ = printed
    words, variants = numbers(text, r"separation: (\d+) between words, (\d+) between variants")
    assert words > 4 * variants > 0
    kernel, noise = numbers(text, r"ranks: (\d+) of 120 words, (\d+) of")
    assert kernel > 10 * noise > 0


def test_the_page_shows_pieces_of_the_script_and_pictures_that_are_there():
    script, page = SCRIPT.read_text(), PAGE.read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 10
    for block in blocks:
        assert f"\n{block}" in script, block
    pictures = re.findall(r"!\[.*\]\((.*)\)", page)
    assert len(pictures) >= 4 and all((PAGE.parent / picture).exists() for picture in pictures)
