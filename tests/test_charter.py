"""The charter: what it may say, what it lacks, how it is printed, and when its signatures hold."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import command_in
from ticket_records import write_tickets

from workbench.commands.scaffold import Columns, init_pilot
from workbench.files.configuration import read_settings
from workbench.metrics import CATALOGUE, KPI_METRICS, METRIC_NAMES, catalogue_markdown
from workbench.pages.charter import CharterDocument
from workbench.pilot.charter import Charter
from workbench.pilot.charter.coverage import covered_files, judged_settings_file
from workbench.pilot.charter.gaps import charter_gaps, read_draft
from workbench.pilot.charter.schema import AiActRiskClass, Match
from workbench.pilot.charter.signatures import charter_signatures, require_signatures, sign_charter
from workbench.pilot.compliance import assessment_of
from workbench.pilot.pilot import open_pilot
from workbench.pilot.regulations import obligation, regimes
from workbench.pilot.signing.documents import Signer, document_signatures, sign_document, signature_files
from workbench.pilot.signing.keys import generated_key, new_key
from workbench.words import InputError, SignatureError

ROOT = Path(__file__).parent.parent
SUITE = ROOT / "eval_suites" / "invoice_matching"
SHIPPED = ["invoice_matching", "support_triage"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Give a copy of the shipped charter without signatures."""
    folder = tmp_path / "eval_suites" / "invoice_matching"
    folder.mkdir(parents=True)
    for name in ("charter.yaml", "process.yaml"):
        shutil.copy(ROOT / "eval_suites" / "invoice_matching" / name, folder)
    return folder


