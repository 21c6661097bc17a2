"""A figure that a notebook shows by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A figure that a notebook shows where it is the value of a cell.

    Parameters
    ----------
    title : str
        What it says.
    figure : matplotlib.figure.Figure
        To change, or to save otherwise.
    """

    title: str
    figure: Figure

    def __repr__(self) -> str:
        return self.title

    def _repr_png_(self) -> bytes:
        from workbench.pages.figures.drawing import png

        return png(self.figure)

    def save(self, path: Path | str) -> Path:
        """Write the figure as a PNG file and return its path."""
        write_atomically(Path(path), self._repr_png_())
        return Path(path)
