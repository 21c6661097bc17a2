"""The process that runs a callable of a pilot: `python -m workbench.agents.callables`, started by `CallableWorker`."""

import os
import sys

from workbench.agents.callables.serving import main

main()
sys.stderr.flush()
os._exit(0)  # threads that a pilot's code has left do not hold the process
