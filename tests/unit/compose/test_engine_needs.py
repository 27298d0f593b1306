"""Which engines and which Docker Compose the stack takes, by what they answer; the others get one line."""

import copy

import pytest

from compose.containers import engine_needs

# As recorded, of what is looked at: /version and /info of each engine.
DOCKER_20 = (
    {
        "Platform": {"Name": ""},
        "Components": [{"Name": "Engine", "Version": "20.10.24+dfsg1"}, {"Name": "containerd", "Version": "1.6.20"}],
        "Version": "20.10.24+dfsg1",
        "ApiVersion": "1.41",
        "MinAPIVersion": "1.12",
        "Os": "linux",
        "Arch": "amd64",
    },
    {"SecurityOptions": ["name=seccomp,profile=default"], "Architecture": "x86_64", "OSType": "linux"},
)
DOCKER_29 = (
    {
        "Platform": {"Name": "Docker Engine - Community"},
        "Components": [{"Name": "Engine", "Version": "29.1.2"}, {"Name": "containerd", "Version": "v2.2.0"}],
        "Version": "29.1.2",
        "ApiVersion": "1.52",
        "MinAPIVersion": "1.44",
        "Os": "linux",
        "Arch": "arm64",
    },
    {
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
        "Architecture": "aarch64",
        "OSType": "linux",
    },
)
DOCKER_DESKTOP = (
    DOCKER_29[0] | {"Platform": {"Name": "Docker Desktop 4.55.0 (213807)"}},
    {"SecurityOptions": ["name=seccomp,profile=unconfined", "name=cgroupns"], "OperatingSystem": "Docker Desktop"},
)
ROOTLESS = (
    DOCKER_29[0] | {"Arch": "amd64"},
    {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"], "Name": "box"},
)
SELINUX = (
    DOCKER_29[0] | {"Arch": "amd64"},
    {"SecurityOptions": ["name=seccomp,profile=builtin", "name=selinux", "name=cgroupns"], "OperatingSystem": "Fedora"},
)
REMAPPED = (DOCKER_20[0], {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]})
PODMAN_4 = (
    {
        "Platform": {"Name": "linux/amd64/debian-12"},
        "Components": [
            {"Name": "Podman Engine", "Version": "4.3.1", "Details": {"APIVersion": "4.3.1", "Os": "linux"}},
            {"Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown"},
            {"Name": "OCI Runtime (crun)", "Version": "crun version 1.8.1"},
        ],
        "Version": "4.3.1",
        "ApiVersion": "1.41",
        "MinAPIVersion": "1.24",
        "Os": "linux",
        "Arch": "amd64",
    },
    {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"], "OSType": "linux"},
)


@pytest.mark.parametrize("answers", [DOCKER_20, DOCKER_29, DOCKER_DESKTOP])
def test_docker_is_taken_on_both_machines_that_images_are_made_for(answers):
    assert engine_needs.refusal(*answers, this_system="darwin") == ""


def test_docker_desktop_is_refused_on_linux_where_its_machine_is_another_one():
    said = engine_needs.refusal(*DOCKER_DESKTOP, this_system="linux")
    assert said.startswith("Docker Desktop runs containers in a virtual machine of its own")
    assert "docker context use default" in said
    assert "\n" not in said
    assert engine_needs.refusal(*DOCKER_29, this_system="linux") == ""


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (PODMAN_4, "this engine is Podman 4.3.1"),
        (ROOTLESS, "Docker runs rootless"),
        (REMAPPED, "Docker runs with userns-remap"),
        (SELINUX, "Docker confines containers by SELinux"),
        ((DOCKER_20[0] | {"Arch": "s390x"}, DOCKER_20[1]), "Docker's machine is s390x, and images are made for amd64"),
        ((DOCKER_20[0] | {"Os": "windows"}, {}), "Docker runs windows containers"),
        (({"Version": "19.03.15", "ApiVersion": "1.40", "Arch": "amd64"}, {}), "Docker Engine 19.03.15 is too old"),
    ],
)
def test_what_cannot_run_the_stack_is_refused_in_one_line(answers, why):
    before = copy.deepcopy(answers)
    said = engine_needs.refusal(*answers)
    assert said.startswith(why)
    assert "\n" not in said
    assert answers == before


@pytest.mark.parametrize(
    "host", ["", "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "tcp://[::1]:2375", "http://localhost:2375"]
)
def test_an_engine_of_this_machine_is_taken(host):
    assert engine_needs.other_machine(host) == ""


@pytest.mark.parametrize(
    "host", ["ssh://me@far.example", "ssh://localhost", "tcp://10.0.0.5:2376", "https://far.example:2376"]
)
def test_an_engine_of_another_machine_is_refused_in_one_line(host):
    said = engine_needs.other_machine(host)
    assert said.startswith(f"Docker's engine is on another machine ({host})")
    assert "\n" not in said


def test_the_command_and_the_library_must_mean_the_same_engine():
    assert engine_needs.other_engine("unix:///var/run/docker.sock", "http+unix:///var/run/docker.sock") == ""
    said = engine_needs.other_engine("unix:///home/me/.colima/docker.sock", "unix:///var/run/docker.sock")
    assert said.endswith("export DOCKER_HOST=unix:///home/me/.colima/docker.sock")


@pytest.mark.parametrize(
    ("socket", "why"),
    [
        ("unix:///run/user/1000/docker.sock", "Docker runs rootless"),
        ("unix:///home/me/.docker/desktop/docker.sock", "Docker Desktop runs containers in a virtual machine"),
    ],
)
def test_a_context_that_cannot_be_used_is_refused_before_anybody_is_told_to_go_there(socket, why):
    said = engine_needs.other_engine(socket, "unix:///var/run/docker.sock")
    assert why in said
    assert "export" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "said", ["2.20.0", "v2.20.3", "2.40.3", "2.24.6+ds1-0ubuntu1", "5.7.1", "v5.7.1", "5.0.0-desktop.1", "10.0", "dev"]
)
def test_compose_of_any_later_major_is_taken(said):
    assert engine_needs.compose_refusal(said) == ""


@pytest.mark.parametrize("said", ["1.29.2", "2.2.3", "v2.19.1", "2.3.3-compose"])
def test_compose_that_is_too_old_is_refused_in_one_line(said):
    refused = engine_needs.compose_refusal(said)
    assert refused.startswith(f"docker compose: version {said} is too old; install 2.20 or newer")
    assert "\n" not in refused
