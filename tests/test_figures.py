from __future__ import annotations

import io
import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hand_evaluations import NO_OTHERS, hand_evaluation
from hand_outcomes import hand_outcomes, nothing
from matplotlib import image
from matplotlib.figure import Figure
from matplotlib.text import Text

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.categories import by_category
from workbench.evaluation.versions.pairs import paired_differences
from workbench.metrics import (
    Estimate,
    EvaluationSettings,
    UnitCosts,
    confusion_pairs,
    costs_by_threshold,
    evaluate_outcomes,
    is_right,
    per_class,
    recall_by_k,
    risk_coverage,
)
from workbench.pages import figures

LONG_NAMES = [f"balance_not_updated_after_cheque_or_cash_deposit_{i:02d}" for i in range(77)]
HOSTILE_NAMES = [
    "from $5 \\frac{ to $6",
    "<script>alert(1)</script>",
    "\u4e24\u4e2a\u6807\u7b7e",
    "y" * 300,
    "two\nlines",
]


def outcomes(names: list[str], n: int = 1_500, seed: int = 1) -> pd.DataFrame:
    """Return outcomes of a plausible agent over the classes named."""
    rng = np.random.default_rng(seed)
    label, confidence = rng.integers(len(names), size=n), rng.beta(8, 1.5, n)
    action = np.where(rng.random(n) < confidence, label, (label + rng.geometric(0.4, n)) % len(names))
    ok = rng.random(n) < 0.96
    named = np.array(names, dtype=object)
    return pd.DataFrame(
        {
            "record_id": [f"r{i}" for i in range(n)],
            "status": np.where(ok, "ok", "invalid"),
            "action": np.where(ok, named[action], None),
            "confidence": np.where(ok, confidence, np.nan),
            "label": named[label],
            "reason": None,
            "latency_s": rng.lognormal(-3, 0.6, n),
            "attempts": 1,
            "prompt_tokens": pd.array([None] * n, dtype="Int64"),
            "completion_tokens": pd.array([None] * n, dtype="Int64"),
        }
    )


def versions(names: list[str]) -> Figure:
    tables = {
        names[0]: outcomes(names),
        names[1]: outcomes(names, seed=2),
        "silent": outcomes(names).assign(confidence=np.nan),
    }
    estimates = {name: evaluate_outcomes(table, EvaluationSettings(0.8)) for name, table in tables.items()}
    return figures.versions_compared(estimates, {"accuracy": 0.9, "automation_rate": 0.8, "selective_accuracy": 0.992})


def curves(names: list[str]) -> Figure:
    tables = {name: risk_coverage(outcomes(names, seed=i)) for i, name in enumerate(names[:3])}
    return figures.risk_coverage_curves({**tables, names[3]: risk_coverage(nothing())}, 0.97, {names[0]: 0.87})


def histogram(names: list[str]) -> Figure:
    table = outcomes(names)
    return figures.confidence_histogram(table["confidence"], is_right(table), 0.87)


def times(names: list[str]) -> Figure:
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(0, 365, 0.1), unit="D")
    return figures.volume_over_time(pd.Series([*days.strftime("%Y-%m-%dT%H:%M:%S"), None, "12.03.2025", *names[:1]]))


def judged(name: str, names: list[str], seed: int) -> Evaluation:
    right = np.random.default_rng(seed).random(120) < 0.7
    rows = [
        (f"r{i}", "ok", names[i % len(names)] if is_so else "none of them", 0.5 + i / 300, names[i % len(names)])
        for i, is_so in enumerate(right)
    ]
    return hand_evaluation(name, rows)


def changes(names: list[str]) -> Figure:
    new, old = judged(names[0], names, 1), judged(names[1], names, 2)
    return figures.categories_changed(by_category(new, old, margin=0.05), (names[0], names[1]), 0.05)


def differences(names: list[str]) -> Figure:
    versions = [judged(name, names, seed) for seed, name in enumerate(names[:4])]
    return figures.differences_from(names[0], paired_differences(versions, NO_OTHERS))


QUEUE = pd.DataFrame({"t_s": [0.0, 30.0, 70.0, 110.0], "n": [1, 1, 14, 0]})
UNDEFINED = Estimate.undefined("nothing was asked")


def loaded(profile: str) -> pd.DataFrame:
    """Return a hundred arrivals of one profile that queue in the middle, at one a second and a half."""
    due = np.arange(100.0)
    sent = np.maximum.accumulate(np.where(due < 30, due, 30 + (due - 30) * 1.5))
    phase = np.where(due < 30, "before", np.where(due < 70, "peak", "after"))
    return pd.DataFrame(
        {"profile": profile, "phase": phase, "due_s": due, "sent_s": sent, "done_s": sent + 1.5}
    )  # fmt: skip


