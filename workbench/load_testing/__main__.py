"""One part of a load test, in a process of its own: `python -m workbench.load_testing JOB RESULT`."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.load_testing.parts import run_part
from workbench.words import WorkbenchError


def main() -> None:
    """Ask the part that the first file describes, and leave what was seen in the second."""
    try:
        run_part(Path(sys.argv[1]), Path(sys.argv[2]))
    except WorkbenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
