"""What a target file of a stack of one's own says of doors, of scope and of where its experiments are."""

import argparse
from pathlib import Path

import pytest
import yaml

from chaos.cli import checkout, theirs, whose
from chaos.errors import InvalidFile, StackUnreachable
from chaos.spec import experiment, skeleton, target, target_schema
from chaos.spec.door import Door, Kept, doors
from chaos.spec.skeleton import Seen, Servers, Speaks
from chaos.spec.target import Target
from tests.unit.chaos.spec.test_target_file import LEAST

DOORS = """\
urls:
  users: "http://u"
  prometheus:
    - { url: "https://p:1/prom", bearer: { file: token }, ca: ca.pem, timeout: 30s, headers: { X-Scope-OrgID: shop } }
    - http://ci:s3cret@q
  alertmanager: { url: "https://a", basic: { user: ci, password: { env: PASSWORD } }, certificate: { file: c.pem } }
  pager: http://127.0.0.1:1
alerting: { receiver: ops, only: { team: shop } }
"""
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def written(tmp_path):
    def write(urls, name="target.yaml"):
        file = tmp_path / name
        file.write_text(LEAST.replace('urls: { users: "http://u" }\n', urls))
        return file

    return write


def test_doors_are_read_and_their_files_count_from_the_target(written, tmp_path):
    read = target.read(written(DOORS))
    first, second = doors(read.urls.prometheus)
    assert (first.bearer, first.ca) == (Kept(file=str(tmp_path / "token")), str(tmp_path / "ca.pem"))
    assert (first.timeout.in_seconds, first.headers) == (30.0, {"X-Scope-OrgID": "shop"})
    assert second == Door("http://ci:s3cret@q")
    assert doors(read.urls.alertmanager)[0].certificate.file == str(tmp_path / "c.pem")
    assert read.alerting.only == {"team": "shop"}


@pytest.mark.parametrize(
    ("door", "said"),
    [
        ('{ url: "http://p", bearer: s3cret }', "bearer"),
        ('{ url: "http://p", bearer: { env: A, file: b } }', "give either env or file"),
        ('{ url: "http://ci:s3cret@p", bearer: { env: A } }', "give one of bearer, basic"),
        ('{ url: "http://p", bearer: { env: A }, headers: { authorization: { env: B } } }', "headers"),
        ('{ url: "http://p", proxy: "http://ci:s3cret@x" }', "proxy: one with a password comes from env or file"),
        ('{ url: "http://p", password: s3cret }', "unknown key password"),
        ('"http://p?token=s3cret"', "prometheus: url: ends with its path"),
        ('[{ url: "ftp://s3cret" }]', "must begin with http"),
    ],
)
def test_what_is_no_door_is_refused_and_no_secret_repeated(written, door, said):
    with pytest.raises(InvalidFile, match=said) as refused:
        target.read(written(f'urls: {{ users: "http://u", prometheus: {door} }}\n'))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("name", ["users", "toxiproxy", "watchdog", "grafana"])
def test_a_url_that_is_handed_on_takes_no_password(written, name):
    urls = {"users": "http://u"} | {name: "http://ci:s3cret@u"}
    with pytest.raises(InvalidFile, match=f"{name}: takes no user and password"):
        target.read(written(f"urls: {yaml.safe_dump(urls, default_flow_style=True)}"))


def test_the_schema_of_a_target_file_has_every_key():
    made = target_schema.schema()
    assert set(made["$defs"]["Target"]["properties"]) == set(Target.__struct_fields__)
    assert {"Door", "Kept", "Alerting"} <= made["$defs"].keys()
    assert '"title": "target.yaml"' in target_schema.text()


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, checkout.EXPERIMENTS),
        ({"target": Path("/t/target.yaml")}, Path("/t/experiments")),
        ({"target": Path("/t/target.yaml"), "experiments": Path("mine")}, Path("mine")),
    ],
)
def test_experiments_are_beside_the_target_where_nobody_says_otherwise(given, folder):
    arguments = argparse.Namespace(**{"target": None, "experiments": None} | given)
    assert whose.experiments_of(arguments) == folder