DRAWN: dict[str, Callable[[list[str]], Figure]] = {
    "label_distribution": lambda names: figures.label_distribution(outcomes(names)["label"].value_counts()),
    "volume_over_time": times,
    "column_completeness": lambda names: figures.column_completeness(
        pd.Series(np.linspace(0, 1, len(names)), index=names), names[:2]
    ),
    "text_lengths": lambda _: figures.text_lengths(np.random.default_rng(1).lognormal(4, 1, 2_000).round()),
    "versions_compared": versions,
    "risk_coverage_curves": curves,
    "per_class_accuracy": lambda names: figures.per_class_accuracy(per_class(outcomes(names))),
    "confusion_heatmap": lambda names: figures.confusion_heatmap(confusion_pairs(outcomes(names))),
    "confidence_histogram": histogram,
    "categories_changed": changes,
    "differences_from": differences,
    "cost_curve": lambda names: figures.cost_curve(costs_by_threshold(outcomes(names), UnitCosts(100.0, 2.0)), "EUR"),
    "shares_with_intervals": lambda names: figures.shares_with_intervals(
        names[0], {**dict.fromkeys(("accuracy", "latency_p95_s"), Estimate.proportion(3, 9)), names[0]: UNDEFINED}
    ),
    "findings_by_share": lambda names: figures.findings_by_share(
        pd.DataFrame({"title": names[:2], "severity": ["critical", "low"], "share": [0.5, 0.001]})
    ),
    "acceptance_overview": lambda names: figures.acceptance_overview(
        "2 of 3 acceptance sessions held, 6 users; 4 issues, 1 critical open.",
        pd.DataFrame({"session": names[:3], "answers": [40, 30, 0], "overrides": [3, 0, 0]}).assign(
            planted_shown=[2, 3, 0], planted_caught=[2, 1, 0]
        ),
        pd.DataFrame({"severity": ["critical", "high", "low", "low"], "state": ["open", "fixed", "accepted", "later"]}),
    ),
    "attack_rates": lambda names: figures.attack_rates(
        pd.DataFrame({"by": ["class", "class", "channel"], "group": names[:3], "judged": 10, "hits": [3, 0, 3]}).assign(
            fragile=[1, 0, 1], stopped=[0, 9, 9], upper=[0.7, 0.3, 0.5]
        )
    ),
    "people_and_agreement": lambda names: figures.people_and_agreement(
        "People decided 3 of 3 items, overrode 25.0%",
        pd.DataFrame({"queue": names[:2], "n": [15, 3], "raw": 0.9, "raw_lower": 0.8, "raw_upper": 0.95}).assign(
            alpha=[0.4, np.nan],
            alpha_lower=[-0.2, np.nan],
            alpha_upper=[0.7, np.nan],
            ac1=0.9,
            ac1_lower=0.8,
            ac1_upper=1.0,
        ),
        pd.DataFrame({"reviewer": names[:3], "answers": [40, 20, 3], "overrides": [4, 0, 0]}).assign(
            planted=[5, 2, 0], caught=[5, 0, 0]
        ),
    ),
    "cases_by_class": lambda names: figures.cases_by_class(
        pd.DataFrame({"class": names[:3], "confirmed": True, "judged": True, "passed": [True, True, False]})
    ),
    "coverage_matrix": lambda names: figures.coverage_matrix(
        pd.DataFrame({"below": [1.0, 0.0, 2.0], "above": [1.0, np.nan, 0.0]}, index=names[:3])
    ),
    "verdicts_by_system": lambda names: figures.verdicts_by_system(
        pd.DataFrame(
            {"latency": ["kept", "deviates", None], "rate": ["unclear", "not measured", "kept"]}, index=names[:3]
        )
    ),
    "access_by_system": lambda names: figures.access_by_system(
        pd.DataFrame({"rights": ["refused", "let in", None], "tenant": ["unclear", "refused", None]}, index=names[:3])
    ),
    "standings_by_regime": lambda names: figures.standings_by_regime(
        "1 of 3 applicable requirements is met",
        pd.DataFrame({"regime": names[:3], "standing": ["met", "not met", "not evidenced"]}),
    ),
    "mutants_by_kind": lambda names: figures.mutants_by_kind(
        pd.DataFrame({"kind": names[:3], "noticed_by": ["c", None, "c"], "state": "noticed"})
    ),
    "fault_matrix": lambda names: figures.fault_matrix(
        pd.DataFrame(
            {"fault": names[:4] * 2, "system": names[0], "operation": [names[1]] * 4 + [names[2]] * 4, "recovered": 1}
        ).assign(double=[0, 1, 0, 0] * 2, lost=[0, 0, 1, 0] * 2, wrong=0, escalated=0, **{"not run": [0] * 7 + [1]})
    ),
    "recall_curve": lambda names: figures.recall_curve(
        recall_by_k(outcomes(names).assign(needs="a;b", documents="b;c;a"))
    ),
    "load_over_time": lambda names: figures.load_over_time(loaded(names[0]), QUEUE),
    "load_waits": lambda names: figures.load_waits(pd.concat([loaded(name) for name in names[:3]])),
    "load_reviewers_taps": lambda names: figures.load_reviewers_taps(
        pd.DataFrame(
            {"at_once": [1, 2], "p50_s": [0.01, 0.02], "p95_s": 0.05, "p95_lower_s": 0.04, "p95_upper_s": [0.09, None]}
        ),
        0.1,
    ),
    "latency_distribution": lambda names: figures.latency_distribution({names[0]: [0.1, 0.2], names[1]: [0.0, 1.5]}),
}


