"""Labels as text: which spellings are one label, and which labels look like "give it to a person"."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

TO_A_PERSON = frozenset(
    {
        "out_of_scope", "oos", "out_of_domain", "ood", "other", "others", "unknown", "none", "none_of_the_above",
        "reject", "human", "manual", "not_sure", "unclear", "undecided", "needs_review",
        "sonstiges", "sonstige", "anderes", "andere", "unbekannt", "keine", "keines", "mensch", "manuell", "unklar",
        "autre", "autres", "inconnu", "aucun", "aucune", "humain", "manuel", "otro", "otra", "otros", "otras",
        "desconocido", "ninguno", "ninguna", "humano", "altro", "altri", "sconosciuto", "nessuno", "umano", "manuale",
        "outro", "outros", "desconhecido", "nenhum", "overig", "overige", "onbekend", "geen", "mens", "handmatig",
        "其他", "未知", "无", "無", "人工", "その他", "不明", "なし", "기타",
    }
)  # fmt: skip
WHOLE = re.compile(r"-?\d+\.0+")  # a whole number as a float is written
HANDING_OVER = re.compile(
    r"(^|_)(?<!de_)(escalat\w*|eskal\w*|escalad\w*|escalar|handover|hand_over|handoff|hand_off)(_|$)"
    r"|(^|_)(human|manual)_(review|check|handling|agent)(_|$)|(^|_)to_(a_)?(human|person|agent)(_|$)|人工|エスカレ|转人工"
)
# A label that has its opposite beside it is one of two ordinary answers.
OPPOSITES: Mapping[str, frozenset[str]] = {
    "reject": frozenset({"accept", "accepted", "approve", "approved", "pay", "grant", "pass", "allow"}),
    "manual": frozenset({"automatic", "auto", "automated"}),
    "manuell": frozenset({"automatisch"}),
    "manuel": frozenset({"automatique"}),
    "human": frozenset({"machine", "bot", "animal", "ai", "robot"}),
    "humano": frozenset({"animal", "robot"}),
    "mensch": frozenset({"maschine", "tier", "bot"}),
}


def label_text(cell: object) -> str:
    r"""Return a label's cell as labels are compared: text in Unicode's composed form, without white space around it.

    Examples
    --------
    >>> label_text("yes "), label_text(1), label_text("re\u0301gler") == "r\u00e9gler"
    ('yes', '1', True)
    """
    return unicodedata.normalize("NFC", str(cell)).strip()


def cell_text(value: object) -> str:
    """Return a value as a condition on cells compares it: a whole number without a point, true and false as text.

    Examples
    --------
    >>> cell_text(0.0), cell_text("0.0"), cell_text(0), cell_text(True)
    ('0', '0', '0', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text.partition(".")[0] if WHOLE.fullmatch(text) else text


def bin_labels(bins: Sequence[float]) -> tuple[str, ...]:
    """Return the labels that numbers get which are cut at rising limits.

    Examples
    --------
    >>> bin_labels([100, 200])
    ('below 100', '100 to below 200', '200 or more')
    """
    named = [f"{limit:g}" for limit in bins]
    between = [f"{low} to below {high}" for low, high in pairwise(named)]
    return (f"below {named[0]}", *between, f"{named[-1]} or more")


def bin_label(number: float, bins: Sequence[float]) -> str:
    """Return the label of a number that is cut at rising limits."""
    return bin_labels(bins)[bisect_right(bins, number)]


def label_aliases(counts: Mapping[str, int]) -> dict[str, str]:
    """Return for each label that another differs from by case, white space or Unicode form alone the one it means.

    Parameters
    ----------
    counts : mapping
        Records by label; of the spellings of one label the most frequent is meant, of equals the first by sorting.

    Examples
    --------
    >>> label_aliases({"yes": 30, "Yes": 13, "no": 20})
    {'Yes': 'yes'}
    """
    spellings: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda one: (-counts[one], one)):
        key = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
        spellings.setdefault(key, []).append(label)
    return {other: first for first, *others in spellings.values() for other in others}


def looking_like_escalation(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that read like "a person decides": other, out_of_scope, escalate to a human, unknown.

    Only whole labels and set phrases count, in ten languages; a label beside its opposite (reject and approve) is an
    ordinary answer.

    Examples
    --------
    >>> looking_like_escalation(["refund", "Out of scope", "other_card_issue"])
    ('Out of scope',)
    """
    words = {label: re.sub(r"[\W_]+", "_", label_text(label).casefold()).strip("_") for label in labels}
    known = set(words.values())
    return tuple(
        label
        for label, word in words.items()
        if HANDING_OVER.search(word) or (word in TO_A_PERSON and not OPPOSITES.get(word, frozenset()) & known)
    )
