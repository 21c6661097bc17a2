"""The CI templates, parsed, and their script steps run for real with a `workbench` on the path."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_pilots import CHARTER, gate, gate_pilot, signed

from workbench.errors import InputError
from workbench.gates.ci import CiSystem, ci_text, write_ci


@pytest.fixture
def root(tmp_path: Path, migrated_store: Path) -> Path:
    """A repository with a pilot whose gate 2 lacks its load test: NO-GO without any notebook to run before it."""
    pilot = gate_pilot(tmp_path / "repo", gate([{"id": "load", "check": "load"}]), CHARTER)
    signed(pilot)
    (pilot.root / "mlruns").mkdir()
    shutil.copyfile(migrated_store, pilot.root / "mlruns" / "mlflow.db")
    return pilot.root


def environment(root: Path) -> dict[str, str]:
    """Return an environment whose `workbench` is this one, and whose pip installs nothing."""
    tools = root.parent / "bin"
    tools.mkdir(exist_ok=True)
    for name, text in (("workbench", f'exec {sys.executable} -m workbench "$@"'), ("pip", "exit 0")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(root.parent), "XDG_CONFIG_HOME": ""}


def run(script: str, root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=root, env={**environment(root), **variables}, capture_output=True, text=True
    )


def check_what_a_gate_left(root: Path) -> None:
    assert json.loads((root / "gate.json").read_text(encoding="utf-8"))["verdict"] == "NO-GO"
    assert "<testcase" in (root / "gate.xml").read_text(encoding="utf-8")
    assert (root / "gate.md").read_text(encoding="utf-8").startswith("## NO-GO: gate 2 of small")


def steps(text: str) -> list[dict[str, Any]]:
    content = yaml.safe_load(text)
    assert set(content) == {"name", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
    found: list[dict[str, Any]] = content["jobs"]["gate"]["steps"]
    return found


@pytest.mark.slow
def test_githubs_steps_hold_the_gate_keep_its_evidence_and_fail_on_no_go(root: Path) -> None:
    found = steps(ci_text(CiSystem.GITHUB, "small", 2))
    named = {step.get("name", step.get("uses")): step for step in found}
    uses = [str(step.get("uses", "")).partition("@")[0] for step in found]
    assert uses.index("actions/cache") < uses.index("actions/upload-artifact")
    upload = next(step for step in found if "upload-artifact" in str(step.get("uses")))
    assert upload["if"] == "always()"
    assert "mlruns/evidence/small/gate-2" in upload["with"]["path"]
    assert "${{" not in named["Hold the gate"]["run"]  # nothing is pasted into a shell
    output, summary = root / "output", root / "summary"
    done = run(named["Hold the gate"]["run"], root, GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stderr
    check_what_a_gate_left(root)
    assert output.read_text(encoding="utf-8") == "code=1\n"
    assert "NO-GO" in summary.read_text(encoding="utf-8")
    assert run(named["Verdict"]["run"], root, CODE="1").returncode == 1
    assert run(named["Verdict"]["run"], root, CODE="0").returncode == 0
    assert run(named["Verdict"]["run"], root, CODE="").returncode == 4  # a gate that never ran is no success


@pytest.mark.slow
def test_gitlabs_script_holds_the_gate_keeps_its_evidence_and_fails_on_no_go(root: Path) -> None:
    content = yaml.safe_load(ci_text(CiSystem.GITLAB, "small", 2))
    job = content["gate-2-small"]
    assert job["artifacts"]["when"] == job["cache"]["when"] == "always"
    assert "mlruns/evidence/small/gate-2" in job["artifacts"]["paths"]
    assert job["artifacts"]["reports"] == {"junit": "gate.xml"}
    done = run("\n".join([*job["before_script"], *job["script"]]), root)
    assert done.returncode == 1, done.stderr
    check_what_a_gate_left(root)


@pytest.mark.slow
def test_jenkins_script_holds_the_gate_and_its_code_fails_the_build(root: Path) -> None:
    text = ci_text(CiSystem.JENKINS, "small", 2)
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)
    script = text.split("returnStatus: true, script: '''")[1].split("'''")[0].replace("\\$", "$")
    done = run(script, root)
    assert done.returncode == 1, done.stderr
    check_what_a_gate_left(root)
    assert "if (env.GATE_CODE != '0')" in text
    assert "testResults: 'gate.xml'" in text
    assert "mlruns/evidence/small/gate-2/**" in text


def test_a_file_of_ones_own_is_not_written_over(tmp_path: Path) -> None:
    path = write_ci(CiSystem.GITHUB, "small", 2, tmp_path)
    assert path == tmp_path / ".github" / "workflows" / "gate-2-small.yml"
    assert write_ci(CiSystem.GITHUB, "small", 2, tmp_path) == path
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="there is such a file already"):
        write_ci(CiSystem.GITHUB, "small", 2, tmp_path)


@pytest.mark.parametrize("system", list(CiSystem))
def test_no_template_leaves_anything_to_be_filled_in(system: CiSystem) -> None:
    text = ci_text(system, "small", 3)
    assert "gate 3 small --json --junit gate.xml" in text
    for left in ("$pilot", "$gate", "$version", "$$"):
        assert left not in text