def title(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def texts(figure: Figure) -> list[Text]:
    """Return every text that is seen in the drawn figure; the ticks beyond an axis's ends exist but are not."""
    figure.draw_without_rendering()
    unseen = set()
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        beyond = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        unseen |= {tick.label1 for tick in beyond} | {tick.label2 for tick in beyond}
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in unseen]


def test_every_figure_is_tried():
    assert set(DRAWN) | {"png", "Panel", "Picture", "reliability_panels"} == set(figures.__all__)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("names", [LONG_NAMES, HOSTILE_NAMES], ids=["long", "hostile"])
def test_no_text_is_cut_off_and_none_is_tiny(name: str, names: list[str]):
    figure = DRAWN[name](names)
    page = figure.bbox
    for text in texts(figure):
        box = text.get_window_extent()
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1
        assert inside, text.get_text()
        assert text.get_fontsize() >= 8, text.get_text()


@pytest.mark.parametrize("name", DRAWN)
def test_names_of_rows_do_not_overlap(name: str):
    figure = DRAWN[name](LONG_NAMES)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
        ordered = sorted((box.y0, box.y1) for box in boxes)
        assert all(below[1] <= above[0] for below, above in itertools.pairwise(ordered))


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_grey_and_has_a_title_and_named_axes(name: str):
    figure = DRAWN[name](LONG_NAMES)
    pixels = image.imread(io.BytesIO(figures.png(figure)))
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    assert np.array_equal(pixels[..., 1], pixels[..., 2])
    assert len(title(figure)) > 20
    assert figure.axes[-1].get_xlabel()


def test_labels_beyond_forty_are_summed_up():
    counts = pd.Series(range(77, 0, -1), index=[f"label {i}" for i in range(77)])
    figure = figures.label_distribution(counts)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    # 20 largest (77 to 58), 20 smallest (20 to 1), and 37 between
    assert (len(rows), rows[0], rows[20], rows[-1]) == (41, "label 0", "37 labels between, 21 to 57 each", "label 76")
    assert title(figure) == "77 labels over 3,003 records: from 1 (label 76) to 77 (label 0)"


def test_volume_counts_what_it_cannot_read():
    stamps = pd.Series(["2025-03-01", "2025-03-01T10:00:00", "2025-03-02", "2025-03-03", "2025-03-04", None, "soon"])
    figure = figures.volume_over_time(stamps)
    assert title(figure) == (
        "5 records from 2025-03-01 to 2025-03-04: 1 to 1 a day, median 1; 2 without a readable time"
    )
    heights = sorted(bar.get_height() for bars in figure.axes[0].containers for bar in bars)
    assert heights == [1, 1, 1, 2]


def test_completeness_starts_with_the_emptiest_column():
    figure = figures.column_completeness(pd.Series({"id": 1.0, "note": 0.25, "amount": 0.9999}), required=["id"])
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["note", "amount", "id (required)"]
    assert title(figure) == "2 of 3 columns have empty cells; note is filled in 25.0% of the records"
    assert ">99.9%" in [text.get_text() for text in texts(figure)]


