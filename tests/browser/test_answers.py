"""What the page says back: to what is pressed, to what is not to be had, and to what comes while nobody looks."""

import pytest

from chaos.facts.game import GAME_FILE, Acted, Claimed, Paged, Steered, append
from chaos.gameday.table import Table
from chaos.report import durations
from tests.browser.conftest import PHONE
from tests.browser.test_views import place  # noqa: F401  # a fixture

ALERT = "Down{instance=shop-2}"
NOTHING_ANSWERED_MS = 25_000
"""The page waits 20 s for an answer."""
LOOKS_AGAIN_MS = 8_000
"""It looks for new traces every 5 s."""


def comes(enter, url, who="Ann", viewport=PHONE):
    page = enter(url, viewport)
    page.wait_for_selector("#page-3")
    if who:
        page.get_by_label("You are").fill(who)
    return page


def event(number, words, **fact):
    return {"number": number, "at": 9.0, "when": "9.0 s", "words": words, "fact": {"number": number, "at": 9.0} | fact}


def trace(name, failed):
    return {
        "id": name, "link": "", "asked": f"GET /{name}", "place": "shop-1", "failed": failed, "refused": failed,
        "status": "", "took_seconds": 0.2, "after": 4.0, "phase": "", "detail": "", "ticks": [0.0, 0.2], "rows": [],
        "notes": [],
    }  # fmt: skip


