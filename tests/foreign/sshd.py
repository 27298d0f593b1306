"""An sshd of a test's own, on loopback, with keys, a port and a configuration of its own, and one for ssh."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port
from tests.waiting import until

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True, slots=True)
class Sshd:
    """One that runs, and whoever may come in."""

    folder: Path
    port: int
    silent_port: int
    """Where somebody takes connections and never says a word."""

    @property
    def config(self) -> Path:
        """Of ssh, with each kind of machine: known ones, and those that must not be reached."""
        return self.folder / "config"

    def came_in(self) -> int:
        """How many connections were let in so far."""
        return self.log.count("Accepted publickey")

    @property
    def log(self) -> str:
        file = self.folder / "sshd.log"
        return file.read_text() if file.exists() else ""


@contextmanager
def running(folder: Path, path: str) -> Iterator[Sshd]:
    """One whose commands find their programs by this PATH."""
    assert PROGRAM, "there is no sshd: `make setup-foreign`, or install openssh-server"
    folder.mkdir(mode=0o700)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        sshd = Sshd(folder, free_port(), silent.getsockname()[1])
        _configure(sshd, path)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where root's sshd locks its helpers in
        process = subprocess.Popen((PROGRAM, "-D", "-f", folder / "sshd_config", "-E", folder / "sshd.log"))
        try:
            until(lambda: _listens(sshd.port) or process.poll() is not None)
            assert process.poll() is None, sshd.log
            yield sshd
        finally:
            process.terminate()
            process.wait(10)


def _configure(sshd: Sshd, path: str) -> None:
    folder = sshd.folder
    for key in ("host_key", "id", "other_id"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f", folder / key), check=True)
    (folder / "authorized_keys").write_text((folder / "id.pub").read_text())
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {host_key}\n")
    (folder / "sshd_config").write_text(f"""\
Port {sshd.port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
LogLevel VERBOSE
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
SetEnv PATH={path}
""")
    # What a configuration says against our options must not count.
    sshd.config.write_text(f"""\
Host web-* stranger keyless
    HostName 127.0.0.1
    Port {sshd.port}
Host silent
    HostName 127.0.0.1
    Port {sshd.silent_port}
Host stranger
    HostKeyAlias somebody-else
Host keyless
    IdentityFile {folder}/other_id
Host *
    User {getpass.getuser()}
    IdentityFile {folder}/id
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking no
    BatchMode no
    ForwardAgent yes
""")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