def test_text_lengths_state_what_is_not_drawn():
    figure = figures.text_lengths([10] * 999 + [5_000])
    assert title(figure) == "Half of 1,000 texts have at most 10 characters, 95% at most 10; the longest has 5,000"
    assert "1 longer than 10 not drawn" in figure.axes[0].get_xlabel()


def test_versions_show_value_interval_target_and_what_is_undefined():
    settings = EvaluationSettings(0.9, "escalate")
    estimates = {"rules": evaluate_outcomes(hand_outcomes(), settings), "none": evaluate_outcomes(nothing(), settings)}
    figure = figures.versions_compared(estimates, {"accuracy": 0.9})
    shown = [text.get_text() for text in texts(figure)]
    assert title(figure).startswith("Right most often on these records: rules, 55.6% of 9 (26.7% to 81.1%)")
    assert {"55.6% of 9", "33.3% of 9", "66.7% of 3", "target 90.0%"} <= set(shown)
    assert (shown.count("not known"), shown.count("decides none alone")) == (1, 2)


def test_the_risk_title_names_the_agent_that_automates_most_at_the_target():
    # by hand_outcomes.py: .95 gives 1 of 1 right of 9 asked, .60 gives 3 of 4
    curves = {"rules": risk_coverage(hand_outcomes(), "escalate"), "silent": risk_coverage(nothing())}
    reached = figures.risk_coverage_curves(curves, 0.75, {"rules": 0.6})
    assert title(reached) == "rules decides most alone at 75.0% right: 44.4% (seen, not certified)"
    shown = [text.get_text() for text in texts(reached)]
    assert "threshold 0.6" in shown
    assert "silent: no confidence" in shown
    many = {f"rules{n}": risk_coverage(hand_outcomes(), "escalate") for n in range(9)}
    crowded = [text.get_text() for text in texts(figures.risk_coverage_curves(many, 0.75, dict.fromkeys(many, 0.6)))]
    assert "threshold 0.6" not in crowded
    assert {f"rules{n}, threshold 0.6" for n in range(9)} <= set(crowded)
    only_wrong = {"rules": risk_coverage(hand_outcomes().query("record_id == 'r2'"))}
    assert title(figures.risk_coverage_curves(only_wrong, 0.75)).startswith("No threshold of any agent reaches 75.0%")


def test_the_hardest_class_comes_first():
    figure = figures.per_class_accuracy(per_class(hand_outcomes()))
    assert title(figure) == "Hardest class: reject, 1 of 3 right (33.3%); all 3 classes together 55.6%"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["reject", "escalate", "approve"]


def test_confusions_show_failed_calls_beside_wrong_actions():
    figure = figures.confusion_heatmap(confusion_pairs(hand_outcomes()))
    columns = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert set(columns) == {"escalate", "approve", "(invalid)", "(failed)"}
    assert title(figure).startswith("The 4 most frequent confusions are 100% of 4 errors")


def test_the_confidence_title_counts_errors_above_the_threshold():
    confidence, right = [0.95, 0.9, 0.6, 0.9, 0.2, np.nan], [True, True, True, False, False, False]
    figure = figures.confidence_histogram(confidence, right, 0.9)
    assert title(figure) == (
        "1 of 2 wrong decisions (50.0%) are at or above the threshold; 1 without a confidence are not drawn"
    )
    assert title(figures.confidence_histogram(confidence, right)).startswith(
        "Median confidence is 0.9 when right and 0.55 when wrong"
    )


def test_latency_names_the_slowest_agent():
    figure = figures.latency_distribution({"fast": [0.001, 0.002], "slow": [0.5, 1.0, 2.0], "unused": []})
    assert title(figure) == "Slowest is slow: half of the decisions within 1 s, 95% within 2 s"


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.label_distribution(pd.Series([], dtype="int64")),
        lambda: figures.volume_over_time(pd.Series([None, "soon"])),
        lambda: figures.column_completeness(pd.Series([], dtype="float64")),
        lambda: figures.text_lengths([]),
        lambda: figures.versions_compared({}),
        lambda: figures.risk_coverage_curves({"silent": risk_coverage(nothing())}),
        lambda: figures.per_class_accuracy(per_class(nothing())),
        lambda: figures.confusion_heatmap(confusion_pairs(nothing())),
        lambda: figures.confidence_histogram([np.nan], [True]),
        lambda: figures.latency_distribution({"unused": []}),
    ],
)
def test_nothing_to_show_is_a_figure_that_says_so(figure: Callable[[], Figure]):
    drawn = figure()
    assert "nothing to show" in [text.get_text() for text in texts(drawn)]
    assert len(title(drawn)) > 10
