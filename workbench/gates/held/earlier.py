"""What of a pilot's agreements differs from what earlier evidence holds: every bundle that is still there counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.evidence import MANIFEST_FILE
from workbench.files import parse_yaml, read_text
from workbench.pilot import CONTRACT_FILE, Pilot
from workbench.pilot.charter import CHARTER_FILE, GATES_FILE, PILOT_FILE, SPLITS_FILE
from workbench.records.splits import evidence_folder
from workbench.words import InputError, several

AGREED = (CHARTER_FILE, GATES_FILE, PILOT_FILE, CONTRACT_FILE, SPLITS_FILE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed at a time, as plain values; a part that is not known is None."""

    charter: Mapping[str, Any]
    gates: Mapping[str, Any]
    settings: Mapping[str, Any] | None
    contract: Mapping[str, Any] | None
    split: Mapping[str, Any] | None


def changes_since(pilot: Pilot, number: int) -> tuple[str, ...]:
    """Return what of a gate's agreement differs from any earlier bundle's, one sentence each, the gravest first.

    Of several bundles that differ in the same thing the newest is named. Bundles that cannot be read are passed over:
    what they would say is lost with them.
    """
    present = _agreement([pilot.suite, pilot.data])
    said: dict[str, str] = {}
    known: set[str] = set()
    for bundle in sorted(evidence_folder(pilot).glob("gate-*/[!.]*"), key=lambda path: path.name, reverse=True):
        try:
            seen = _digests(bundle)
            if seen in known:
                continue
            known.add(seen)
            earlier = _agreement([bundle])
            for name, sentence in _differences(earlier, present, number):
                said.setdefault(name, f"{sentence} (bundle of {bundle.name.partition('-')[0]})")
        except (OSError, ValueError, LookupError, TypeError, AttributeError, InputError):
            continue
    return tuple(said[name] for name in sorted(said, key=lambda name: _GRAVITY.index(name.partition(":")[0])))


_GRAVITY = ("removed", "kpi", "criterion", "escalation", "rules", "split", "roles", "added")


def _differences(earlier: Agreement, present: Agreement, number: int) -> Iterator[tuple[str, str]]:
    yield from _criteria(earlier, present, number)
    yield from _targets(earlier.charter, present.charter)
    before, now = earlier.settings or present.settings or {}, present.settings or {}
    if before.get("escalate_label") != now.get("escalate_label"):
        yield (
            "escalation",
            f"the label that stands for a person is {now.get('escalate_label')}, it was {before.get('escalate_label')}",
        )
    if earlier.split is not None and earlier.split != present.split:
        yield "split", "splits.yaml is another one"
    if earlier.contract is not None:
        yield from _roles(earlier.contract["columns"], (present.contract or {})["columns"])


def _criteria(earlier: Agreement, present: Agreement, number: int) -> Iterator[tuple[str, str]]:
    before, now = ({one["id"]: one for one in side.gates["gates"][number]["criteria"]} for side in (earlier, present))
    for name in (one for one in before if one not in now):
        yield f"removed:{name}", f"criterion {name} of gates.yaml is gone"
    for name in (one for one in before if one in now and before[one] != now[one]):
        yield f"criterion:{name}", f"criterion {name} of gates.yaml was changed"
    if added := [one for one in now if one not in before]:
        yield "added", f"new in gates.yaml: {several(len(added), 'criterion', 'criteria')} ({', '.join(added)})"


def _targets(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    old, new = ({one["id"]: one for one in side.get("kpis") or ()} for side in (before, now))
    for name, kpi in old.items():
        if name not in new:
            yield f"kpi:{name}", f"KPI {name} of the charter is gone"
            continue
        for part in ("metric", "operator", "target", "confidence_level"):
            was, is_now = kpi.get(part), new[name].get(part)
            if was != is_now:
                yield f"kpi:{name}:{part}", f"{part.replace('_', ' ')} of KPI {name} is {is_now}, it was {was}"
    for part in ("high_risk", "authority"):
        if (before.get(part) or []) != (now.get(part) or []):
            yield f"rules:{part}", f"the charter's {part.replace('_', '-')} rules were changed"


def _roles(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in sorted(before.keys() | now.keys()):
        was, is_now = ((side.get(name) or {}).get("role", "field") for side in (before, now))
        if was != is_now:
            yield f"roles:{name}", f"column {name} has the role {is_now}, it had {was}"


def _agreement(folders: list[Path]) -> Agreement:
    """Return what the files in some folders say."""
    found = {name: path for name in AGREED for folder in folders if (path := folder / name).is_file()}
    read = {name: parse_yaml(read_text(path), str(path)) for name, path in found.items()}
    charter, gates, settings, contract, split = (read.get(name) for name in AGREED)
    return Agreement(charter or {}, gates or {}, settings, contract, split)


def _digests(bundle: Path) -> str:
    """Return the digests of what a bundle agrees, as its manifest lists them."""
    listed = json.loads((bundle / MANIFEST_FILE).read_text(encoding="utf-8"))["files"]
    return " ".join(one["sha256"] for one in listed if one["path"] in AGREED)
