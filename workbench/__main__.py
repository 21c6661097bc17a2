"""`python -m workbench` is the command `workbench`."""

from workbench.commands.cli import main

main()
