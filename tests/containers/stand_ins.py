"""How a stand-in is made for an official image, from its row in the table: the same outside, Debian's programs inside.

One base holds all of Debian's programs; what an image lacks is taken from it. Images with no more than a busybox, or
not even that, are made of nothing, so that they have nothing else.
"""

import json

from tests.containers.official_images import POSTGRES_PROGRAMS, OfficialImage, absent

BASE = "stormdrill-test/debian"
RELEASE = "trixie"
PACKAGES = (
    "busybox-static",
    "haproxy",
    "postgresql-17",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "python3-venv",
    "redis-server",
    "redis-tools",
)
BUILT = {
    "prometheus": "stormdrill-prometheus",
    "promtool": "stormdrill-promtool",
    "alertmanager": "stormdrill-alertmanager",
    "jaeger": "jaeger",
}
"""Program → what `make setup` calls it in the cache folder; the others are Debian's."""
_DEBIANS_NAMES = {
    "postgres_exporter": "prometheus-postgres-exporter",
    "redis_exporter": "prometheus-redis-exporter",
    "python": "python3",
}
_COPIED = (*_DEBIANS_NAMES, "getent")
"""Programs of Debian's that are put into what is made of nothing."""
_APPLETS = ("sh", "sleep", "grep", "sed", "rm", "timeout", "wget")
_ENTRYPOINT = "docker-entrypoint.sh"


def dockerfile(image: OfficialImage) -> str:
    """The whole file; its context has `docker-entrypoint.sh` and the programs of `built`."""
    made = _debian(image) if image.base == "debian" else _from_nothing(image)
    return "\n".join([*made, *_outside(image)]) + "\n"


def built(image: OfficialImage) -> dict[str, str]:
    """The programs in it that are not Debian's: name → name in the cache folder."""
    return {name: BUILT[name] for name in image.programs if name in BUILT}


def entrypoint(image: OfficialImage) -> str:
    """The file in this folder that is its entry point; empty where the program itself is."""
    return f"{image.repository}-entrypoint.sh" if image.entrypoint == (_ENTRYPOINT,) else ""


def _outside(image: OfficialImage) -> list[str]:
    """What `docker image inspect` says of it."""
    environment = dict(image.environment) | {"PATH": image.path}
    lines = [f"ENV {name}={value}" for name, value in environment.items()]
    lines += [f"WORKDIR {image.workdir}"] if image.workdir else []
    lines += [f"VOLUME {json.dumps(list(image.volumes))}"] if image.volumes else []
    lines += [f"STOPSIGNAL {image.stop_signal}"] if image.stop_signal else []
    lines += [f"ENTRYPOINT {json.dumps(list(image.entrypoint))}"] if image.entrypoint else []
    lines += [f"CMD {json.dumps(list(image.command))}"] if image.command else []
    return [*lines, *([f"USER {image.user}"] if image.user else [])]


def _debian(image: OfficialImage) -> list[str]:
    places = {name: path for name, path in image.programs.items() if path.startswith("/usr/local/")}
    steps = [f'ln -s "$(command -v {_DEBIANS_NAMES.get(name, name)})" {path}' for name, path in places.items()]
    gone = " ".join(sorted(absent(image)))
    steps += [f'{{ for each in {gone}; do path=$(command -v "$each") && rm "$path"; done; true; }}']
    for name, number in image.accounts.items():
        steps += [f"groupmod -g {number} {name}", f"usermod -u {number} -g {number} {name}"]
    steps += [f"install -d -o {owner} -g {owner} {folder}" for folder, owner in image.owners.items()]
    if image.repository == "postgres":
        data, sockets = image.environment["PGDATA"], "/var/run/postgresql"
        steps += [f"chmod 1777 {data}", f"install -d -o postgres -g postgres -m 3777 {sockets}"]
        steps += ["install -d /docker-entrypoint-initdb.d"]
    copied = [f"COPY {_ENTRYPOINT} /usr/local/bin/{_ENTRYPOINT}"] if entrypoint(image) else []
    return [f"FROM {BASE}", f"ENV PATH={image.path}:{POSTGRES_PROGRAMS}", f"RUN {' && '.join(steps)}", *copied]


def _from_nothing(image: OfficialImage) -> list[str]:
    steps = ["mkdir -p /made/etc"]
    if image.base != "scratch":
        steps += [
            "mkdir -p /made/bin /made/usr/bin",
            "install -d -m 1777 /made/tmp",
            "cp /usr/bin/busybox /made/bin/busybox",
            "printf 'root:x:0:0::/:/bin/sh\\nnobody:x:65534:65534::/:/bin/false\\n' >/made/etc/passwd",
            "printf 'root:x:0:\\nnobody:x:65534:\\n' >/made/etc/group",
            "printf 'hosts: files dns\\n' >/made/etc/nsswitch.conf",
        ]
    steps += [f"ln -s /bin/busybox /made{path}" for name, path in image.programs.items() if name in _APPLETS]
    for name, path in image.programs.items():
        if name in _COPIED:
            # With the libraries that it is linked with: the original is linked with none, or with Alpine's.
            steps += [
                f'program=$(command -v {_DEBIANS_NAMES.get(name, name)}); cp "$program" /made{path}',
                'for each in $(ldd "$program" | grep -o \'/[^ ]*\'); do cp -L --parents "$each" /made; done',
            ]
    steps += [f"install -d -o {owner} -g {owner} /made{folder}" for folder, owner in image.owners.items()]
    return [
        f"FROM {BASE} AS parts",
        f"RUN {' && '.join(steps)}",
        "FROM scratch",
        "COPY --from=parts /made /",
        *(f"COPY {name} {image.programs[name]}" for name in built(image)),
    ]
