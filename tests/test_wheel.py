"""The built wheel, unpacked where no repository is, does the work."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ticket_records import write_tickets

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_notebooks_and_templates_are_in_the_wheel_and_tests_are_not(site: Path) -> None:
    names = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    notebooks = {f"workbench/_notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert len(notebooks) == 15
    assert notebooks <= names
    assert {"workbench/commands/scaffold/templates/agents.py.template", "workbench/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "datasets/"))]


@pytest.mark.slow
@pytest.mark.usefixtures("with_store")
def test_an_installed_wheel_makes_and_audits_a_pilot_in_any_folder(site: Path, tmp_path: Path) -> None:
    write_tickets(tmp_path / "tickets.csv", 80)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def workbench(*arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "workbench", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        return done.stdout

    workbench("init", "tickets", "--records", "tickets.csv", "--label", "queue")
    out = workbench("run", "tickets", "--notebook", "01_data_audit")
    assert "01_data_audit" in out
    assert (tmp_path / "mlruns" / "tickets" / "notebooks" / "01_data_audit.ipynb").is_file()
