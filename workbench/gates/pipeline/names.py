"""The notebooks of a run."""

from __future__ import annotations

AUDIT, ITERATION, EVALUATION = "01_data_audit", "02_prompt_iteration", "03_evaluation"
NOTEBOOKS = (AUDIT, ITERATION, EVALUATION)
