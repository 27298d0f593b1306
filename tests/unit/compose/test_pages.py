"""What can be looked at is what answers: no address of a page that stands in for one, and how to have the real one."""

import re
import shlex
import socket
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
import yaml

from chaos.reach.http import is_application
from compose import pages
from compose.config import render
from compose.settings import ROOT, from_environment
from compose.topology import build

# As the servers answer: Jaeger 2.13 built from its module, Debian's Alertmanager 0.25, and the real ones.
PLACEHOLDERS = {
    20013: "<title>Test Page</title><h1>This is not the Jaeger UI you are looking for!</h1><pre>// JAEGER_CONFIG</pre>",
    20011: "<title>Alertmanager</title><p>The Debian package of the alertmanager does not include a web application.",
}
PROMETHEUS = {20010: "<title>Prometheus Time Series Collection and Processing Server</title><script src=x></script>"}
JAEGER = '<title>Jaeger UI</title><div id="jaeger-ui-root"></div><script type="module" src="x"></script>'
ALERTMANAGER = '<title>Alertmanager</title><script src="script.js"></script>'
GRAFANA = '{"database": "ok", "version": "12.3.0"}'


@pytest.fixture
def settings(tmp_path):
    return from_environment({"STORMDRILL_STATE": str(tmp_path), "STORMDRILL_PORT_BASE": "20000"})


def topology(settings, **changes):
    return build(settings, frozenset({"grafana"}), **changes)


def looked(settings, answers):
    def answer(request):
        port = request.url.port
        if port not in answers:
            raise httpx.ConnectError("refused", request=request)
        if port == 20019 and request.url.path != "/api/health":
            return httpx.Response(404)
        return httpx.Response(200, text=answers[port])

    return pages.look(topology(settings), httpx.MockTransport(answer))


def said(settings, answers, **changes):
    return "\n".join(pages.lines(settings, topology(settings, **changes), looked(settings, answers)))


def test_on_a_bare_machine_only_prometheus_can_be_looked_at(settings):
    seen = looked(settings, PLACEHOLDERS | PROMETHEUS)
    assert {name: page.url for name, page in seen.pages.items()} == {"prometheus": "http://127.0.0.1:20010"}
    assert seen.traces == ""
    browser = said(settings, PLACEHOLDERS | PROMETHEUS).partition("to ask with curl")[0]
    assert re.findall(r"http://\S+", browser) == ["http://127.0.0.1:20010"]


def test_what_answers_is_named_and_no_way_to_have_it(settings):
    all_there = PROMETHEUS | {20013: JAEGER, 20011: ALERTMANAGER, 20019: GRAFANA}
    seen = looked(settings, all_there)
    assert set(seen.pages) == {"prometheus", "alertmanager", "jaeger", "grafana"}
    assert seen.traces == "http://127.0.0.1:20013"
    assert "docker run" not in said(settings, all_there)


def test_jaegers_pages_may_be_beside_it(settings):
    seen = looked(settings, PLACEHOLDERS | {20024: JAEGER})
    assert seen.traces == "http://127.0.0.1:20024"


@contextmanager
def serving(head, body, every_seconds=0.0):
    """The first port of a stack on whose Prometheus's port this is answered, at once or byte by byte; the requests."""
    asked, over = [], threading.Event()

    def answer():
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    asked.append(connection.recv(4096))
                    whole = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}".encode()
                    for piece in [bytes((byte,)) for byte in whole] if every_seconds else [whole]:
                        connection.sendall(piece)
                        over.wait(every_seconds)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1] - 10, asked
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def seen_on(base, folder):
    """What is seen of a stack whose first port this is, and how many seconds it took."""
    chosen = from_environment({"STORMDRILL_STATE": str(folder), "STORMDRILL_PORT_BASE": str(base)})
    began = time.monotonic()
    return pages.look(topology(chosen)).pages, time.monotonic() - began


WHOLE = (f"Content-Length: {len(PROMETHEUS[20010])}\r\nConnection: close", PROMETHEUS[20010])


def test_a_page_that_comes_at_once_is_seen(tmp_path):
    with serving(*WHOLE) as (base, asked):
        assert "prometheus" in seen_on(base, tmp_path)[0]
    assert len(asked) == 1


