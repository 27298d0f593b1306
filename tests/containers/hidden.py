"""A machine without native servers, as seen by one command: each is hidden from it, and from no other process."""

import shlex

from compose.tools import PACKAGES, MissingTool, find_one

IN_IMAGES = "toxiproxy-server"
"""`make setup` builds it for the image, on a machine with containers, too."""
OF_THE_SYSTEM = "setpriv"
_POSTGRES = "/usr/lib/postgresql"
# A file that is there, and cannot be run; a folder that is empty.
_HIDE = 'for each in {0}; do mount --bind /dev/null "$each"; done; [ ! -d {1} ] || mount -t tmpfs none {1}; exec "$@"'


def servers() -> list[str]:
    """The native servers that this machine has, and what belongs to them."""
    return [str(path) for name in PACKAGES if name not in (IN_IMAGES, OF_THE_SYSTEM) for path in _places(name)]


def command() -> tuple[str, ...]:
    """What runs the command behind it, in a view of the machine of its own."""
    return ("unshare", "--mount", "sh", "-ec", _HIDE.format(shlex.join(servers()), _POSTGRES), "sh")


def _places(name: str) -> list[str]:
    try:
        path = find_one(name).resolve()
    except MissingTool:
        return []
    return [] if str(path).startswith(_POSTGRES) else [str(path)]
