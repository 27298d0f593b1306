"""What a target file may say of the requests that its users make, and how that is handed to the load process."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import InvalidFile, SignalUnavailable
from chaos.load import prepared
from chaos.spec import asked, loads, target, target_schema
from chaos.spec.asked import Asked
from chaos.spec.door import Certificate, Kept
from chaos.spec.loads import PathsLoad
from tests.unit.chaos.spec.test_target_file import LEAST

WHOLE = """\
load:
  type: paths
  headers: { X-Tenant: shop, Authorization: { env: STORMDRILL_TEST_TOKEN } }
  cookies: { consent: "yes", session: { file: session } }
  statuses: [2xx, 302, 410-411]
  redirects: follow
  paths:
    - /
    - { path: /cart, method: POST, weight: 3, json: { sku: a, number: 1 }, statuses: [201], headers: { x-tenant: b } }
    - { path: /form, method: PUT, file: body.bin, headers: { Content-Type: text/csv } }
    - { path: /login, method: POST, text: { env: STORMDRILL_TEST_LOGIN }, name: log in }
"""
MARK = "Zq7-nobody-may-read-this"


def read(folder, more=""):
    file = folder / "target.yaml"
    file.write_text(LEAST + more)
    return target.read(file)


@pytest.fixture
def whole(tmp_path, monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", f"Bearer {MARK}")
    monkeypatch.setenv("STORMDRILL_TEST_LOGIN", f"user=ü&password={MARK}")
    (tmp_path / "session").write_text(f"{MARK}\n")
    (tmp_path / "body.bin").write_bytes(b"\x00\xff")
    return read(tmp_path, WHOLE).load


def test_each_request_is_sent_as_it_is_written_with_what_counts_for_all(whole):
    first, cart, form, login = prepared.of(whole, "http://u")
    assert (first.method, first.path, first.body, first.expected) == (
        "GET",
        "/",
        None,
        ((200, 299), (302, 302), (410, 411)),
    )
    assert first.headers(0.0) == {"X-Tenant": "shop", "Authorization": f"Bearer {MARK}",
                                  "Cookie": f"consent=yes; session={MARK}"}  # fmt: skip
    assert (cart.weight, cart.body, cart.expected) == (3, b'{"sku": "a", "number": 1}', ((201, 201),))
    sent = cart.headers(0.0)
    assert (sent["x-tenant"], "X-Tenant" in sent, sent["Content-Type"]) == ("b", False, "application/json")
    assert (form.body, form.headers(0.0)["Content-Type"]) == (b"\x00\xff", "text/csv")
    assert (login.name, login.body) == ("log in", f"user=ü&password={MARK}".encode())


def test_what_the_load_process_is_told_has_no_credential_and_is_the_same(whole):
    told = loads.to_json(whole)
    assert MARK not in told
    assert loads.from_json(told) == whole
    assert MARK not in whole.in_words()
    assert "POST /cart, PUT /form, log in at 50 requests/s" in whole.in_words()
    assert "redirects are followed on the same server" in whole.in_words()


def test_files_count_from_the_targets(whole, tmp_path):
    assert whole.cookies["session"] == Kept(file=str(tmp_path / "session"))
    assert whole.paths[2].file == str(tmp_path / "body.bin")


def test_a_token_that_is_renewed_is_sent_and_one_that_is_gone_for_a_moment_is_kept(tmp_path):
    (tmp_path / "token").write_text("first")
    one = prepared.Prepared(Asked("/", headers={"Authorization": Kept(file=str(tmp_path / "token"))}), "http://u")
    (tmp_path / "token").write_text("second")
    assert one.headers(10.0)["Authorization"] == "second"
    (tmp_path / "token").unlink()
    assert one.headers(20.0)["Authorization"] == "second"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Asked("/", headers={"X": Kept(env="STORMDRILL_TEST_NONE")}), r"headers.X: nothing .* \$STORMDRILL_TEST_NONE"),
        (Asked("/", cookies={"c": Kept(file="/nowhere")}), "cookies.c: nothing is to be found in /nowhere"),
        (Asked("/", cookies={"c": "a;b"}), "cookies.c: has characters"),
        (Asked("/", headers={"X": "a\nb"}), "headers.X: has characters"),
        (Asked("/", file="/nowhere"), "file: FileNotFoundError"),
        (Asked("/", text=Kept(env="STORMDRILL_TEST_NONE")), "text: nothing is to be found"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_sent(one, said):
    with pytest.raises(SignalUnavailable, match=said):
        prepared.Prepared(one, "http://u")


def test_a_certificate_that_is_not_there_is_named():
    with pytest.raises(SignalUnavailable, match="certificate: FileNotFoundError"):
        prepared.of(PathsLoad(paths=["/"], certificate=Certificate("/nowhere")), "https://u")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("headers: { Authorization: s3cret }", "comes from env or file"),
        ("headers: { Cookie: s3cret }", "cookies have a key of their own"),
        ("headers: { 'X Y': z }", "is no name of one"),
        ("cookies: { 'a=b': z }", "is no name of one"),
        ("statuses: []", "statuses: at least one is needed"),
        ("statuses: [2xy]", "none such as 200"),
        ("statuses: [99]", "not within 100 to 599"),
        ("statuses: [204-200]", "not within 100 to 599"),
        ("redirects: sometimes", "redirects"),
        ("ca: ca.pem", "with https:// alone"),
        ("insecure: true", "unknown key insecure"),
    ],
)
def test_what_cannot_be_sent_is_an_error_and_no_value_is_repeated(tmp_path, more, reason):
    with pytest.raises(InvalidFile, match=reason) as refused:
        read(tmp_path, f"load: {{ type: paths, paths: [/], {more} }}")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("method: get", "'get' is none such as GET"),
        ("json: {}, text: x", "give one of json, text and file"),
        ("weight: 0", "weight of 1 or more"),
        ("statuses: [7xx]", "none such as 200"),
        ("body: x", "unknown key body"),
    ],
)
def test_of_one_request_too(tmp_path, more, reason):
    with pytest.raises(InvalidFile, match=reason):
        read(tmp_path, f"load: {{ type: paths, paths: [{{ path: /, {more} }}] }}")


def test_old_files_mean_what_they_meant(tmp_path):
    load = read(tmp_path, "load: { type: paths, paths: { /a: 5, /b: 1 } }").load
    assert [(one.method, one.path, one.weight) for one in load.asked] == [("GET", "/a", 5), ("GET", "/b", 1)]
    assert {asked.ranges(one.statuses) for one in load.asked} == {((200, 299),)}
    assert load.redirects == "stay"


def test_without_a_word_an_answer_that_sends_elsewhere_is_one():
    [one] = loads.unsaid().asked
    assert asked.ranges(one.statuses) == ((200, 299), (300, 399))


@given(st.integers(100, 599), st.integers(100, 599))
def test_statuses_are_taken_in_each_form(first, last):
    first, last = sorted((first, last))
    assert asked.ranges([first, str(first), f"{first}-{last}"]) == ((first, first), (first, first), (first, last))
    assert asked.ranges([f"{first // 100}xx"]) == ((first // 100 * 100, first // 100 * 100 + 99),)


def test_the_schema_has_each_key_of_a_load():
    made = target_schema.schema()
    for kind in (PathsLoad, Asked):
        wanted = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert wanted <= set(made["$defs"][kind.__name__]["properties"])
    assert "production" in made["$defs"]["Target"]["properties"]


def test_the_page_names_each_key_of_a_load():
    page = (Path(__file__).parents[4] / "docs" / "own-stack.md").read_text()
    keys = {field.encode_name for kind in (PathsLoad, Asked) for field in msgspec.structs.fields(kind)}
    assert {key for key in keys if not re.search(rf"\b{key}\b", page.partition("### Load")[2])} == set()