def said(suite: Path) -> dict[str, Any]:
    content = yaml.safe_load((suite / "charter.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def charter_of(suite: Path) -> Charter:
    return read_settings(suite / "charter.yaml", Charter)


def signed_by_all(suite: Path) -> None:
    charter = charter_of(suite)
    for person in charter.stakeholders:
        if person.signs:
            sign_charter(suite, charter, Signer(person.name, person.role), generated_key())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_charters_are_complete_and_signed_by_everybody_who_must(name: str) -> None:
    pilot = open_pilot(name, ROOT)
    assert charter_gaps(pilot.charter, pilot.contract, pilot.suite) == ()
    status = require_signatures(pilot.suite, pilot.charter)
    assert [one.role for one in status.valid] == ["sponsor", "process owner", "IT owner", "compliance owner"]
    assert not [path for path in (pilot.suite / "signatures").rglob("*") if b"PRIVATE" in _bytes(path)]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_every_metric_of_the_catalogue_is_measured_and_the_page_says_what_the_code_says() -> None:
    assert set(KPI_METRICS) < set(CATALOGUE) == set(METRIC_NAMES)
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == catalogue_markdown()


def test_a_charter_of_one_line_is_read_and_everything_else_is_missing(suite: Path) -> None:
    contract = open_pilot("invoice_matching", ROOT).contract
    parts = {gap.part.partition(".")[0] for gap in charter_gaps(Charter(process="x"), contract, suite)}
    assert parts == {
        "process", "scope", "kpis", "owner", "stakeholders", "data_access", "infrastructure", "compliance", "risks",
        "high_risk", "authority", "volume", "latency", "costs",
    }  # fmt: skip


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Return a change of one value by its dotted path; a number is a place in a list."""

    def change(content: Any) -> None:
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for part in parents:
            content = content[part]
        content[last] = value

    return change


GAPS = [
    (_set("process", "Invoices are matched."), "process", "too vague: 3 words"),
    (_set("scope.included", ["Invoices and credits"]), "scope.included", "too vague: 3 words"),
    (_set("scope.excluded", []), "scope.excluded", "missing"),
    (_set("kpis.0.placeholder", True), "kpis.automation", "the target 0.8 is a placeholder"),
    (_set("kpis.0.target", None), "kpis.automation", "there is no target"),
    (_set("kpis.0.target", "high"), "kpis.automation", "the target is no number: 'high'"),
    (_set("kpis.0.target", 80), "kpis.automation", "is a share, and 80 is none"),
    (_set("kpis.1.target", 1.0), "kpis.accuracy-on-automated", "no number of records can prove a target of 1"),
    (_set("kpis.0.metric", "macro_f1"), "kpis.automation", "has no interval"),
    (_set("kpis.2.operator", ">="), "kpis.latency-p95", "bounds the good side"),
    (_set("kpis.0.measured_within_days", None), "kpis.automation", "no time to measure it in"),
    (_set("stakeholders", []), "stakeholders", "nobody must sign"),
    (_set("data_access.0.status", "refused"), "data_access.SAP_DE", "access is refused"),
    (_set("infrastructure.gpu.status", "unknown"), "infrastructure.gpu", "unknown"),
    (_set("risks.0.mitigation", ""), "risks.wrong-payment", "no mitigation"),
    (_set("high_risk.0.when.values", ["deleted"]), "high_risk.blocked-vendor", "vendor_status is never 'deleted'"),
    (_set("high_risk.0.when.column", "status"), "high_risk.blocked-vendor", "there is no column 'status'"),
    (_set("authority.0.column", "amount"), "authority.payable-amount", "there is no column 'amount'"),
    (_set("volume.peak_per_hour", None), "volume", "no peak_per_hour"),
    (_set("costs.source", " "), "costs", "no source"),
    (
        _set("dependence", {"entity": "currency", "correlation_at_most": 0.1}),
        "dependence.entity",
        "'currency' is not the column with the role entity",
    ),
    (_set("owner.name", "TBD"), "owner.name", "still to be filled in"),
    (_set("kpis.0.why", "To be filled in"), "kpis.automation.why", "still to be filled in"),
]


@pytest.mark.parametrize(("change", "part", "problem"), GAPS, ids=[f"{part}: {what}" for _, part, what in GAPS])
def test_what_is_missing_or_too_vague_is_named(
    suite: Path, change: Callable[[dict[str, Any]], None], part: str, problem: str
) -> None:
    content = said(suite)
    change(content)
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    charter, vague = read_draft(suite / "charter.yaml")
    gaps = (*vague, *charter_gaps(charter, open_pilot("invoice_matching", ROOT).contract, SUITE))
    assert [gap for gap in gaps if gap.part == part and problem in gap.problem], gaps


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("kpis.0.metric", "happiness"), "kpis.0.metric(.|\n)*one of accuracy, "),
        (_set("kpis.0.target", float("nan")), "kpis.0.target"),
        (_set("kpis.1.id", "automation"), "kpis given twice: 'automation'"),
        (_set("stakeholders.1.role", "sponsor"), "roles of stakeholders given twice"),
        (_set("kpis.0.traget", 0.5), "unknown key 'kpis.0.traget'(.|\n)*did you mean 'target'"),
    ],
)
def test_a_charter_that_does_not_fit_is_refused(
    suite: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = said(suite)
    change(content)
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        charter_of(suite)


def test_no_signature_no_start(suite: Path) -> None:
    with pytest.raises(SignatureError, match=r"No signature, no start(.|\n)*sponsor: no signature") as caught:
        require_signatures(suite, charter_of(suite))
    assert caught.value.exit_code == 1
    signed_by_all(suite)
    assert require_signatures(suite, charter_of(suite)).is_complete


def test_nobody_who_must_sign_is_no_start_either(suite: Path) -> None:
    charter = charter_of(suite).model_copy(update={"stakeholders": ()})
    assert not charter_signatures(suite, charter).is_complete
    with pytest.raises(SignatureError, match="No signature, no start"):
        require_signatures(suite, charter)


@pytest.mark.parametrize("path", ["process", "kpis.0.target", "scope.included.0", "stakeholders.5.name", "costs.error"])
def test_any_edit_of_the_content_takes_all_signatures_back(suite: Path, path: str) -> None:
    signed_by_all(suite)
    content = said(suite)
    _set(path, 0.5 if path.endswith(("target", "error")) else "Another text of more than a few words")(content)
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    status = charter_signatures(suite, charter_of(suite))
    assert status.valid == ()
    assert all("was edited after" in why for why in status.invalid.values())
    assert len(status.invalid) == 4


def test_comments_layout_and_line_ends_may_change(suite: Path) -> None:
    signed_by_all(suite)
    text = yaml.safe_dump(said(suite), sort_keys=True, width=40)
    (suite / "charter.yaml").write_bytes(("# looked at again\n" + text).replace("\n", "\r\n").encode())
    assert charter_signatures(suite, charter_of(suite)).is_complete


COVERED = {
    "gates.yaml": "gates: {1: {title: Data, criteria: [{id: load, check: load}]}}\n",
    "splits.yaml": "key: abc\nholdout_share: 0.3\n",
    "pilot.yaml": "title: T\nescalate_label: escalate\nprices: {m: {input_per_million: 1, output_per_million: 2}}\n",
}


@pytest.fixture
def covered(suite: Path) -> dict[str, Path]:
    """Give the files beside the charter that its signatures cover, signed by all, by name."""
    data = suite.parent.parent / "datasets" / suite.name
    data.mkdir(parents=True)
    paths = {name: (data if name == "splits.yaml" else suite) / name for name in COVERED}
    for name, path in paths.items():
        path.write_text(COVERED[name], encoding="utf-8")
    signed_by_all(suite)
    return paths


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("gates.yaml", "check: load", "check: security"),  # a criterion exchanged after a NO-GO
        ("gates.yaml", "{id: load, check: load}", ""),  # or deleted
        ("splits.yaml", "key: abc", "key: abd"),
        ("pilot.yaml", "escalate_label: escalate", "escalate_label: reject"),
        ("pilot.yaml", "escalate_label: escalate\n", ""),
        ("pilot.yaml", "input_per_million: 1", "input_per_million: 0"),
    ],
)
def test_an_edit_of_what_the_signatures_cover_takes_all_of_them_back_and_names_the_file(
    suite: Path, covered: dict[str, Path], name: str, old: str, new: str
) -> None:
    assert require_signatures(suite, charter_of(suite)).is_complete
    text = covered[name].read_text(encoding="utf-8")
    assert old in text
    covered[name].write_text(text.replace(old, new), encoding="utf-8")
    status = charter_signatures(suite, charter_of(suite))
    assert (len(status.valid), len(status.invalid)) == (0, 4)
    signer = next(one for one in charter_of(suite).stakeholders if one.role == "sponsor").name
    assert re.fullmatch(rf"{name} was edited after {signer} signed it on 20\S+", status.invalid["sponsor"])
    with pytest.raises(SignatureError, match=f"No signature, no start(.|\n)*{name} was edited after"):
        require_signatures(suite, charter_of(suite))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("gates.yaml", "gates:", "# why\ngates:"),
        ("splits.yaml", "key: abc\nholdout_share: 0.3", "holdout_share: 0.3\r\nkey: abc"),
        ("pilot.yaml", "title: T", "title: Another\ncompare: [a]"),  # no setting that a verdict depends on
    ],
)
def test_comments_layout_and_settings_that_judge_nothing_may_change(
    suite: Path, covered: dict[str, Path], name: str, old: str, new: str
) -> None:
    text = covered[name].read_text(encoding="utf-8")
    covered[name].write_text(text.replace(old, new), encoding="utf-8")
    assert require_signatures(suite, charter_of(suite)).is_complete


def test_a_covered_file_that_comes_or_goes_after_the_signatures_is_named(suite: Path) -> None:
    signed_by_all(suite)
    assert require_signatures(suite, charter_of(suite)).covers == {}
    (suite / "gates.yaml").write_text(COVERED["gates.yaml"], encoding="utf-8")
    assert "gates.yaml was added after" in charter_signatures(suite, charter_of(suite)).invalid["sponsor"]
    signed_by_all_again(suite)
    assert list(require_signatures(suite, charter_of(suite)).covers) == ["gates.yaml"]
    (suite / "gates.yaml").unlink()
    assert "gates.yaml was removed after" in charter_signatures(suite, charter_of(suite)).invalid["sponsor"]


def signed_by_all_again(suite: Path) -> None:
    shutil.rmtree(suite / "signatures")
    signed_by_all(suite)


def test_a_signature_from_before_anything_was_covered_asks_for_a_new_one(suite: Path, covered: dict[str, Path]) -> None:
    shutil.rmtree(suite / "signatures")
    charter = charter_of(suite)
    for person in (one for one in charter.stakeholders if one.signs):  # as it was signed before there was coverage
        sign_document(suite, "charter.yaml", Signer(person.name, person.role), generated_key())
    reasons = set(charter_signatures(suite, charter).invalid.values())
    assert reasons == {"signed before gates.yaml was covered: sign again"}


def test_in_a_bundle_everything_that_is_covered_lies_in_one_folder(
    suite: Path, covered: dict[str, Path], tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    files = {"charter.yaml": suite / "charter.yaml", **covered_files(suite)}
    for name, path in {**files, **signature_files(suite, ["charter.yaml"])}.items():
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_bytes(path.read_bytes())
    (bundle / "pilot.yaml").write_bytes(judged_settings_file(suite / "pilot.yaml"))
    charter = read_settings(bundle / "charter.yaml", Charter)
    assert charter_signatures(bundle, charter, suite.name).is_complete
    assert set(yaml.safe_load((bundle / "pilot.yaml").read_text(encoding="utf-8"))) == {"escalate_label", "prices"}
    (bundle / "splits.yaml").unlink()
    found = charter_signatures(bundle, charter, suite.name)
    assert "splits.yaml was removed after" in found.invalid["sponsor"]


def test_a_signature_of_another_pilot_role_or_document_does_not_count(suite: Path) -> None:
    signed_by_all(suite)
    other = suite.parent / "other"
    shutil.copytree(suite, other)
    assert "for pilot invoice_matching" in charter_signatures(other, charter_of(other)).invalid["sponsor"]
    folder = suite / "signatures" / "charter.yaml"
    shutil.copy(folder / "process-owner.json", folder / "sponsor.json")
    assert charter_signatures(suite, charter_of(suite)).invalid["sponsor"] == "signed with another key"
    shutil.copy(suite / "signatures" / "keys" / "process-owner.pem", suite / "signatures" / "keys" / "sponsor.pem")
    assert "as process owner" in charter_signatures(suite, charter_of(suite)).invalid["sponsor"]
    (suite / "signatures" / "process.yaml").mkdir()
    shutil.copy(folder / "process-owner.json", suite / "signatures" / "process.yaml" / "process-owner.json")
    assert document_signatures(suite, "process.yaml", ["process owner"]).invalid["process owner"] == (
        "the statement is about something else"
    )


def test_every_byte_of_a_signature_counts(suite: Path) -> None:
    short = {name: part for name, part in said(suite).items() if name in ("process", "stakeholders")}
    (suite / "charter.yaml").write_text(yaml.safe_dump(short), encoding="utf-8")
    signed_by_all(suite)
    path = suite / "signatures" / "charter.yaml" / "sponsor.json"
    content, charter = path.read_bytes(), charter_of(suite)
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1 << (place % 8)
        path.write_bytes(altered)
        assert not charter_signatures(suite, charter).is_complete, place


def test_only_the_person_and_the_roles_that_the_charter_names_sign_it(suite: Path) -> None:
    charter = charter_of(suite)
    with pytest.raises(InputError, match=r"no signature of a role 'works council'(.|\n)*sponsor"):
        sign_charter(suite, charter, Signer("Birgit Lang", "works council"), generated_key())
    with pytest.raises(InputError, match=r"somebody else signs as sponsor(.|\n)*Dr. Paul Behrend"):
        sign_charter(suite, charter, Signer("Jana Ritter", "sponsor"), generated_key())


def test_a_role_signs_with_one_key_until_it_is_removed_on_purpose(suite: Path) -> None:
    charter, key = charter_of(suite), generated_key()
    sign_charter(suite, charter, Signer("Jana Ritter", "process owner"), key)
    sign_document(suite, "process.yaml", Signer("Jana Ritter", "process owner"), key)
    with pytest.raises(InputError, match="signed with another key before"):
        sign_document(suite, "process.yaml", Signer("Jana Ritter", "process owner"), generated_key())
    assert document_signatures(suite, "process.yaml", ["process owner"]).is_complete


@pytest.mark.parametrize("document", ["../charter.yaml", "/etc/hostname", "none.md"])
def test_only_documents_of_the_pilot_are_signed(suite: Path, document: str) -> None:
    with pytest.raises(InputError, match=r"inside the pilot's folder|a file is missing"):
        sign_document(suite, document, Signer("Jana Ritter", "process owner"), generated_key())


def test_an_empty_document_and_a_nameless_signature_are_refused(suite: Path) -> None:
    (suite / "architecture.md").write_text(" \n", encoding="utf-8")
    with pytest.raises(InputError, match="empty document"):
        sign_document(suite, "architecture.md", Signer("Mirko Stahl", "IT owner"), generated_key())
    with pytest.raises(InputError, match="needs a name"):
        sign_document(suite, "process.yaml", Signer(" ", "IT owner"), generated_key())


def test_in_a_text_document_every_character_counts_but_not_its_line_ends(suite: Path) -> None:
    path = suite / "architecture.md"
    path.write_text("# Parts\n\nOne and two.\n", encoding="utf-8")
    sign_document(suite, path.name, Signer("Mirko Stahl", "IT owner"), generated_key())
    path.write_bytes(b"# Parts\r\n\r\nOne and two.\r\n")
    assert document_signatures(suite, path.name, ["IT owner"]).is_complete
    path.write_text("# Parts\n\nOne and  two.\n", encoding="utf-8")
    assert not document_signatures(suite, path.name, ["IT owner"]).is_complete


def test_the_dates_of_the_law_are_those_of_the_day() -> None:
    # Regulation (EU) 2024/1689, Art. 113; moved by the Digital Omnibus on AI, adopted on 29 June 2026, and published on
    # 24 July 2026 as Regulation (EU) 2026/1744
    def applies(risk_class: AiActRiskClass, day: date) -> date:
        found = obligation(risk_class, day)
        assert found is not None
        return found[0].applies_from

    assert applies(AiActRiskClass.HIGH_ANNEX_III, date(2026, 6, 28)) == date(2026, 8, 2)
    assert applies(AiActRiskClass.HIGH_ANNEX_III, date(2026, 6, 29)) == date(2027, 12, 2)
    assert applies(AiActRiskClass.HIGH_ANNEX_I, date(2026, 11, 23)) == date(2028, 8, 2)
    assert applies(AiActRiskClass.TRANSPARENCY, date(2026, 11, 23)) == date(2026, 8, 2)
    assert applies(AiActRiskClass.PROHIBITED, date(2026, 11, 23)) == date(2025, 2, 2)
    assert obligation(AiActRiskClass.UNDECIDED, date(2026, 11, 23)) is None
    assert obligation(AiActRiskClass.PROHIBITED, date(2024, 1, 1)) is None
    assert all(version.source for version in regimes()["ai-act"].versions)


def document(suite: Path) -> CharterDocument:
    charter, vague = read_draft(suite / "charter.yaml")
    gaps = (*vague, *charter_gaps(charter, open_pilot("invoice_matching", ROOT).contract, SUITE))
    return CharterDocument(
        "Invoices", charter, charter_signatures(suite, charter), gaps, date(2026, 11, 23), assessment_of(charter, SUITE)
    )


def test_the_document_says_everything_that_the_charter_says(suite: Path) -> None:
    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for name, item in value.items() if name not in ("id", "metric") for text in texts(item)]
        return [text for item in value for text in texts(item)] if isinstance(value, list) else [str(value)]

    page = re.sub(r"<[^>]+>", " ", document(suite).html())
    page = " ".join(page.replace("&#39;", "'").replace("&amp;", "&").replace("_", " ").split())
    long = [text for text in texts(said(suite)) if len(text) > 12]
    assert len(long) >= 50
    assert [text for text in long if " ".join(text.replace("_", " ").split()) not in page] == []


def test_the_document_says_what_a_certificate_may_assume(suite: Path) -> None:
    assert "No bound of the correlation of errors is stated" in document(suite).markdown()
    content = said(suite)
    content["dependence"] = {"entity": "vendor", "correlation_at_most": 0.05, "why": "Three years of complaints"}
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert "correlate by at most 0.05: Three years of complaints" in document(suite).markdown()


def test_the_document_says_whether_it_is_signed(suite: Path) -> None:
    assert "No signature, no start" in document(suite).markdown()
    signed_by_all(suite)
    assert "Every role that must has signed this content" in document(suite).markdown()
    assert "No signature, no start" not in document(suite).html()


def test_hostile_text_in_a_charter_stays_text(suite: Path) -> None:
    content = said(suite)
    content["process"] += " <script>alert(1)</script> | [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    html, markdown = document(suite).html(), document(suite).markdown()
    assert "<script" not in html
    assert "<img" not in html
    assert "script-src 'none'" in html
    import mistune

    shown = str(mistune.create_markdown(escape=False, plugins=["table"])(markdown))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "href" not in shown
    assert "alert(1)" in shown


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process under tmp_path; return exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("WORKBENCH_SIGNING_KEY", raising=False)
    return command_in(tmp_path, monkeypatch, capsys)


def test_a_new_pilots_charter_is_read_filled_in_and_signed(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "t.csv", 60), Columns("queue"), tmp_path)
    code, out, _ = command("charter", "check", "tickets", "--json")
    assert code == 1
    assert {gap["part"] for gap in json.loads(out)["gaps"]} >= {"process", "owner.name", "compliance.ai_act", "costs"}
    path = tmp_path / "eval_suites" / "tickets" / "charter.yaml"
    filled = yaml.safe_load((ROOT / "eval_suites" / "support_triage" / "charter.yaml").read_text(encoding="utf-8"))
    filled["high_risk"][0]["when"] = {"column": "queue", "values": ["refund"]}
    del filled["high_risk"][1]
    path.write_text(yaml.safe_dump(filled), encoding="utf-8")
    shutil.copy(ROOT / "eval_suites" / "support_triage" / "compliance.yaml", path.parent)
    code, out, _ = command("charter", "check", "tickets")
    assert code == 0, out
    assert "The charter is complete.\nNo signature, no start:" in out
    for person in (one for one in filled["stakeholders"] if one.get("signs")):
        key = new_key(tmp_path / "keys" / f"{person['role']}.pem".replace(" ", "-"))
        private = str(key.public_key).replace(".pub.pem", ".pem")
        code, out, err = command(
            "charter", "sign", "tickets", "--name", person["name"], "--role", person["role"], "--key", private
        )
        assert code == 0, err
    assert "Signatures:" in out
    assert (
        "covers charter.yaml, gates.yaml, splits.yaml, "
        "pilot.yaml (escalate_label, prices, max_failed_share, evaluation) and compliance.yaml (the pre-assessment)"
    ) in " ".join(out.split())
    code, out, _ = command("charter", "render", "tickets", "--json")
    written = json.loads(out)
    assert Path(written["html"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert Path(written["markdown"]).read_text(encoding="utf-8").startswith("# Charter: Tickets")


def test_a_kpi_without_a_number_is_a_gap_for_check_and_bad_input_for_the_rest(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "t.csv", 60), Columns("queue"), tmp_path)
    path = tmp_path / "eval_suites" / "tickets" / "charter.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("target: 0.80", "target: high"), encoding="utf-8")
    code, out, _ = command("charter", "check", "tickets")
    assert code == 1
    assert "kpis.automation: the target is no number: 'high'" in out
    code, _, err = command("charter", "sign", "tickets", "--name", "x", "--role", "sponsor")
    assert code == 2
    assert "kpis.0.target" in err


def test_documents_are_signed_off_by_command(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "t.csv", 60), Columns("queue"), tmp_path)
    suite = tmp_path / "eval_suites" / "tickets"
    (suite / "architecture.md").write_text("# Parts\n", encoding="utf-8")
    code, out, err = command("sign", "tickets", "architecture.md", "--name", "Bo", "--role", "IT owner", "--json")
    assert code == 0, err
    assert Path(json.loads(out)["signature"]).is_file()
    assert document_signatures(suite, "architecture.md", ["IT owner"]).is_complete
    assert command("sign", "tickets", "none.md", "--name", "Bo", "--role", "IT owner")[0] == 2
    assert command("sign", "nothing", "architecture.md", "--name", "Bo", "--role", "IT owner")[0] == 2
    assert command("charter", "check", "nothing")[0] == 2


def test_a_placeholder_is_called_so_beside_its_target(suite: Path) -> None:
    content = said(suite)
    content["kpis"][0]["placeholder"] = True
    (suite / "charter.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    page = document(suite).markdown()
    assert page.count("(placeholder)") == 1
    assert "at least 80.0% (placeholder)" in page.replace("\\", "")


def test_a_condition_names_numbers_as_they_are_written_or_as_text() -> None:
    given = Match.model_validate({"column": "history", "values": [0, 1.0, "2", True]})
    assert given.values == ("0", "1", "2", "true")
