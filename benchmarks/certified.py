"""How surely the agent `certified` of invoice_matching earns its certificate, on fresh records split by vendor.

    nice -n 10 python -m benchmarks.certified [--records 12800] [--seeds 301 302 303] [--planted]

For each seed: records are generated (without the kinds of issue that a remedy at the source ends, or with all of them),
split by vendor, the agent learns from development records and decides those held out, behind the pilot's guards; its
errors are counted against what the generator knows, before labels were disturbed. The figures of a dataset that is to
be opened must not be looked at: use other seeds here. About a minute a seed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents.callables import Ruling
from workbench.agents.decisions import Decision
from workbench.agents.guards import Asks, Guard, guards_of
from workbench.environment import GuardVerdict, Stage
from workbench.metrics import CertificationSettings, Status, certify_outcomes
from workbench.pilot import Pilot, content_of, open_pilot, read_process
from workbench.records import Record
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.stats import CorrelationBound, IntervalMethod, proportion_bounds

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "eval_suites"), str(ROOT / "datasets" / "invoice_matching")]

import generate  # noqa: E402
from invoice_matching import certified, policy, reading  # noqa: E402

NAME = "invoice_matching"
REMEDIED = (
    "inconsistent_unit", "inconsistent_code", "mixed_format", "missing_value", "placeholder", "mojibake",
    "stray_whitespace", "magnitude_error",
)  # fmt: skip
SHARE, BOUNDS = 0.3, (0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Fresh:
    """Generated records of a seed, what is true of them, and the guards that stand around the agent."""

    dataset: Dataset
    truth: pd.Series[str]
    vendor: pd.Series[str]
    guards: tuple[Guard, ...]
    asks: Asks


def fresh(seed: int, n_records: int, remedied: Sequence[str], folder: Path) -> Fresh:
    """Write records and the pilot around them to a folder, and read them as the workbench does."""
    data = folder / "datasets" / NAME
    shutil.copytree(ROOT / "eval_suites" / NAME, folder / "eval_suites" / NAME)
    entries = generate.make_entries(seed, n_records, remedied)
    generate.write_records(entries, data)
    shutil.copy(ROOT / "datasets" / NAME / "contract.yaml", data)
    key = hashlib.sha256(f"benchmarks.certified {seed}".encode()).hexdigest()[:32]
    (data / "splits.yaml").write_text(f"holdout_share: {SHARE}\nkey: {key}\nby: vendor_id\n", encoding="utf-8")
    pilot = open_pilot(NAME, folder)
    dataset = read_dataset(pilot)
    truth = pd.Series({entry.row["record_id"]: _true_decision(entry) for entry in entries})
    vendor = pd.Series({entry.row["record_id"]: entry.row["vendor_id"] for entry in entries})
    return Fresh(dataset, truth, vendor, guards_of(pilot, dataset.labels), _asks(pilot))


def _true_decision(entry: Any) -> str:
    """Return the decision of a record before some were mislabelled."""
    was = (one.clean for one in entry.planted if one.kind == "label_noise" and one.column == "decision")
    return str(next(was, entry.row["decision"]))


def _asks(pilot: Pilot) -> Asks:
    """Return what the guards ask: the written policy, in this process."""
    process = read_process(pilot)
    assert process is not None
    content = content_of(process)

    async def asked(record: Record) -> Ruling | None:
        ruling = Ruling(**policy.decide(record.fields, content))
        return None if ruling.reason == policy.UNREADABLE["reason"] else ruling

    return Asks(asked)


async def decisions(clerk: Any, world: Fresh, ids: pd.Index[str]) -> pd.DataFrame:
    """Return action, confidence and truth of records, as the agent's systems would tell it what they say themselves."""
    rows = []
    for record in world.dataset.records(ids):
        answer = await _answer(clerk, world, record)
        row = {
            "record_id": record.id,
            "status": "ok",
            "latency_s": 0.01,
            "attempts": 1,
            "label": world.truth[record.id],
        }
        rows.append({**row, "entity": world.vendor[record.id], **answer})
    return pd.DataFrame(rows).set_index("record_id", drop=False)


