"""The maths of estimates, on plain numbers and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.stats.agreement import AgreementFound, Ratings, Scale, alpha_agreement, gwet_ac1, raw_agreement
    from workbench.stats.candidates import ErrorCluster, error_clusters
    from workbench.stats.categories import certify_categories
    from workbench.stats.certification import Certification, certify_threshold
    from workbench.stats.claim import AccuracyClaim
    from workbench.stats.dependence import BOUND_SHARE, BoundSource, Clustering, CorrelationBound, Decided
    from workbench.stats.fisher import more_hits, other_hits
    from workbench.stats.inputs import Flags, Floats, checked_count
    from workbench.stats.intervals import (
        IntervalMethod,
        mean_interval,
        proportion_bounds,
        proportion_interval,
        quantile_interval,
        wilson,
    )
    from workbench.stats.label_correction import (
        LabelCorrection,
        agreements_for_rate,
        agreements_needed,
        corrected_accuracy,
        most_wrong,
    )
    from workbench.stats.multiplicity import holm
    from workbench.stats.outlook import CertificateOutlook, Outlook, Prospect, UnopenedRecords, certificate_outlook
    from workbench.stats.paired import mcnemar_midp, sign_test, tango_bounds
    from workbench.stats.power import allowed_errors, minimum_detectable_difference, records_for_power, records_needed
    from workbench.stats.selection import augrc, aurc, expected_calibration_error, ranking_auc, reliability
    from workbench.stats.sequence import Ranked, rank
    from workbench.stats.slopes import Slope, theil_sen
    from workbench.stats.weighted import AmountCertification, certify_amounts
    from workbench.stats.worst_case import Nested
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
