"""The command on a real terminal of so many columns."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(arguments: tuple[str, ...], folder: Path, columns: int = 80) -> tuple[int, list[str]]:
    """Return the exit code of a command, and its lines as a reader sees them; what goes to standard error is not."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError as error:  # Linux says so when the other end is closed
            if error.errno != errno.EIO:
                raise
            break
        if not read:
            break
        shown += read
    os.close(ours)
    process.communicate()
    return process.returncode, ESCAPE_CODES.sub("", shown.decode()).replace("\r\n", "\n").splitlines()
