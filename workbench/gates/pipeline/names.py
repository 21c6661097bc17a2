"""The notebooks of a run."""

from __future__ import annotations

from workbench.notebooks import Limits

AUDIT, ITERATION, EVALUATION = "01_data_audit", "02_prompt_iteration", "03_evaluation"
NOTEBOOKS = (AUDIT, ITERATION, EVALUATION)

# Calls to a model have deadlines of their own; a whole run of them may take hours.
LIMITS = Limits(cell_s=6 * 3600, total_s=8 * 3600)
