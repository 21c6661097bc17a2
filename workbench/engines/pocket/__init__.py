"""The pocket engine: a small language model in this process."""

from workbench.engines.pocket.engine import PACKAGED, PocketEngine

__all__ = ["PACKAGED", "PocketEngine"]
