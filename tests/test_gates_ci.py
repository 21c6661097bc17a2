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

from workbench.gates.ci import CiSystem, ci_text, write_ci
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError

SECRET = "WORKBENCH_SIGNING_KEY"
LEDGER, OPENED, EVIDENCE = "datasets/small/ledger.jsonl", "datasets/small/opened", "mlruns/evidence/small/gate-2"


@pytest.fixture
def root(tmp_path: Path, migrated_store: Path) -> Path:
    """A repository with a pilot whose gate 2 lacks its load test: NO-GO without any notebook to run before it."""
    pilot = gate_pilot(tmp_path / "repo", gate([{"id": "load", "check": "load"}]), CHARTER)
    signed(pilot)
    (pilot.root / "mlruns").mkdir()
    shutil.copyfile(migrated_store, pilot.root / "mlruns" / "mlflow.db")
    (pilot.root / ".gitignore").write_text("mlruns/\ngate.*\n", encoding="utf-8")
    git(pilot.root, "init", "-q", "-b", "feature")
    git(pilot.root, "add", ".")
    git(pilot.root, "-c", "user.name=Ann", "-c", "user.email=ann@localhost", "commit", "-qm", "A pilot")
    return pilot.root


@pytest.fixture
def remote(root: Path) -> Path:
    """The repository that CI has cloned."""
    path = root.parent / "remote.git"
    git(root.parent, "clone", "-q", "--bare", str(root), str(path))
    return path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


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


def signing_key() -> dict[str, str]:
    return {SECRET: generated_key().signer.private_bytes.decode()}


def opened_something(root: Path) -> None:
    """Leave what a gate leaves that opened the holdout, beside the bundle."""
    (root / OPENED).mkdir()
    (root / OPENED / "records").write_text("digests", encoding="utf-8")
    (root / LEDGER).write_text("one line", encoding="utf-8")


def check_what_a_gate_left(root: Path) -> None:
    assert json.loads((root / "gate.json").read_text(encoding="utf-8"))["verdict"] == "NO-GO"
    assert "<testcase" in (root / "gate.xml").read_text(encoding="utf-8")
    assert (root / "gate.md").read_text(encoding="utf-8").startswith("## NO-GO: gate 2 of small")


def check_handed_back(remote: Path) -> None:
    files = git(remote, "ls-tree", "-r", "--name-only", "feature").splitlines()
    assert {LEDGER, f"{OPENED}/records"} <= set(files)
    assert any(name.startswith(f"{EVIDENCE}/") and name.endswith("/verdict.json") for name in files)
    assert git(remote, "log", "-1", "--format=%s", "feature").strip() == "Gate 2 of small: openings and evidence"


def named(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(step.get("name", step.get("uses"))): step for step in job["steps"]}


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "//")))


