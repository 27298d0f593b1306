"""What is known of each rule that a stack runs: as a table for a terminal, as Markdown, as JUnit XML."""

from collections import Counter
from collections.abc import Iterable

from chaos.report import durations, junit, plain
from chaos.report.junit import Case
from chaos.verdict.standing import Adopted, Standing, Word

_NAME = 38
_WORD = 15
_HEAD = ("rule", "word", "why", "evaluated", "input", "may reach", "kept back", "fault to page")


def render(adopted: Adopted, news: Iterable[str]) -> str:
    """For a terminal: each rule, worst first, then what is new and what could not be asked."""
    lines = [summary(adopted)]
    for one in _sorted(adopted):
        lines.append(f"  {one.word.value:<{_WORD}}{plain.line(_called(one)):<{_NAME}} {plain.line(one.why)}")
        lines.append(f"  {'':<{_WORD}}{'':<{_NAME}} {plain.line('; '.join(_details(one)))}")
    lines += [f"new since: {plain.line(one)}" for one in news]
    lines += [f"not told: {plain.line(one)}" for one in adopted.untold]
    return "\n".join(lines) + "\n"


def summary(adopted: Adopted) -> str:
    """How many rules there are of each word."""
    there = Counter(one.word for one in adopted.rules)
    said = ", ".join(f"{there[word]} {word.value}" for word in reversed(Word) if there[word])
    return f"{len(adopted.rules)} alerting rules: {said or 'none'}"


def markdown(adopted: Adopted, news: Iterable[str]) -> str:
    """The same as a page."""
    lines = ["# The alerts of this stack", "", summary(adopted), "", _row(_HEAD), _row(["---"] * len(_HEAD))]
    lines += [_row(_cells(one)) for one in _sorted(adopted)]
    for title, said in (("New since", list(news)), ("Not told", adopted.untold)):
        if said:
            lines += ["", f"## {title}", "", *(f"- {_cell(one)}" for one in said)]
    return "\n".join(lines) + "\n"


def junit_xml(adopted: Adopted) -> bytes:
    """A case for each rule: whoever would tell nobody has failed, whatever is not proven yet is skipped."""
    return junit.render_cases("adopt", [_case(one) for one in adopted.rules])


def _case(one: Standing) -> Case:
    said = f"{one.word.value}: {one.why}"
    if one.word.wrong:
        return Case(one.group, one.key, failure=said)
    return Case(one.group, one.key, skipped="" if one.word is Word.PROVEN else said)


def _sorted(adopted: Adopted) -> list[Standing]:
    order = list(Word)
    return sorted(adopted.rules, key=lambda one: (order.index(one.word), one.name, one.key))


def _called(one: Standing) -> str:
    severity = one.labels.get("severity")
    return f"{one.name} ({severity})" if severity else one.name


def _details(one: Standing) -> Iterable[str]:
    yield f"reaches {_reach(one)}"
    if one.delay_seconds is not None:
        yield f"{durations.spoken(round(one.delay_seconds))} from fault to page"
    if one.has_input is None:
        yield "whether it has input was not told"
    if one.firing:
        yield f"{one.firing} firing"
    yield from one.kept_back


def _reach(one: Standing) -> str:
    names = ", ".join(one.receivers) or "nobody that is known"
    return f"{names}, which labels of its series decide" if one.perhaps else names


def _cells(one: Standing) -> list[str]:
    told = {True: "yes", False: "no", None: "not told"}
    delay = "" if one.delay_seconds is None else durations.spoken(round(one.delay_seconds))
    kept = "; ".join(one.kept_back)
    return [_called(one), one.word.value, one.why, told[one.evaluated], told[one.has_input], _reach(one), kept, delay]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    # What people and programs wrote is to be read here, not to be a table, a picture or a page of its own.
    return plain.line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