async def _answer(clerk: Any, world: Fresh, record: Record) -> dict[str, Any]:
    """Return the agent's answer on a record, a person's where a guard steps in."""
    handed_over = {"action": "escalate", "confidence": 0.5, "reason": "guard"}
    if any([await one.look(record, None, world.asks) for one in world.guards if one.stage is Stage.INPUT]):
        return handed_over
    facts = reading.read_facts(certified.with_plain_terms(record.fields))
    said = clerk.decided(record.fields, facts, reading.measure(facts))
    answer = {name: said[name] for name in handed_over}
    decision = Decision(record.id, Status.OK, **answer)
    steps = [await one.look(record, decision, world.asks) for one in world.guards if one.stage is Stage.OUTPUT]
    stops = any(step is not None and step.verdict is GuardVerdict.ESCALATE for step in steps)
    return handed_over if stops else answer


def simulated(seed: int, n_records: int, remedied: Sequence[str]) -> dict[str, Any]:
    """Return the figures of one seed: of a fold of development records, and of the records held out."""
    with tempfile.TemporaryDirectory() as folder:
        world = fresh(seed, n_records, remedied, Path(folder))
        training, folds = world.dataset.training(), world.dataset.folds()
        out = training.index[folds[training.index] == 0]
        parts = {
            "development": (training.drop(index=out), out),
            "holdout": (training, world.dataset.ids(Split.HOLDOUT)),
        }
        found: dict[str, Any] = {"seed": seed, "allowed": float((world.truth != "escalate").mean())}
        for name, (lessons, ids) in parts.items():
            start = time.process_time()
            clerk = certified.certified(lessons).__self__  # type: ignore[attr-defined]
            learnt = time.process_time()
            made = asyncio.run(decisions(clerk, world, ids))
            found[name] = figures(made) | {
                "learns_s": learnt - start, "decides_ms": (time.process_time() - learnt) / len(ids) * 1000
            }  # fmt: skip
        found["certified"] = {bound: _certificate(made, bound) for bound in BOUNDS}
        return found


def figures(made: pd.DataFrame) -> dict[str, Any]:
    """Return what share is decided alone, its lower bound, and how many of these are wrong."""
    alone = made["action"] != "escalate"
    lower, _ = proportion_bounds(int(alone.sum()), len(made), 0.95, IntervalMethod.CLOPPER_PEARSON)
    wrong = int((made["action"] != made["label"])[alone].sum())
    return {"n": len(made), "alone": float(alone.mean()), "at_least": float(lower), "wrong": wrong}


def _certificate(made: pd.DataFrame, bound: float) -> tuple[bool, float]:
    """Return whether 99.2% are certified at 95%, and the automation at the certified threshold."""
    settings = CertificationSettings(0.992, 0.95, 0.8, "escalate", "vendor_id", CorrelationBound(bound))
    found = certify_outcomes(made, settings, None)
    return bool(found.is_certified), float(found.automation_rate)


def told(found: dict[str, Any]) -> str:
    """Return the figures of a seed in one line."""
    parts = [
        f"{name} {one['alone']:.1%} of {one['n']:,} alone (at least {one['at_least']:.1%}), {one['wrong']} wrong, "
        f"learns {one['learns_s']:.1f} s, decides {one['decides_ms']:.1f} ms"
        for name, one in ((name, found[name]) for name in ("development", "holdout"))
    ]
    proved = [
        f"at a correlation of {bound} {f'certified at {automation:.1%}' if is_certified else 'not certified'}"
        for bound, (is_certified, automation) in found["certified"].items()
    ]
    return f"seed {found['seed']}: true labels allow {found['allowed']:.1%}; {'; '.join(parts + proved)}"


def main() -> None:
    """Print the figures of each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=12_800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--planted", action="store_true", help="with every kind of issue, as if none had been remedied")
    given = parser.parse_args()
    for seed in given.seeds:
        print(told(simulated(seed, given.records, () if given.planted else REMEDIED)), flush=True)


if __name__ == "__main__":
    main()
