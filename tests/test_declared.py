from importlib.metadata import distributions
from pathlib import Path

from declared import undeclared


def install(folder: Path, name: str, version: str, *requires: str) -> None:
    """Write what pip leaves of a distribution."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_setuptools_that_only_tests_of_others_ask_for_is_declared_by_nothing(tmp_path: Path) -> None:
    install(tmp_path, "agent-workbench", "0.1.0", "Jinja2>=3", 'ruff; extra == "dev"')
    install(tmp_path, "jinja2", "3.1.6", 'setuptools; extra == "test"')
    install(tmp_path, "ruff", "0.17.6")
    install(tmp_path, "setuptools", "65.5.0")
    assert undeclared(distributions(path=[str(tmp_path)])) == ["setuptools 65.5.0"]


def test_a_setuptools_that_a_package_needs_may_stay(tmp_path: Path) -> None:
    install(tmp_path, "agent-workbench", "0.1.0", 'torch; extra == "vllm"')
    install(tmp_path, "torch", "2.13.0", "setuptools")
    install(tmp_path, "setuptools", "78.1.1")
    assert undeclared(distributions(path=[str(tmp_path)])) == []
