"""A real OpenSSH server on this computer's loopback, for one test session: its own host key, user key, configuration and home folder."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"))
PRIVSEP = Path("/run/sshd")
LOCAL = "127.0.0.1"


class SshServer:
    """It runs as the present user, who alone can log in, with the key ``key``."""

    def __init__(self, folder: Path, sshd: str) -> None:
        self.folder = folder
        self.user = getpass.getuser()
        self.home, self.temporary = folder / "home", folder / "tmp"
        self.key, self.other_key, self.locked_key = folder / "key", folder / "other_key", folder / "locked_key"
        for made in (self.home, self.temporary):
            made.mkdir()
        (self.home / ".bashrc").write_text("echo a greeting of the shell\n")  # as many have it; Debian's bash reads it over ssh, too
        for key, passphrase in ((folder / "host_key", ""), (self.key, ""), (self.other_key, ""), (self.locked_key, "open sesame")):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(key)], check=True)
        self.log = folder / "log"
        self.port, self.process = self._start(sshd)
        self.known = f"[{LOCAL}]:{self.port} " + (folder / "host_key.pub").read_text()
        self.reset()

    def reset(self) -> None:
        """Forget what a test arranged."""
        self.force(None)
        self.configure()

    @property
    def target(self) -> str:
        return f"ssh:{self.user}@{LOCAL}:{self.port}"

    def force(self, command: str | None) -> None:
        """Have every login run this, whatever was asked for (``$SSH_ORIGINAL_COMMAND``); None: what was asked for."""
        option = "" if command is None else 'command="{}" '.format(command.replace('"', '\\"'))
        keys = [option + key.with_suffix(".pub").read_text() for key in (self.key, self.locked_key)]
        (self.folder / "authorized_keys").write_text("".join(keys))

    def configure(self, *, known: str | None = None, key: Path | None = None) -> Path:
        """The configuration of the client: which host keys it knows, which key it shows."""
        (self.folder / "known_hosts").write_text(self.known if known is None else known)
        path = self.folder / "config"
        lines = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentityFile": key or self.key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
        }
        path.write_text("".join(f'{name} "{value}"\n' for name, value in lines.items()))
        return path

    def running(self) -> list[psutil.Process]:
        """What logins have started, the processes of the server itself aside."""
        return [found for found in self.sessions() if not _name(found).startswith("sshd")]

    def sessions(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def files(self) -> dict[str, int]:
        """What lies in the home and the temporary folder of a login."""
        places = (self.home, self.temporary)
        return {str(path): path.stat().st_size for place in places for path in (place, *place.rglob("*"))}

    def stop(self) -> None:
        for process in [*self.sessions(), self.process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def _start(self, sshd: str) -> tuple[int, subprocess.Popen[bytes]]:
        for _ in range(5):  # another program may take the port in between
            with socket.socket() as free:
                free.bind((LOCAL, 0))
                port = free.getsockname()[1]
            config = self.folder / "sshd_config"
            config.write_text(
                f"""Port {port}
ListenAddress {LOCAL}
HostKey "{self.folder / "host_key"}"
AuthorizedKeysFile "{self.folder / "authorized_keys"}"
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv "HOME={self.home}" "TMPDIR={self.temporary}"
"""
            )
            with self.log.open("ab") as log:
                process = subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            for _ in range(3000):
                with contextlib.suppress(OSError), socket.create_connection((LOCAL, port), timeout=1):
                    return port, process
                if process.poll() is not None:
                    break
                time.sleep(0.02)
        raise RuntimeError(f"sshd does not start: {self.log.read_text(errors='replace')}")


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "sshd"


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[SshServer]:
    """A server; None of its parts outlives the context.

    Raises:
        LookupError: there is no OpenSSH on this computer.
    """
    sshd = shutil.which("sshd", path=SYSTEM_PATH)
    if sshd is None or shutil.which("ssh") is None or sys.platform == "win32":
        raise LookupError("no OpenSSH server or client on this computer (Debian: openssh-server, openssh-client)")
    made = os.geteuid() == 0 and not PRIVSEP.is_dir()
    if made:
        PRIVSEP.mkdir(mode=0o755)  # as the system's own start of sshd makes it
    try:
        server = SshServer(folder, sshd)
        try:
            yield server
        finally:
            server.stop()
    finally:
        if made:
            PRIVSEP.rmdir()
