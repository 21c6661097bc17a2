"""New pilots from a table of labelled records."""

from workbench.scaffold.choices import Choices, Columns, pairs
from workbench.scaffold.pilot import NewPilot, init_pilot

__all__ = ["Choices", "Columns", "NewPilot", "init_pilot", "pairs"]