def test_github_has_a_job_without_any_secret_and_one_that_signs_and_runs_no_code_of_the_pilot() -> None:
    content = yaml.safe_load(ci_text(CiSystem.GITHUB, "small", 2))
    assert set(content) == {"name", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
    assert content["permissions"] == {"contents": "read"}
    evaluate, sign = content["jobs"]["evaluate"], content["jobs"]["sign"]
    assert list(content["jobs"]) == ["evaluate", "sign"]
    assert sign["needs"] == "evaluate"
    assert sign["environment"] == "gate"
    assert "head.repo.full_name == github.repository" in sign["if"]  # never for a fork
    assert "permissions" not in evaluate
    assert "secrets." not in json.dumps(evaluate)
    assert json.dumps(sign).count(f"secrets.{SECRET}") == json.dumps(sign).count("secrets.") == 1
    assert [step["run"] for step in evaluate["steps"] if "workbench answer" in str(step.get("run"))] == [
        "workbench answer 2 small"
    ]
    assert "workbench answer" not in json.dumps(sign)
    assert "--answered" in named(sign)["Hold the gate"]["run"]
    # What pilot code could write into a cache would run beside the key.
    assert not [one for one in sign["steps"] if "cache@" in str(one.get("uses")) or "cache" in one.get("with", {})]
    pinned = "${{ github.event.pull_request.head.sha || github.sha }}"
    for job in (evaluate, sign):
        checkout = job["steps"][0]["with"]
        assert checkout == {"persist-credentials": False, "ref": pinned}
        for step in job["steps"]:
            assert "${{" not in str(step.get("run"))  # nothing is pasted into a shell
    (up,) = [one["with"] for one in evaluate["steps"] if "upload-artifact" in str(one.get("uses"))]
    (down,) = [one["with"] for one in sign["steps"] if "download-artifact" in str(one.get("uses"))]
    assert (up["name"], up["path"]) == (down["name"], down["path"]) == ("answered-2-small", "mlruns/small")
    (kept,) = [one for one in sign["steps"] if "upload-artifact" in str(one.get("uses"))]
    assert kept["if"] == "always()"
    assert {LEDGER, OPENED, EVIDENCE} <= set(kept["with"]["path"].split())


@pytest.mark.slow
def test_githubs_steps_hold_the_gate_hand_ledger_and_evidence_back_and_fail_on_no_go(root: Path, remote: Path) -> None:
    jobs = yaml.safe_load(ci_text(CiSystem.GITHUB, "small", 2))["jobs"]
    answered = run(named(jobs["evaluate"])["Answer"]["run"], root)
    assert answered.returncode == 0, answered.stderr
    steps = named(jobs["sign"])
    output, summary = root / "output", root / "summary"
    done = run(steps["Hold the gate"]["run"], root, GITHUB_OUTPUT=str(output), **signing_key())
    assert done.returncode == 0, done.stderr
    check_what_a_gate_left(root)
    assert output.read_text(encoding="utf-8") == "code=1\n"
    opened_something(root)
    given = {"TOKEN": "t", "BRANCH": "feature", "GITHUB_STEP_SUMMARY": str(summary)}
    handed = run(steps["Hand back"]["run"], root, REMOTE=str(remote), **given)
    assert handed.returncode == 0, handed.stderr
    check_handed_back(remote)
    assert "NO-GO" in summary.read_text(encoding="utf-8")
    assert "could not be pushed" not in summary.read_text(encoding="utf-8")
    again = run(steps["Hand back"]["run"], root, REMOTE="nowhere", **given)
    assert (again.returncode, "could not" in again.stdout) == (0, False)  # nothing new, nothing to push
    (root / LEDGER).write_text("two lines", encoding="utf-8")
    refused = run(steps["Hand back"]["run"], root, REMOTE=str(root / "nowhere"), **given)
    assert refused.returncode == 0
    assert "::warning::Ledger and evidence could not be pushed to feature" in refused.stdout
    assert "could not be pushed to feature: commit them from the artifact" in summary.read_text(encoding="utf-8")
    assert run(steps["Verdict"]["run"], root, CODE="1").returncode == 1
    assert run(steps["Verdict"]["run"], root, CODE="0").returncode == 0
    assert run(steps["Verdict"]["run"], root, CODE="").returncode == 4  # a gate that never ran is no success


def test_gitlab_has_a_job_without_any_secret_and_one_that_signs_and_runs_no_code_of_the_pilot() -> None:
    content = yaml.safe_load(ci_text(CiSystem.GITLAB, "small", 2))
    answer, sign = content["answer-2-small"], content["gate-2-small"]
    assert list(content) == ["answer-2-small", "gate-2-small"]
    assert sign["needs"] == ["answer-2-small"]
    assert (answer["environment"]["name"], sign["environment"]["name"]) == ("answer", "gate")  # variables are scoped
    assert answer["artifacts"]["paths"] == answer["cache"]["paths"] == ["mlruns/small"]
    assert sign["cache"] == []
    assert SECRET not in json.dumps(answer)
    assert "TOKEN" not in json.dumps(answer)
    assert "workbench answer 2 small" in answer["script"]
    assert "workbench answer" not in json.dumps(sign)
    assert "CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in sign["rules"][0]["if"]  # never for a fork
    assert sign["artifacts"]["when"] == "always"
    assert {LEDGER, OPENED, EVIDENCE} <= set(sign["artifacts"]["paths"])
    assert sign["artifacts"]["reports"] == {"junit": "gate.xml"}


@pytest.mark.slow
def test_gitlabs_scripts_hold_the_gate_hand_back_and_fail_on_no_go(root: Path, remote: Path) -> None:
    content = yaml.safe_load(ci_text(CiSystem.GITLAB, "small", 2))
    answered = run("\n".join(content["answer-2-small"]["script"]), root)
    assert answered.returncode == 0, answered.stderr
    script = content["gate-2-small"]["script"]
    (hand_back,) = [one for one in script if "git push" in one or "push --quiet" in one]
    opening = f"mkdir -p {OPENED}; echo digests > {OPENED}/records; echo line > {LEDGER}"  # what a gate would leave
    at = script.index(hand_back)
    given = {"CI_PROJECT_URL": str(remote).removesuffix(".git"), "CI_COMMIT_REF_NAME": "feature"}
    git(remote, "config", "receive.advertisePushOptions", "true")
    whole = "\n".join([*script[:at], opening, *script[at:]])
    done = run(whole, root, GATE_PUSH_TOKEN="t", **given, **signing_key())
    assert done.returncode == 1, done.stderr
    check_what_a_gate_left(root)
    check_handed_back(remote)
    said = "Ledger and evidence could not be pushed to feature"
    assert said not in done.stdout
    (root / LEDGER).write_text("two lines", encoding="utf-8")
    without_token = run(hand_back, root, **given)
    assert (without_token.returncode, said in without_token.stdout) == (0, True)
    assert said in (root / "gate.md").read_text(encoding="utf-8")


def test_jenkins_has_a_stage_without_any_credential_on_an_agent_of_its_own() -> None:
    text = ci_text(CiSystem.JENKINS, "small", 2)
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)
    evaluate, sign = without_comments(text).split("stage('Sign')")
    assert "agent none" in evaluate
    assert "agent { label 'gate-evaluate' }" in evaluate
    assert "agent { label 'gate-sign' }" in sign
    assert "workbench answer 2 small" in evaluate
    assert "withCredentials" not in evaluate
    assert SECRET not in evaluate
    assert "workbench answer" not in sign
    assert "env.CHANGE_FORK == null" in sign  # never for a fork
    assert "stash name: 'answered', includes: 'mlruns/small/**'" in evaluate
    assert "unstash 'answered'" in sign
    assert "testResults: 'gate.xml'" in sign
    for kept in (LEDGER, f"{OPENED}/**", f"{EVIDENCE}/**"):
        assert kept in sign.split("archiveArtifacts")[1]
    assert "if (env.GATE_CODE != '0')" in sign
    assert "catch (error)" in sign  # a push that fails is said, and is not the verdict


