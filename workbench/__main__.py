"""`python -m workbench` is the command `workbench`."""

from workbench.commands import main

main()
