"""What each mechanism is worth, as a page and in Markdown: with its switch on, beside the same with it off."""

from collections.abc import Iterable
from typing import Any

import msgspec

from chaos.report import durations, html
from chaos.report.summary import text
from chaos.spec.ablation import Notice
from chaos.verdict.ablation import Ablation, Compared, Found, Side

_STYLES = {
    Found.NOTICED: "held",
    Found.LISTED: "inconclusive",
    Found.UNKNOWN: "did-not-run",
    Found.OTHERWISE: "deviated",
    Found.NOTHING: "deviated",
}
_HEAD = (
    "switch", "experiment", "what came of it", "verdict on / off", "users' requests that failed on / off",
    "p50 on / off", "p99 on / off", "writes lost on / off", "to be noticed",
)  # fmt: skip


def render(ablation: Ablation) -> bytes:
    """The content of `ablation.json`."""
    built = msgspec.to_builtins(ablation, enc_hook=str)
    for one, written in zip(ablation.compared, built["compared"], strict=True):
        written["found"] = one.found.value
    return msgspec.json.format(msgspec.json.encode(built), indent=2) + b"\n"


def page(ablation: Ablation) -> str:
    """One HTML file that needs nothing else; the links lead to the folders beside its own."""
    return html.page(
        "ablation.html.j2",
        ablation=ablation,
        title=_title(ablation),
        head=_HEAD,
        rows=[_row(one) for one in ablation.compared],
        findings=list(_findings(ablation)),
    )


def markdown(ablation: Ablation) -> str:
    """The table, what it found, and which switches are exempt."""
    lines = [
        "# What each mechanism is worth",
        "",
        f"Written by `make ablation` on {html.clock(ablation.started)}, revision {text(ablation.revision)}"
        f"{' with uncommitted changes' if ablation.dirty else ''}, in {durations.spoken(round(ablation.seconds))}. "
        f"{_title(ablation)}.",
        "",
        "Each row is one switch of the system: the experiment that carries its claim, run with it on and with it off, "
        "on the same machine within the hour. Requests, median and p99 are those of users while the fault was held, or "
        "before it where the baseline did not hold; writes are orders, sessions and carts that were acknowledged and "
        "then lost, doubled, or not shown. One run a side: small differences are chance, and a row says how large one "
        "has to be.",
        "",
        f"| {' | '.join(_HEAD)} |",
        f"|{'---|' * len(_HEAD)}",
    ]
    for one in ablation.compared:
        cells = _row(one)
        named = ("switch", "experiment", "found", "verdicts", "failed", "p50", "p99", "lost", "notices")
        lines.append(f"| {' | '.join(text(str(cells[name])) for name in named)} |")
    if ablation.ended_early:
        lines += ["", f"**Ended early:** {text(ablation.ended_early)}."]
    if found := list(_findings(ablation)):
        lines += ["", "## What it found", "", *(f"- **{text(switch)}**: {text(why)}" for switch, why in found)]
    if ablation.exempt:
        lines += ["", "## Exempt", "", *(f"- `{one.switch}`: {text(one.reason)}" for one in ablation.exempt)]
    return "\n".join(lines) + "\n"


def line(one: Compared) -> str:
    """What came of one switch, for a terminal."""
    cells = _row(one)
    why = f": {cells['why']}" if cells["why"] else ""
    return (
        f"{one.row.switch:<28}{one.found.value:<21}failed {cells['failed']}, p99 {cells['p99']}, "
        f"lost {cells['lost']}, {cells['verdicts']}{why}"
    )


def _title(ablation: Ablation) -> str:
    found = [one.found for one in ablation.compared]
    said = ", ".join(f"{found.count(kind)} {kind.value}" for kind in Found if kind in found) or "nothing compared"
    return f"{len(found)} of {len(ablation.planned)} switches compared: {said}"


def _findings(ablation: Ablation) -> Iterable[tuple[str, str]]:
    for one in ablation.compared:
        match one.found:
            case Found.LISTED:
                yield one.row.switch, one.row.finding
            case Found.NOTHING:
                yield (
                    one.row.switch,
                    f"{one.row.experiment} does not notice that it is off: an experiment is missing, or the mechanism "
                    "is not worth its code",
                )
            case Found.OTHERWISE:
                expected = "nothing was to be noticed" if one.row.finding else f"expected: {_notices(one.row.notices)}"
                yield one.row.switch, f"it is noticed, and not as the table says ({expected})"
            case Found.UNKNOWN:
                yield one.row.switch, f"nothing can be said: {_why(one)}"


def _row(one: Compared) -> dict[str, Any]:
    on, off = one.on, one.off
    return {
        "switch": ", ".join(f"{name}={value}" for name, value in one.row.settings.items()),
        "experiment": one.row.experiment,
        "found": one.found.value,
        "style": _STYLES[one.found],
        "verdicts": f"{_word(on)} / {_word(off)}",
        "failed": f"{_share(on.failed)} / {_share(off.failed)}",
        "p50": f"{_milliseconds(on.p50_seconds)} / {_milliseconds(off.p50_seconds)}",
        "p99": f"{_milliseconds(on.p99_seconds)} / {_milliseconds(off.p99_seconds)}",
        "lost": f"{_number(on.lost)} / {_number(off.lost)}",
        "notices": "nothing so far" if one.row.finding else _notices(one.row.notices),
        "why": _why(one),
        "on_link": f"../{on.run_id}/report.html" if on.run_id else "",
        "off_link": f"../{off.run_id}/report.html" if off.run_id else "",
    }


def _why(one: Compared) -> str:
    of_on = one.on.why or ("" if one.on.held else "it does not hold with the switch on")
    told = (("on", of_on), ("off", one.off.why))
    return "; ".join(f"{side}: {why}" for side, why in told if why)


def _word(side: Side) -> str:
    return f"{side.word}, in the baseline" if side.phase == "before" and not side.held else side.word


def _notices(notices: Notice) -> str:
    said = [
        f"{notices.failed:.0%} more fail" if notices.failed is not None else "",
        f"median longer by {notices.p50}" if notices.p50 is not None else "",
        f"p99 longer by {notices.p99}" if notices.p99 is not None else "",
        f"{notices.lost} more writes lost" if notices.lost is not None else "",
        "it holds no more" if notices.verdict else "",
    ]
    return " or ".join(one for one in said if one)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)