@pytest.mark.slow
def test_jenkins_scripts_hold_the_gate_and_hand_back_and_the_code_fails_the_build(root: Path, remote: Path) -> None:
    scripts = [part.replace("\\$", "$") for part in ci_text(CiSystem.JENKINS, "small", 2).split("'''")[1::2]]
    answer, hold, hand_back = scripts[0], scripts[2], scripts[3]
    (root / ".gate-venv" / "bin").mkdir(parents=True)
    answered = run(answer.replace("python3 -m venv .gate-venv", ""), root)
    assert answered.returncode == 0, answered.stderr
    done = run(hold, root, **signing_key())
    assert done.returncode == 1, done.stderr
    check_what_a_gate_left(root)
    opened_something(root)
    handed = run(hand_back, root, GIT_URL=str(remote), BRANCH_NAME="feature")
    assert handed.returncode == 0, handed.stderr
    check_handed_back(remote)
    (root / LEDGER).write_text("two lines", encoding="utf-8")
    assert run(hand_back, root, GIT_URL=str(root / "nowhere"), BRANCH_NAME="feature").returncode != 0


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
    assert "gate 3 small --answered --json --junit gate.xml" in text
    assert "workbench answer 3 small" in text
    for left in ("$pilot", "$gate", "$version", "$$"):
        assert left not in text
