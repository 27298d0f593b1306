"""A Debian release in a folder, made by mmdebstrap, in which commands run as on a machine of their own.

It has processes of its own, which end with the command; the network is this machine's. Where this machine takes
packages from, and whom it trusts for that, is taken over when it is made.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from compose.settings import ROOT

BARE = ("ca-certificates", "git", "make")
"""What somebody who clones the project has; nothing of what it needs."""
CHECKOUT = "/srv/stormdrill"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAKEN_OVER = ("PIP_", "SSL_CERT_", "REQUESTS_CA_", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_GO_SETTINGS = ("GOPROXY", "GOSUMDB", "GONOSUMDB")
_ENTER = 'mount --rbind /dev "$0/dev"; mount --make-rslave "$0/dev"; exec chroot "$0" "$@"'


@dataclass(frozen=True, slots=True)
class Root:
    """One release in its folder."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str, within_seconds: int, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run this in the checkout, by bash, to its end; whatever it started ends with it.

        Raises TimeoutError after so many seconds, with what it said last.
        """
        variables = [f"{name}={value}" for name, value in (self.environment | environment).items()]
        # bash is the first process there, and reaps; a single command would replace it.
        inside = ("/usr/bin/env", "-i", *variables, "bash", "-c", f"cd {CHECKOUT}\n{command}\nexit $?")
        proc = f"--mount-proc={self.folder / 'proc'}"
        entered = ("unshare", "--mount", "--pid", "--fork", "--kill-child", proc, "sh", "-ec", _ENTER, str(self.folder))
        try:
            return subprocess.run(
                (*entered, *inside),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=within_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(
                f"{command}: not ended after {within_seconds} s:\n{(late.stdout or b'')[-3000:]!r}"
            ) from None


def make(release: str, folder: Path) -> Root:
    """Make it, with this checkout's last commit in it. Raises CalledProcessError, with what mmdebstrap said."""
    command = ("mmdebstrap", "--variant=minbase", f"--include={','.join(BARE)}", release, str(folder), mirror())
    done = subprocess.run(
        command, env=os.environ | {"TMPDIR": str(folder.parent)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{release} could not be made: {done.stderr[-1500:]}")
    (folder / "etc/apt/apt.conf.d/90this-machine").write_text(_output("apt-config", "dump", "Acquire"))
    for each in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
        if Path("/", each).exists():
            shutil.copy(Path("/", each), folder / each)
    return root_in(folder)


def root_in(folder: Path) -> Root:
    """The one that was made in this folder, with this checkout's last commit in it."""
    checkout = folder / CHECKOUT.removeprefix("/")
    if checkout.exists():
        # What it has built and installed is kept.
        _output("git", "-C", str(checkout), "fetch", "--quiet", str(ROOT), "HEAD")
        _output("git", "-C", str(checkout), "reset", "--quiet", "--hard", "FETCH_HEAD")
    else:
        _output("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(checkout))
    return Root(folder, _environment())


def mirror() -> str:
    """Where this machine takes Debian's packages from."""
    lines = _output("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages").splitlines()
    return next(uri for origin, uri in map(str.split, lines) if origin == "Debian" and "security" not in uri)


def _environment() -> dict[str, str]:
    taken = {
        name: value for name, value in os.environ.items() if name.startswith(_TAKEN_OVER) or name.lower() in _PROXIES
    }
    if shutil.which("go"):
        taken |= {name: value for name in _GO_SETTINGS if (value := _output("go", "env", name).strip())}
    # Of this machine's file system.
    taken.pop("PIP_FIND_LINKS", None)
    return {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", **taken}


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
