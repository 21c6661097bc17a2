"""The program that holds a Ray cluster of one node: `python -m workbench.engines.ray.head CPUS GPUS`.

It prints the cluster's address. It ends, and the cluster with it, when its standard input ends: when whoever started it
wants that, or is gone. It is a program of its own because Ray ends what it started only from a main thread.
"""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import ExitStack
from typing import Any

OBJECT_STORE_BYTES = 128 * 1024 * 1024
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")


def main(n_cpus: int, n_gpus: int) -> None:
    """Hold a cluster until standard input ends."""
    from ray.cluster_utils import Cluster

    logging.getLogger("ray").setLevel(logging.ERROR)
    resources = {"num_cpus": n_cpus, "num_gpus": n_gpus, "object_store_memory": OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={**head_arguments(), **resources})
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


def head_arguments() -> dict[str, Any]:
    """Return what a head needs to start soon on a busy machine."""
    return {**node_arguments(), "include_dashboard": False, "no_monitor": True}


def node_arguments() -> dict[str, Any]:
    """Return what a node needs to start soon on a busy machine: few processes, and fixed ports for its agents.

    Ray would wait no longer than 15 seconds for agents that choose their own ports.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    return {**dict(zip(PORTS, ports, strict=True)), "include_log_monitor": False}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
