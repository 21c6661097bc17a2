"""A version's accuracy under the labels in the records and under those that people corrected, side by side."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation.label_sets import LabelsCompared
from workbench.metrics import estimate_text
from workbench.pages import Conclusion

IN_THE_RECORDS = "in the records (v1)"


def labels_conclusion(compared: LabelsCompared) -> Conclusion:
    """Return the comparison as a page has it."""
    rows = [
        (labels, metric, estimate_text(metric, one), one.method)
        for labels, found in ((IN_THE_RECORDS, compared.before), (compared.label_set, compared.after))
        for metric, one in found.items()
    ]
    table = pd.DataFrame(rows, columns=["labels", "metric", "found", "interval"])
    return Conclusion(f"{compared.sentence}.", table)
