"""The model that stays in this process from run to run.

Starting vLLM takes half a minute and more, and a notebook runs several agent versions one after the other, so a model
stays where it is when a run ends. Only one stays: a run with other settings ends the one before it.
"""

from __future__ import annotations

import atexit
import threading

from workbench.engines.vllm.host import Host
from workbench.engines.vllm.settings import VllmSettings

LEAVING_S = 10.0

_hosts: dict[tuple[VllmSettings, str], Host] = {}
_registry = threading.Lock()


def acquire(settings: VllmSettings, content: str) -> Host:
    """Return the running model with these settings, or start it; models that nobody uses are ended first.

    `content` tells models apart that came to lie in the same folder one after the other.
    """
    key = settings.model_copy(update={"deadline_s": 1.0}), content
    with _registry:
        host = _hosts.get(key)
        if host is None or host.is_gone:
            idle = {other_key: other for other_key, other in _hosts.items() if other.users == 0}
            for other_key, other in idle.items():
                del _hosts[other_key]
                other.close()
            host = _hosts[key] = Host(settings, [other.thread for other in idle.values()])
        host.users += 1
    return host


def release(host: Host) -> None:
    """Say that a run does not need a model any longer; it stays until other settings need its place."""
    with _registry:
        host.users -= 1


@atexit.register
def close_all() -> None:
    """End every model; called when the process ends."""
    with _registry:
        hosts = list(_hosts.values())
    for host in hosts:
        host.close()
    for host in hosts:
        host.thread.join(LEAVING_S)
