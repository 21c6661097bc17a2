"""New pilots from a table of labelled records."""

from workbench.commands.scaffold.choices import Choices, Columns, pairs
from workbench.commands.scaffold.pilot import NewPilot, init_pilot

__all__ = ["Choices", "Columns", "NewPilot", "init_pilot", "pairs"]
