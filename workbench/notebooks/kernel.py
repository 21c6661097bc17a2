"""A kernel for one notebook: this interpreter, no IPython settings of the user, no open port, text progress bars."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from workbench.files import without_secrets

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

KERNEL_NAME = "python3"
# tqdm chooses between widget and text when it is first imported: before the kernel exists it chooses text.
LAUNCH = "import tqdm.auto; from ipykernel import kernelapp; kernelapp.launch_new_instance()"
MAX_SOCKET_PATH = 100  # a Unix socket's path holds 103 characters on macOS, 107 on Linux


@dataclass(frozen=True, slots=True)
class Kernel:
    """A started kernel process; it may not answer yet."""

    manager: AsyncKernelManager
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End the kernel and its children at once; nothing happens to one that has ended."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ending(self) -> str:
        """Return how a dead kernel ended, and the last line it wrote outside any cell."""
        code = self.process.poll()
        if code is None:
            ending = "it still runs"
        elif code < 0:
            ending = f"killed by {signal.Signals(-code).name}"
        else:
            ending = f"exit status {code}"
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return f"{ending}; {said}"[:300] if said is not None else ending


@contextmanager
def started_kernel(cwd: Path, secrets: tuple[str, ...] = ()) -> Iterator[Kernel]:
    """Start a kernel in a working directory, go on without waiting until it answers, and leave nothing of it behind.

    It gets no secret of `workbench.files.credentials` but those named, and takes these out of its environment at once.
    """
    from jupyter_core.utils import ensure_event_loop

    # The loop that nbclient, too, will take in this thread.
    with TemporaryDirectory(prefix="workbench-") as folder, closing(ensure_event_loop()) as loop:
        kernel = loop.run_until_complete(_start(Path(folder), cwd, secrets))
        try:
            yield kernel
        finally:
            kernel.kill()
            loop.run_until_complete(_clean_up(kernel.manager))


async def _start(folder: Path, cwd: Path, secrets: tuple[str, ...]) -> Kernel:
    """Start a kernel that keeps its sockets, settings and log in a private folder."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    specs, connection, log = folder / "kernels", folder / "kernel.json", folder / "kernel.log"
    _write_spec(specs / KERNEL_NAME, secrets)
    manager = AsyncKernelManager(
        kernel_name=KERNEL_NAME,
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs)], ensure_native_kernel=False),
        connection_file=str(connection),
        transport="ipc" if os.name == "posix" and len(str(connection)) <= MAX_SOCKET_PATH else "tcp",
    )
    environment = {
        **without_secrets(os.environ, keep=secrets),
        "IPYTHONDIR": str(folder),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    with log.open("wb") as output:
        await manager.start_kernel(cwd=str(cwd), env=environment, stdout=output, stderr=output)
    provisioner = manager.provisioner
    assert isinstance(provisioner, LocalProvisioner)
    assert provisioner.process is not None
    return Kernel(manager, provisioner.process, log)


async def _clean_up(manager: AsyncKernelManager) -> None:
    """Close the manager's sockets and end the tasks that nbclient leaves waiting when a kernel dies."""
    from jupyter_core.utils import ensure_async

    await ensure_async(manager.cleanup_resources())
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def _write_spec(folder: Path, secrets: tuple[str, ...]) -> None:
    """Write a kernel specification that cannot be shadowed by one installed for the user or the machine."""
    folder.mkdir(parents=True)
    taking = f"from workbench.files import take; take(*{secrets!r}); " if secrets else ""
    argv = [sys.executable, "-P", "-c", taking + LAUNCH, "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
