"""What stands in any answer of a system that must not: canaries, and personal data in errors."""

from __future__ import annotations

import json
from collections.abc import Iterable

from workbench.agents.guards import personal_data_said
from workbench.integrations.access_tests.apart import SetApart, texts_in
from workbench.integrations.access_tests.declared import ANY_ANSWER, ANY_ERROR
from workbench.integrations.calling import EndedCall
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed

MOST_SAID = 3


def judge_heard(probed: Probed, apart: SetApart | None) -> None:
    """Look through how every call ended, of whichever try."""
    n = len(probed.heard)
    if not n:
        return
    if apart is None or not apart.canaries:
        why = "`sandbox: foreign` names no canary"
        probed.sheet.put("", ANY_ANSWER, LineVerdict.NOT_MEASURED, "", 0, why)
    else:
        said = {
            f"{canary} by {one.operation} ({one.code})"
            for one in probed.heard
            for canary in apart.canaries_in((*texts_in(one.content), *one.headers.values(), one.said))
        }
        _put(probed, ANY_ANSWER, n, said)
    errors = [one for one in probed.heard if not one.is_answered]
    _put(probed, ANY_ERROR, len(errors), set(_personal(probed, errors)))


def _personal(probed: Probed, errors: Iterable[EndedCall]) -> Iterable[str]:
    for one in errors:
        for kind in personal_data_said(probed.records.contract, {}, json.dumps(one.said, ensure_ascii=False)):
            yield f"{kind} by {one.operation} ({one.code})"


def _put(probed: Probed, line: str, n: int, said: set[str]) -> None:
    probed.sheet.holds("", line, not said, f"{len(said)} in {n:,} answers", n, "; ".join(sorted(said)[:MOST_SAID]))
