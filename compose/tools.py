"""Where the third-party programs are: on PATH, in Debian's places, or built into the cache folder."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from compose.settings import ROOT

# What each program is installed by, for the one line that says so when it is missing.
PACKAGES = {
    "haproxy": "haproxy",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "setpriv": "util-linux",
    "toxiproxy-server": "",  # built by `make setup`
    "jaeger": "",
    "grafana": "",
}
OPTIONAL = {"jaeger": "traces are off", "grafana": "dashboards are not drawn"}
# Debian's name first, then that of the project's own releases.
_ALIASES = {
    "grafana": ("grafana", "grafana-server"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "prometheus-postgres-exporter": ("prometheus-postgres-exporter", "postgres_exporter"),
    "prometheus-redis-exporter": ("prometheus-redis-exporter", "redis_exporter"),
}


class MissingTool(Exception):
    """A program that the stack cannot run without is not installed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that were found, by name."""

    paths: dict[str, Path]

    def path(self, name: str) -> Path:
        """The program's absolute path."""
        return self.paths[name]

    def has(self, name: str) -> bool:
        """Whether an optional program is there."""
        return name in self.paths

    def notices(self) -> list[str]:
        """One line for each optional program that is missing: what is off and how to get it."""
        return [f"{name}: not found, {off}; {_remedy(name)}" for name, off in OPTIONAL.items() if not self.has(name)]


def build_locks(name: str) -> dict[str, str]:
    """The files whose locks are about this program's being built; `tools/background.py` says what each means."""
    return {lock: str(cache_folder() / f".{name}.{lock}") for lock in ("building", "halt", "going")}


def is_being_built(name: str) -> bool:
    """Whether set-up builds this program in the background now."""
    with contextlib.suppress(FileNotFoundError), Path(build_locks(name)["building"]).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def cache_folder() -> Path:
    """Where `make setup` puts the programs that it builds, one folder for each state of all modules in tools/."""
    return _cache() / "bin" / modules_key(ROOT / "tools")


def _cache() -> Path:
    root = os.environ.get("STORMDRILL_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "stormdrill"
    return Path(root).expanduser()


def _logs() -> Path:
    return _cache() / "logs"


def modules_key(folder: Path) -> str:
    """Changes with every file of a module in and below the folder; `tools/setup.sh` computes the same."""
    files = sorted({*folder.rglob("go.*"), *folder.rglob("*.go")}, key=lambda file: str(file.relative_to(folder)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def find() -> Tools:
    """Find every program. Raises MissingTool naming all that are missing and not optional."""
    found = {name: path for name in PACKAGES if (path := _locate(name)) is not None}
    missing = [name for name in PACKAGES if name not in found and name not in OPTIONAL]
    if missing:
        raise MissingTool("; ".join(f"{name}: not found, {_remedy(name)}" for name in missing))
    return Tools(found)


def find_one(name: str) -> Path:
    """Where one program is. Raises MissingTool."""
    if (path := _locate(name)) is None:
        raise MissingTool(f"{name}: not found, {_remedy(name)}")
    return path


def _remedy(name: str) -> str:
    if name == "grafana":
        return "install Grafana 10 or newer and put it on PATH (see dashboards/README.md)"
    if is_being_built(name):
        return "it is being built, and is there in the first run after that"
    if (cache_folder() / f".{name}.failed").exists():
        return f"it could not be built (see {_logs() / f'{name}.log'}): install Go 1.25 or newer and run `make setup`"
    package = PACKAGES[name]
    return f"install the package {package}, or run `make setup`" if package else "run `make setup` to build it"


def _locate(name: str) -> Path | None:
    # Debian keeps Postgres's programs out of PATH, one folder a version, and daemons in sbin.
    debian = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    places = [os.environ.get("PATH", os.defpath), *debian, "/usr/sbin", str(cache_folder())]
    for candidate in _ALIASES.get(name, (name,)):
        if path := shutil.which(candidate, path=os.pathsep.join(places)):
            return Path(path).absolute()
    return None
