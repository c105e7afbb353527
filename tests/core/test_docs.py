"""`help()` of a public class of core shows its fields, each with what it means."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import snn.core
from snn.core.files.parts import Part
from snn.core.neurons import Dynamics
from snn.core.plasticity import Rule
from snn.core.recording import PartSummary

PUBLIC = [value for name in snn.core.__all__ if inspect.isclass(value := getattr(snn.core, name))]


@pytest.mark.parametrize("kind", [*PUBLIC, Dynamics, Rule, Part, PartSummary], ids=lambda kind: kind.__name__)
def test_every_field_is_documented(kind):
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    names = getattr(kind, "_fields", None) or [field.name for field in fields] or list(kind.__annotations__)
    documented = inspect.getdoc(kind).partition("Attributes:\n")[2].partition("\n\n")[0]
    listed = re.findall(r"^    (\w+): \S", documented, flags=re.MULTILINE)
    public = [name for name in names if not name.startswith("_")]
    assert set(listed) == set(public), f"{kind.__name__}: {set(public) ^ set(listed)}"
