"""The Ray engine: another engine on every worker of a cluster."""

from workbench.engines.ray.engine import RayEngine, end_kept
from workbench.engines.ray.settings import RaySettings

__all__ = ["RayEngine", "RaySettings", "end_kept"]
