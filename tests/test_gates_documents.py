from pathlib import Path

import pytest
from gate_pilots import gate, gate_pilot, result, signed

from workbench.gates import read_gates
from workbench.metrics import State
from workbench.pilot.pilot import Pilot
from workbench.pilot.signing.documents import Signer, sign_document
from workbench.words import InputError

WHOLE = "scope: " + "invoices of one plant " * 15 + "\nowner: Ann\nrules: [one, two]\n"


def pilot_with(root: Path, **settings: object) -> Pilot:
    document = {
        "id": "process",
        "title": "Process",
        "file": "process.yaml",
        "must_have": ["scope", "owner"],
        "signed_by": ["sponsor"],
        **settings,
    }
    return gate_pilot(root, gate([{"id": "load", "check": "load"}], documents=[document]))


def write(pilot: Pilot, text: str, file: str = "process.yaml") -> None:
    (pilot.suite / file).write_text(text, encoding="utf-8")


def test_a_document_that_is_not_there_fails_and_needs_its_signature(tmp_path: Path) -> None:
    found = result(pilot_with(tmp_path), "document-process")
    assert (found.state, found.reason, found.missing.signatures) == (State.FAIL, "the document is missing", 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("scope: x\n", "no part 'owner'; only 2 words"),
        (WHOLE.replace("owner: Ann", "owner:"), "no part 'owner'"),
        (WHOLE.replace("Ann", "TODO"), "left to be filled in: 'TODO'"),
        (WHOLE.replace("Ann", "To be filled in"), "left to be filled in: 'To be filled in'"),
        ("- a\n- b\n", "the file does not hold a mapping"),
    ],
)
def test_a_document_that_is_not_complete_fails_and_says_what_is_missing(tmp_path: Path, text: str, why: str) -> None:
    pilot = pilot_with(tmp_path)
    write(pilot, text)
    found = result(pilot, "document-process")
    assert found.state is State.FAIL
    assert why in found.reason


def test_a_complete_document_is_unproven_until_it_is_signed_and_again_after_an_edit(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path)
    keys = signed(pilot)
    write(pilot, WHOLE)
    found = result(pilot, "document-process")
    assert (found.state, found.missing.signatures) == (State.UNPROVEN, 1)
    sign_document(pilot.suite, "process.yaml", Signer("Ann", "sponsor"), keys["sponsor"])
    assert result(pilot, "document-process").state is State.PASS
    write(pilot, WHOLE.replace("one, two", "one, three"))
    found = result(pilot, "document-process")
    assert found.state is State.UNPROVEN
    assert "edited after Ann signed it" in found.details[0]


def test_a_signature_of_another_role_is_not_enough(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, signed_by=["sponsor", "IT owner"])
    keys = signed(pilot)
    write(pilot, WHOLE)
    sign_document(pilot.suite, "process.yaml", Signer("Ann", "sponsor"), keys["sponsor"])
    found = result(pilot, "document-process")
    assert found.state is State.UNPROVEN
    assert "not signed off by IT owner" in found.reason


def test_without_named_roles_anyone_who_signs_the_charter_will_do(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, signed_by=[])
    keys = signed(pilot)
    write(pilot, WHOLE)
    assert result(pilot, "document-process").state is State.UNPROVEN
    sign_document(pilot.suite, "process.yaml", Signer("Bo", "IT owner"), keys["IT owner"])
    assert result(pilot, "document-process").state is State.PASS


def test_the_parts_of_a_markdown_document_are_its_headings(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, file="plan.md", must_have=["data flow", "failure"])
    keys = signed(pilot)
    write(pilot, "# Plan\n## The Data-Flow\n" + "words of it " * 20 + "\nfailure is no heading\n", "plan.md")
    assert "no part 'failure'" in result(pilot, "document-process").reason
    write(pilot, "# Plan\n## The Data-Flow\n" + "words of it " * 20 + "\n### Failure modes\n", "plan.md")
    sign_document(pilot.suite, "plan.md", Signer("Ann", "sponsor"), keys["sponsor"])
    assert result(pilot, "document-process").state is State.PASS


def test_a_role_that_does_not_sign_the_charter_cannot_sign_off(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"role that does not sign the charter(.|\n)*'council'"):
        read_gates(pilot_with(tmp_path, signed_by=["council"]))


@pytest.mark.parametrize("file", ["/etc/passwd", "../other/process.yaml", "a\\b.yaml", ""])
def test_a_document_outside_the_pilots_folder_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(InputError, match="path inside the pilot's folder"):
        read_gates(pilot_with(tmp_path, file=file))
