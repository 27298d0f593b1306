"""README and docs: short, no dead link, every command and example there is one that works."""

import re
import shlex
import subprocess
from collections import defaultdict

import pytest

from chaos.cli.arguments import parser
from compose.settings import ROOT

WHERE = ("*.md", "docs/*.md", "alerts/README.md", "dashboards/README.md", "chaos/experiments/README.md")
PAGES = sorted(str(file.relative_to(ROOT)) for glob in WHERE for file in ROOT.glob(glob))
README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchors(text):
    """The names that a page's headings have as targets of links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    text = FENCE.sub("", (ROOT / page).read_text())
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(file.read_text()), f"{page}: {link}: no such heading"


def test_readme_is_short_has_two_pictures_and_leads_to_every_page():
    assert len(README.splitlines()) <= 150
    assert len(re.findall(r"^!\[[^\]]{20,}\]", README, re.MULTILINE)) == 2
    assert set(re.findall(r"\]\((docs/[\w-]+\.md)\)", README)) == {page for page in PAGES if page.startswith("docs/")}


def said(pattern):
    """Every command of this form that any page names, with the page: in a line of its own, or between backticks."""
    found = set()
    for page in PAGES:
        if page == "CHANGELOG.md":
            continue
        text = (ROOT / page).read_text()
        lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
        spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
        found |= {(page, match.group(1)) for part in lines + spans for match in re.finditer(pattern, part)}
    return sorted(found)


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z0-9-]+)(?=[ a-z0-9-]*:)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= {"setup-native", "setup-browser"}
    shipped = {f"chaos-{file.stem}" for file in (ROOT / "chaos/experiments").rglob("*.yaml")} | {"chaos-all"}
    named = said(r"(?:^|[\s;&|])make ([a-z][a-z0-9-]+)(?![\w<…-])")
    assert len(named) > 30
    assert [each for each in named if each[1] not in targets | shipped] == []


def test_make_help_fits_one_screen_and_leaves_no_target_out():
    shown = subprocess.run(("make", "help"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(shown.splitlines()) <= 40
    assert max(map(len, shown.splitlines())) <= 100
    told = set(re.findall(r"^([a-z0-9%-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert len(told) > 30
    assert told <= set(shown.split())


FOR_USERS = [page for page in PAGES if page not in ("DESIGN.md", "CONTRIBUTING.md")]
COMMANDS = [each for each in said(r"(?:^|^\$ |/)stormdrill ([^#|;]+)") if each[0] in FOR_USERS]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_that_is_named_is_understood(page, command, capsys):
    words = [re.sub(r"[<>]", "x", word.strip("[]")) for word in shlex.split(command.replace("…", "x.yaml"))]
    if len(words) == 1:
        words.append("--help")
    assert understood(words), f"{page}: stormdrill {command}: {capsys.readouterr().err}"


def understood(words):
    try:
        parser(defaultdict(lambda: lambda given: 0)).parse_args(words)
    except SystemExit as ended:  # `--help` ends so too
        return ended.code == 0
    return True