def test_where_nobody_says_which_alerts_there_are_names_are_not_checked_and_nothing_is_covered(written, tmp_path):
    """Never those of our shop (case C09)."""
    urls = f'urls: {{ users: "http://u", prometheus: "{NOBODY}", alertmanager: "{NOBODY}", pager: "{NOBODY}" }}\n'
    file = written(f"{urls}alerting: {{ receiver: ops }}\n")
    known = theirs.vocabulary(file)
    assert (known.any_alert, known.knows("Whatever"), known.should_run) == (True, True, frozenset())
    with pytest.raises(StackUnreachable, match="which rules there are nobody says"):
        theirs.sources(target.read(file), tmp_path, tmp_path)


def test_what_files_name_is_known_without_a_prometheus_and_should_run(written, tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yml").write_text("groups: [{ name: g, rules: [{ alert: Tiny, expr: up == 0 }] }]")
    urls = f'urls: {{ users: "http://u", prometheus: "{NOBODY}", alertmanager: "{NOBODY}", pager: "{NOBODY}" }}\n'
    file = written(f"{urls}alerting: {{ receiver: ops }}\nrules: rules\n")
    known = theirs.vocabulary(file)
    assert (known.alerts, known.should_run, known.any_alert) == ({"Tiny"}, {"Tiny"}, False)
    assert theirs.sources(target.read(file), tmp_path, tmp_path).known == ("Tiny",)


def test_what_a_stack_of_ours_was_made_with_is_known_when_its_prometheus_has_it_no_more(written, tmp_path):
    (tmp_path / "manifest.json").write_text('{"alerts": {"1": {"name": "Gone"}, "Old": {}}}')
    urls = f'urls: {{ users: "http://u", prometheus: "{NOBODY}", alertmanager: "{NOBODY}", pager: "{NOBODY}" }}\n'
    manifest = tmp_path / "manifest.json"
    known = theirs.vocabulary(written(f"{urls}alerting: {{ receiver: ops }}\ntiming: {manifest}\n"))
    assert (known.alerts, known.should_run) == ({"Gone", "Old"}, {"Gone", "Old"})


@pytest.mark.parametrize(
    "instance", ["10.0.0.1:2379", "web-1", "yes", "[::1]:80", "Über:1", "a b", "1.10", "https://x/y"]
)
def test_whatever_an_instance_is_called_its_draft_is_valid(tmp_path, instance):
    name = skeleton.named("job", instance)
    seen = [Seen(name, "job: with # signs", instance)]
    speak = {
        name: [Speaks("Down", {"severity": "no", "n": "1"}, True, 90.0, 400.0), Speaks("Other", {}, False, 1.0, 1.0)]
    }
    servers = Servers("http://ci:s3cret@p/x", NOBODY, "http://u", NOBODY, "a/b #c")
    file = tmp_path / "target.yaml"
    file.write_text(skeleton.target("it", servers, seen, ["way 1"]))
    assert "s3cret" not in file.read_text()
    read = target.read(file)
    assert (read.alerting.receiver, list(read.links)) == ("a/b #c", ["way 1"])
    known = experiment.Vocabulary(frozenset({"Down", "Other"}), frozenset(read.instances), frozenset(read.links))
    drafts = skeleton.experiments(seen, ["way 1"], speak)
    assert len(drafts) == 3
    for draft, text in drafts.items():
        (tmp_path / f"{draft}.yaml").write_text(text)
        made = experiment.read(tmp_path / f"{draft}.yaml", known)
    killed = experiment.read(tmp_path / f"kill-{name}.yaml", known)
    assert [(one.name, one.labels) for one in killed.alerts] == [
        ("Down", {"severity": "no", "n": "1", "instance": instance})
    ]
    assert (killed.may_fire, made.alerts) == (["Other"], [])