def test_nothing_is_chosen_before_somebody_does(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    page = comes(enter, urls["player"])
    for button, field in (("Claim", "component"), ("Claim", "family"), ("Do it", "action")):
        page.get_by_role("button", name=button, exact=True).click()
        assert page.locator(f"#{field}").evaluate("field => field.validity.valueMissing"), field
    page.locator("#component").select_option("shop-2")
    page.locator("#family").select_option("process")
    page.get_by_role("button", name="Claim", exact=True).click()
    page.wait_for_selector("#said-claim:has-text('shop-2, process, 50% sure')")
    assert len(Table(folder).all(Claimed)) == 1
    page.locator("#action").select_option("restart shop-2")
    page.get_by_role("button", name="Do it", exact=True).click()
    page.wait_for_selector("#said-act:has-text('Ann wants: restart shop-2')")
    page.wait_for_function("document.getElementById('action').value === ''")


def test_what_became_of_an_action_stands_beside_its_button(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    page = comes(enter, urls["player"])
    append(folder / GAME_FILE, Acted(0, 11.0, 4, True, "shop-2 is started"))
    page.wait_for_selector("#said-act:has-text('shop-2 is started')")
    assert page.locator("#spoken >> text=shop-2 is started").count() == 1


def test_who_is_unsure_is_told_that_it_does_not_count(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.locator("#sure").fill("45")
    page.wait_for_selector("#sureness:has-text('too unsure to count')")
    page.locator("#sure").fill("50")
    page.wait_for_selector("#sureness:not(:has-text('too unsure'))")


def test_what_comes_in_one_answer_is_all_spoken(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    for_two = [event(90, "nobody took page 3", game="escalated", page=3, to="Bob"),
               event(91, "sales asks", game="inject_told", sender="sales", text="?", within_seconds=None)]  # fmt: skip
    page.evaluate("events => events.forEach((one) => happened(one, false))", for_two)
    assert page.locator("#spoken p").all_inner_texts() == ["nobody took page 3", "sales asks"]


def test_an_old_page_of_an_alert_that_fires_again_is_over(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    page = comes(enter, urls["player"])
    page.wait_for_function("document.title === '(1) Game day'")
    append(folder / GAME_FILE, Paged(0, 12.0, "pager", False, [ALERT], "It is down", "", 12.0))
    append(folder / GAME_FILE, Paged(0, 14.0, "pager", True, [ALERT], "It is down", "", 14.0))
    page.wait_for_selector("#page-6.untaken")
    page.wait_for_selector("#page-3.past:not(.untaken)")
    page.wait_for_function("document.title === '(1) Game day'")
    page.wait_for_selector("#calls:has-text('a page that nobody has')")


def test_a_defect_of_the_console_is_told_as_one(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.route("**/do/note", lambda route: route.fulfill(status=500, body=""))
    page.locator("#text").fill("it is slow")
    page.get_by_role("button", name="Write it down").click()
    page.wait_for_selector("#refused:has-text('it answers 500')")
    assert "does not answer" not in page.locator("#refused").inner_text()
    page.route("**/do/note", lambda route: route.fulfill(status=404, body=""))
    page.get_by_role("button", name="Write it down").click()
    page.wait_for_selector("#refused:has-text('not let in')")
    assert page.locator("#text").input_value() == "it is slow", "what was not taken is not lost"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_console_that_hangs_is_told_as_one_that_is_gone(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.route("**/do/note", lambda route: None)
    page.route("**/state?*", lambda route: None)
    page.locator("#text").fill("it is slow")
    page.get_by_role("button", name="Write it down").click()
    page.wait_for_selector("#refused:has-text('does not answer')", timeout=NOTHING_ANSWERED_MS)
    assert "gameday abort" in page.locator("#refused").inner_text()
    page.wait_for_selector("#link:has-text('does not answer')", timeout=2 * NOTHING_ANSWERED_MS)
    assert "The round goes on." in page.locator("#link").inner_text()


def test_traces_are_there_while_dashboards_are_not(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.route("**/board/*", lambda route: route.fulfill(status=503, body=""))
    for part in ("boards", "traces"):
        page.locator(f"#{part} > summary").click()
    page.wait_for_selector("#board-note:has-text('not to be had just now')", timeout=LOOKS_AGAIN_MS)
    page.wait_for_selector("#trace-list .trace", timeout=LOOKS_AGAIN_MS)
    assert "not to be had" not in page.locator("#traces-note").inner_text()


def test_a_trace_at_which_the_keyboard_is_stays_and_failed_ones_come_first(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    told = {"run": "one", "traces": [trace("slow", False), trace("slower", False)], "note": ""}
    page.route("**/traces", lambda route: route.fulfill(json=told))
    page.locator("#traces > summary").click()
    page.locator("#trace-slow > summary").focus()
    told["traces"] = [trace("failed", True), trace("later", False)]
    page.wait_for_selector("#trace-failed", timeout=LOOKS_AGAIN_MS)
    shown = page.locator("#trace-list > .trace").evaluate_all("all => all.map((one) => one.id)")
    assert shown == ["trace-failed", "trace-later", "trace-slow"]
    assert page.evaluate("document.activeElement.parentElement.id") == "trace-slow"


def test_start_and_delay_are_off_once_it_was_started_and_the_plan_knows_of_more(place, enter):  # noqa: F811
    _, urls, _ = place
    host = comes(enter, urls["host"], "Hana")
    host.wait_for_selector("#plan dd:has-text('20 min after the fault')")
    host.get_by_role("button", name="Start now").click()
    for how in ("start", "delay"):
        host.wait_for_selector(f"[data-steer={how}]:disabled")
    host.get_by_role("button", name="Extend by 5 min").click()
    host.wait_for_selector("#plan dd:has-text('25 min after the fault, extended by 5 min')")
    host.wait_for_selector("#said-steer:has-text('extend')")


def test_who_starts_it_sees_what_is_left_of_it(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    host = comes(enter, urls["host"], "Hana")
    # As the first to come, which is how whoever plays with `--host` comes.
    facts = [event(2, "Hana is here", game="joined", who="Hana", role="host"),
             event(9, "start", game="steered", who="Hana", how="start", seconds=0.0)]  # fmt: skip
    host.evaluate("its => { its.forEach((one) => happened(one, true)); steered(); }", facts[:1])
    assert host.locator("[data-steer=delay]").is_disabled(), "there is nothing to delay"
    assert host.locator("[data-steer=start]").is_enabled()
    host.evaluate("its => { its.forEach((one) => happened(one, true)); steered(); }", facts[1:])
    assert host.locator("#plan dd").first.inner_text().startswith("in about ")


def test_who_wants_a_sound_wants_it_in_the_next_round_too(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.get_by_label("a sound when a page comes").check()
    page.reload()
    page.wait_for_selector("#page-3")
    assert page.get_by_label("a sound when a page comes").is_checked()


def test_alerts_are_told_in_words(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    page.locator("#in-words > summary").click()
    page.wait_for_selector(f"#alert-words li:has-text('{ALERT}'):has-text('paged at 8.0 s')")


def test_a_phone_is_told_the_labels_that_tell_an_alert_from_others(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    alone, more = "Down{cluster=one, instance=a, severity=warning}", "Down{cluster=one, instance=b, severity=warning}"
    burns = [f"Burns{{cluster=one, severity={how}}}" for how in ("critical", "warning")]
    said = "([name, all]) => telling(name, all)"
    assert page.evaluate(said, [alone, [alone]]) == "Down{cluster=one, instance=a}"
    assert page.evaluate(said, [alone, [alone, more, *burns]]) == "Down{instance=a}"
    assert page.evaluate(said, [burns[0], [alone, *burns]]) == "Burns{severity=critical}"
    assert page.evaluate(said, ["Down", ["Down"]]) == "Down"


def test_times_are_written_as_reports_write_them(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    for seconds in (0, 0.26, 5, 42.857, 99.9, 100, 252, 300, 599.2, 600, 754.1, 1620, 3600, 3725, 7500, -290):
        said = page.evaluate("at => [spoken(at), moment(at)]", seconds)
        assert said == [durations.spoken(seconds), durations.measured(seconds, 1)], seconds


def test_a_round_that_is_over_does_not_go_on(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["player"])
    # The question that is under way is answered yet, and would say which stage it is.
    page.evaluate("() => { take = () => {}; shown.stage = 'over+'; }")
    page.route("**/state?*", lambda route: route.abort())
    page.wait_for_selector("#link:has-text('does not answer')", timeout=NOTHING_ANSWERED_MS)
    assert "goes on" not in page.locator("#link").inner_text()


def test_a_page_has_links_where_they_lead_somewhere(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    page = comes(enter, urls["player"])
    nasty = Paged(0, 12.0, "pager", True, [ALERT], "x", "javascript:alert(1)", 12.0, dashboard="https://boards/d/one")
    append(folder / GAME_FILE, nasty)
    page.wait_for_selector("#page-5 a[href='https://boards/d/one'][rel~=noopener]")
    assert page.locator("#page-5 a").count() == 1
    assert page.locator("#page-3 a[href='https://books/Down.md']").count() == 1


def test_a_host_who_has_no_name_yet_can_abort(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    page = enter(urls["host"], PHONE)
    page.wait_for_selector("#page-3")
    for name in ("Abort, and undo", "Really abort? Press again"):
        page.get_by_role("button", name=name).click()
    page.wait_for_selector("#log >> text=abort")
    assert [fact.how for fact in Table(folder).all(Steered)] == ["abort"]


def test_what_was_over_before_is_not_drawn(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = comes(enter, urls["watcher"], who=None)
    drawn = """fault => {
      const place = document.createElement("div"), lane = { name: "A", stretches: [fault], states: [], held_back: "" };
      document.body.append(place);
      new Chart(place).draw({ start: 100, end: 160, rows: [], lanes: [lane], marks: [], fault });
      return place.querySelectorAll(".alert, .fault").length;
    }"""
    assert page.evaluate(drawn, [1, 5]) == 0
    assert page.evaluate(drawn, [1, 105]) == 2
