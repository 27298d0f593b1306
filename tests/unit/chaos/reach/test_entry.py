"""Doors: who we are is said with each question, and what is kept stands in no message, whatever a server answers."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import SignalUnavailable
from chaos.observe.prometheus import Prometheus
from chaos.reach import entry
from chaos.reach.http import JsonApi
from chaos.reach.silences import Silences
from chaos.spec.door import Basic, Door, Kept, amiss, doors, plain, shown

_WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_", min_size=8, max_size=30).map(lambda one: f"Zq{one}")


class Server:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self, status=200, text='{"ok": true}'):
        self.asked: list[httpx.Request] = []
        self.status, self.text = status, text

    def __call__(self, request):
        self.asked.append(request)
        return httpx.Response(
            self.status, text=self.text.format(**request.headers) if self.status >= 400 else self.text
        )


def ask(door, server):
    return JsonApi("it", door, httpx.MockTransport(server)).get("/api")


def test_headers_token_and_tenant_are_sent_below_the_prefix(monkeypatch, tmp_path):
    monkeypatch.setenv("PROM_TOKEN", "first")
    (tmp_path / "tenant").write_text("shop\n")
    door = Door("http://p:1/prom", headers={"X-Scope-OrgID": Kept(file="tenant"), "X-Plain": "as written"},
                bearer=Kept(env="PROM_TOKEN")).placed(tmp_path)  # fmt: skip
    server = Server()
    api = JsonApi("it", door, httpx.MockTransport(server))
    api.get("/api/v1/rules", type="alert")
    (tmp_path / "tenant").write_text("other")
    api.get("/api/v1/rules")
    first, second = server.asked
    assert str(first.url) == "http://p:1/prom/api/v1/rules?type=alert"
    assert (first.headers["authorization"], first.headers["x-plain"]) == ("Bearer first", "as written")
    # A token that is renewed in its file is shown as it is then.
    assert (first.headers["x-scope-orgid"], second.headers["x-scope-orgid"]) == ("shop", "other")


def test_a_user_in_the_url_and_basic_are_the_same(monkeypatch):
    monkeypatch.setenv("PASSWORD", "p@ss/w:rd")
    for door in ("http://ci:p%40ss%2Fw%3Ard@p/prom", Door("http://p/prom", basic=Basic("ci", Kept(env="PASSWORD")))):
        server = Server()
        ask(door, server)
        assert server.asked[0].headers["authorization"] == httpx.BasicAuth("ci", "p@ss/w:rd")._auth_header
        assert str(server.asked[0].url) == "http://p/prom/api"


@given(_WORD, st.sampled_from([400, 401, 403, 500]))
def test_no_message_says_what_is_kept(password, status):
    """Not even where a server repeats it, or a URL has it (case C21)."""
    echo = Server(status, "you said {authorization}")
    with pytest.raises(SignalUnavailable) as refused:
        ask(f"http://ci:{password}@p/prom", echo)
    assert password not in str(refused.value)
    assert httpx.BasicAuth("ci", password)._auth_header.split()[1] not in str(refused.value)
    look = Prometheus(f"http://ci:{password}@p/prom", 0.0, httpx.MockTransport(echo)).look(1.0)
    assert look.error is not None
    assert password not in look.error
    with pytest.raises(SignalUnavailable) as refused:
        Silences(f"http://ci:{password}@a", "me", httpx.MockTransport(echo)).left()
    assert password not in str(refused.value)


@given(_WORD)
def test_what_a_server_repeats_is_hidden(token):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STORMDRILL_TEST_TOKEN", token)
        for door in (
            Door("http://p", bearer=Kept(env="STORMDRILL_TEST_TOKEN")),
            Door("http://p", basic=Basic("ci", Kept(env="STORMDRILL_TEST_TOKEN"))),
            Door("http://p", headers={"Authorization": Kept(env="STORMDRILL_TEST_TOKEN")}),
        ):
            server = Server(400, "you said {authorization}")
            with pytest.raises(SignalUnavailable) as refused:
                ask(door, server)
            assert token not in str(refused.value)
            assert server.asked[0].headers["authorization"].split()[-1] not in str(refused.value)


@pytest.mark.parametrize(
    ("door", "said"),
    [
        (Door("http://p", bearer=Kept(env="STORMDRILL_TEST_NONE")), r"bearer: nothing is to be found in \$STORMDRILL"),
        (Door("http://p", headers={"A": Kept(file="/nowhere")}), "headers.A: nothing is to be found in /nowhere"),
        (Door("http://p", ca="/nowhere"), "ca: FileNotFoundError"),
        (Door("http://p", proxy=Kept(env="STORMDRILL_TEST_NONE")), "proxy: nothing is to be found"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_broken(door, said):
    with pytest.raises(SignalUnavailable, match=said):
        entry.assert_usable(door)
    with pytest.raises(SignalUnavailable, match=said):
        JsonApi("it", door).get("/")


def test_a_secret_of_several_lines_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", "Zqfirst\nZqsecond")
    with pytest.raises(SignalUnavailable, match="characters that cannot be sent") as refused:
        ask(Door("http://p", bearer=Kept(env="STORMDRILL_TEST_TOKEN")), Server())
    assert "Zq" not in str(refused.value)


def test_of_replicas_any_that_answers_is_asked_and_it_first_from_then_on():
    asked: list[str] = []
    silent = {"a"}

    def answer(request):
        asked.append(request.url.host)
        if request.url.host in silent:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"from": request.url.host})

    api = JsonApi("it", ["http://a", "http://b", "http://a"], httpx.MockTransport(answer))
    assert [api.get("/"), api.get("/")] == [{"from": "b"}] * 2
    assert asked == ["a", "b", "b"]
    silent.add("b")
    with pytest.raises(SignalUnavailable, match=r"refused.*refused"):
        api.get("/")
    silent.clear()
    assert api.get("/") == {"from": "b"}


def test_what_one_replica_does_not_understand_no_other_is_asked():
    asked: list[str] = []

    def answer(request):
        asked.append(request.url.host)
        return httpx.Response(400, text="parse error")

    with pytest.raises(SignalUnavailable, match="parse error"):
        JsonApi("it", ["http://a", "http://b"], httpx.MockTransport(answer)).get("/")
    assert asked == ["a"]


def test_addresses_are_shown_without_users():
    assert shown(["http://ci:s3cret@a:1/x", Door("https://b")]) == "http://a:1/x, https://b"
    assert plain("http://a/x?y=1") == "http://a/x?y=1"
    assert doors("") == ()


@pytest.mark.parametrize("url", ["p", "ftp://p", "http://", "http://p?token=s3cret", "http://p:port", "http://[p"])
def test_what_is_no_base_url_is_refused_without_being_repeated(url):
    assert amiss(url)
    assert "s3cret" not in amiss(url)


def test_nobody_is_followed_to_another_host_with_what_is_kept(monkeypatch):
    """Nor to any other: who moved says so, and the target file can be mended."""
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", "Zqtoken")
    asked = []

    def answer(request):
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://elsewhere/?t=Zqtoken"})

    with pytest.raises(SignalUnavailable, match="302") as refused:
        JsonApi("it", Door("http://p", bearer=Kept(env="STORMDRILL_TEST_TOKEN")), httpx.MockTransport(answer)).get("/")
    assert asked == ["p"]
    assert "Zq" not in str(refused.value)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Api-Key", "PRIVATE-TOKEN", "X-Auth"])
def test_what_lets_somebody_in_stands_in_no_target_file(name):
    """It would be repeated by what `adopt` writes, and by servers."""
    with pytest.raises(ValueError, match="env or file") as refused:
        Door("http://p", headers={name: "Zqsecret"})
    assert "Zq" not in str(refused.value)
    assert Door("http://p", headers={name: Kept(env="A"), "X-Scope-OrgID": "shop"})


def test_the_word_behind_a_scheme_and_a_password_as_urls_have_it_are_hidden(monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", "Bearer Zqtoken")
    door = Door("http://p", headers={"Authorization": Kept(env="STORMDRILL_TEST_TOKEN")})
    assert "Zq" not in entry.hidden("token Zqtoken is unknown", door)
    assert "Zq" not in entry.hidden("from http://ci:Zq%40word@p/x", Door("http://ci:Zq%40word@p"))


def test_a_proxy_that_is_no_url_is_said_and_not_repeated(monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_PROXY", "http://[Zqproxy")
    door = Door("http://p", proxy=Kept(env="STORMDRILL_TEST_PROXY"))
    with pytest.raises(SignalUnavailable, match="proxy") as refused:
        ask(door, Server())
    assert "Zq" not in str(refused.value)
    assert "Zq" not in entry.hidden("proxy http://[Zqproxy", door)
