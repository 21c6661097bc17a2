"""The process in which a sandbox runs."""

from __future__ import annotations

from workbench.environment.sandbox.serving import main

if __name__ == "__main__":
    main()