@pytest.mark.parametrize("slow", ["head", "body"])
def test_a_page_that_comes_byte_by_byte_is_none_and_holds_nobody_up(slow, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "_TIMEOUT_SECONDS", 0.3)
    head, body = WHOLE if slow == "body" else ("X: " + "x" * 1000, "")
    with serving(head, body, 0.02) as (base, asked):
        seen, seconds = seen_on(base, tmp_path)
    assert len(asked) == 1
    assert "prometheus" not in seen
    assert seconds < 10  # all of it would take twenty


@pytest.mark.parametrize("health", ['{"database": "failing"}', "{}", "[]", "no JSON", JAEGER])
def test_a_grafana_that_is_not_well_is_not_named(settings, health):
    assert "grafana" not in looked(settings, {20019: health}).pages


def test_nothing_at_all_is_said_to_be_nothing(settings):
    assert "to look at in a browser:\n  nothing\n" in said(settings, {})


def commands(text):
    return {words[-1] if ":" in words[-1] and "=" not in words[-1] else words[-2]: words
            for words in (shlex.split(line) for line in text.splitlines() if "docker run" in line)}  # fmt: skip


def test_one_command_each_runs_the_pinned_images(settings):
    images = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())["services"]
    found = commands(said(settings, PROMETHEUS))
    assert set(found) == {images["grafana"]["image"], images["jaeger"]["image"]}
    for words in found.values():
        assert words[:5] == ["docker", "run", "--rm", "--network", "host"]


def test_whatever_the_commands_name_is_written(settings):
    stack = topology(settings)
    render.make_folders(settings, stack)
    render.write_all(settings, stack)
    for words in commands(said(settings, PROMETHEUS)).values():
        source, inside, mode = words[words.index("-v") + 1].split(":")
        assert (source, mode) == (inside, "ro")
        named = [
            word.rpartition(":")[2]
            for word in words
            if str(settings.state) in word and word != words[words.index("-v") + 1]
        ]
        assert named
        for path in (source, *named):
            assert path.startswith(source)
            assert (settings.state / path).exists()


def test_jaegers_pages_read_what_the_stack_keeps_and_listen_on_loopback(settings):
    stack = topology(settings)
    render.make_folders(settings, stack)
    render.write_all(settings, stack)
    config = settings.state / "config"
    ours, theirs = (yaml.safe_load((config / name).read_text()) for name in ("jaeger.yaml", "jaeger-ui.yaml"))
    storage = theirs["extensions"]["jaeger_storage"]["backends"][
        theirs["extensions"]["jaeger_query"]["storage"]["traces"]
    ]
    assert storage["grpc"]["endpoint"] == ours["extensions"]["remote_storage"]["endpoint"] == "127.0.0.1:20023"
    listens = [theirs["extensions"]["jaeger_query"][kind]["endpoint"] for kind in ("http", "grpc")]
    assert listens == ["127.0.0.1:20024", "127.0.0.1:20025"]
    assert not {20024, 20025} & set(stack.all_ports())
    assert theirs["service"]["telemetry"]["metrics"]["level"] == "none"


def test_in_containers_grafana_is_a_part_of_the_stack(settings):
    text = said(settings, PROMETHEUS | {20013: JAEGER}, apart=True)
    assert "as a part of the stack:\n  COMPOSE_PROFILES=grafana make up" in text
    assert "docker run" not in text


def test_without_a_jaeger_nobody_is_sent_to_its_pages(settings):
    stack = build(settings, frozenset({"grafana", "jaeger"}))
    text = "\n".join(pages.lines(settings, stack, looked(settings, PROMETHEUS)))
    assert "jaegertracing" not in text
    assert "Jaeger" not in text


@pytest.mark.parametrize("page", [PLACEHOLDERS[20013], JAEGER, GRAFANA, PROMETHEUS[20010]])
def test_the_attacker_recognises_jaegers_pages_as_the_stack_does(settings, page):
    found = is_application("http://j", "Jaeger UI", httpx.MockTransport(lambda _: httpx.Response(200, text=page)))
    assert found == ("jaeger" in looked(settings, {20013: page}).pages)
    assert found == (page == JAEGER)
