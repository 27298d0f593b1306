"""One self-contained Compose file for somebody who has only Docker: the stack from the checkout, without the attacker.

`stormdrill compose-file` writes it, and beside it the packages of the image that is built of the services.
"""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from compose.containers import digests, image_build
from compose.containers.container_spec import escaped
from compose.settings import ROOT
from compose.standalone import spec
from compose.standalone.spec import SERVICES, TOXIPROXY

FOLDER = ROOT / "compose" / "standalone"
_LOCK = "services.lock"
_HEAD = """\
# Written by `make compose-file`; do not edit. The system without the attacker, for a machine that has only Docker with
# Docker Compose 2.23.1 or newer:
#   docker compose -f compose/standalone/compose.yaml up --build
#   http://127.0.0.1:18000/products is the shop, 18010 Prometheus, 18011 Alertmanager, 18012/deliveries what the pager
#   got, 18013 Jaeger, 18016 Toxiproxy's API, with `--profile grafana` 18019 Grafana; STORMDRILL_FRONT_PORT=… moves one
#   docker compose -f compose/standalone/compose.yaml down --volumes
# Images are built from this checkout, on your own network. Alert rules run in drill time: durations are divided by 60.
# Drills (`make chaos-…`) need Python, and bring a stack of their own up: see README.md.
"""


def write() -> list[Path]:
    """Write the file, and the packages of its services' image beside it; gives their paths."""
    FOLDER.mkdir(exist_ok=True)
    for path, content in files().items():
        path.write_text(content)
    return list(files())


def files() -> dict[Path, str]:
    """Each path with what has to be in it."""
    return {FOLDER / "compose.yaml": _HEAD + _text(document()), FOLDER / _LOCK: image_build.services_lock()}


def document() -> dict[str, Any]:
    """The Compose file."""
    dockerfiles = {
        SERVICES: _services_dockerfile(),
        TOXIPROXY: _without_head(digests.pinned_dockerfile(digests.FOR_TOXIPROXY)),
    }
    builds = {name: {"context": "../..", "dockerfile_inline": escaped(text)} for name, text in dockerfiles.items()}
    with tempfile.TemporaryDirectory() as folder:
        return spec.document(Path(folder), builds)


def _services_dockerfile() -> str:
    """As the runtime's, but that pip fetches the packages itself."""
    text = _without_head(digests.pinned_dockerfile())
    for old, new in (
        (
            "COPY packages.lock /tmp/packages.lock\nCOPY wheels /tmp/wheels\n",
            f"COPY {_here(_LOCK)} /tmp/packages.lock\n",
        ),
        ("--no-index --find-links /tmp/wheels ", ""),
        # The user need not be the owner of a checkout that was made with another umask.
        (
            "\n\nFROM ",
            "\nCOPY services /srv/services\nRUN chmod -R u=rwX,go=rX /srv\n\nFROM ",
        ),
        # Docker makes a new volume as the folder is that it is mounted on.
        (
            "COPY code /srv\n",
            "COPY --from=packages /srv /srv\nRUN install --directory --owner=65534 --group=65534 --mode=711 /made "
            + " ".join(f"/told/{name}" for name in spec.ARE_TOLD)
            + "\n",
        ),
    ):
        assert text.count(old) == 1, f"compose/Dockerfile has no {old!r}"
        text = text.replace(old, new)
    return text


def _without_head(dockerfile: str) -> str:
    return dockerfile[dockerfile.index("FROM ") :]


def _here(name: str) -> str:
    return str((FOLDER / name).relative_to(ROOT))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _string)


def _text(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120)
