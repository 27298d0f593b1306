"""No constant in seconds suits only a drill: each one stands here, with the reason why it is as long at every pace."""

import ast
from collections.abc import Iterator
from pathlib import Path

from compose.settings import ROOT

TIMED = ("SECONDS", "WITHIN", "PATIENCE", "TIMEOUT", "PERIOD")
BY_THE_PACE = ("BEATS", "SCRAPES")
REAL_TIME = {
    "how often a program looks whether another one has started, ended or answered": """
        chaos.campaign.runner._LOOK_EVERY_SECONDS chaos.cli.check_dashboards._LOOK_EVERY_SECONDS
        chaos.cli.stack._POLL_SECONDS chaos.drill.context.LOOK_EVERY_SECONDS chaos.drill.preflight._LOOK_EVERY_SECONDS
        chaos.drill.preflight._SEEN_EVERY_SECONDS chaos.faults.agent._POLL_SECONDS chaos.faults.cpu._POLL_SECONDS
        chaos.faults.process._POLL_SECONDS chaos.load.starter.POLL_SECONDS chaos.machine.lock._POLL_SECONDS
        chaos.machine.process_identity._POLL_SECONDS chaos.reach.redis_cluster._LOOKS_EVERY_SECONDS
        chaos.undo.journal._RETRY_EVERY_SECONDS chaos.undo.own_watchdog._POLL_SECONDS
        chaos.undo.watchdog._LOOK_EVERY_SECONDS compose.command._LOOK_EVERY_SECONDS
        compose.containers.engine._POLL_SECONDS compose.containers.swarm._POLL_SECONDS
        compose.native.processes._LOOK_AGAIN_SECONDS compose.rolling._POLL_SECONDS
        chaos.observe.pace._ASKS_EVERY_SECONDS chaos.agents.job._POLL_SECONDS chaos.drill.context._KNOWN_POLL_SECONDS
        chaos.cli.console._POLL_SECONDS chaos.console.process._POLL_SECONDS
        chaos.facts.one_at_a_time._POLL_SECONDS
        chaos.claims.cached_rate._POLL_SECONDS chaos.claims.connections._POLL_SECONDS chaos.claims.holding._POLL_SECONDS
        chaos.claims.loading._POLL_SECONDS chaos.cli.claim_stack._POLL_SECONDS
    """,
    "how long a program may take to start, to answer or to end": """
        chaos.cli.check_dashboards._FIRST_REQUEST_WITHIN chaos.cli.check_dashboards._BESIDES_SECONDS
        chaos.campaign.runner._AROUND_SECONDS chaos.campaign.runner._KILLED_AFTER_SECONDS
        chaos.cli.stack._SETTLED_WITHIN_SECONDS chaos.control.docker._ENDS_WITHIN_SECONDS
        chaos.control.docker._GONE_WITHIN_SECONDS chaos.control.docker._TIMEOUT_SECONDS
        chaos.control.supervisor.CALL_TIMEOUT_SECONDS chaos.control.supervisor._FROZEN_WITHIN_SECONDS
        chaos.control.supervisor._GONE_WITHIN_SECONDS chaos.drill.clean_past._LONGEST_SECONDS
        chaos.drill.preflight.WELL_WITHIN_SECONDS chaos.drill.preflight._TIMEOUT_SECONDS
        chaos.drill.users.READ_BACK_WITHIN chaos.drill.users.STARTS_WITHIN chaos.faults.agent._ACTS_WITHIN_SECONDS
        chaos.faults.agent._ENDS_WITHIN chaos.faults.network._CONNECT_WITHIN_SECONDS
        chaos.faults.network._CUT_WITHIN_SECONDS chaos.faults.process._ENDS_WITHIN_SECONDS
        chaos.faults.process._READY_TIMEOUT_SECONDS chaos.faults.redis._TAKES_OVER_WITHIN_SECONDS
        chaos.faults.scheduler._DONE_WITHIN_SECONDS chaos.machine.process_identity._KILL_SECONDS
        chaos.machine.built_beside._STANDS_WITHIN_SECONDS
        chaos.machine.sockets._WITHIN_SECONDS chaos.observe.pace.TOLD_WITHIN_SECONDS
        chaos.observe.jaeger._ALL_WITHIN_SECONDS chaos.observe.inventory.ANSWERS_WITHIN_SECONDS
        chaos.observe.jaeger._ANSWER_WITHIN_SECONDS chaos.observe.panels._TIMEOUT_SECONDS
        chaos.reach.haproxy._TIMEOUT_SECONDS chaos.reach.http.TIMEOUT_SECONDS
        chaos.reach.postgres.CONNECT_WITHIN_SECONDS chaos.reach.redis_cluster._TIMEOUT_SECONDS
        chaos.undo.own_watchdog._PATIENCE chaos.undo.own_watchdog._WATCHES_WITHIN_SECONDS
        chaos.undo.stop_load._PATIENCE compose.command.WITHIN_SECONDS compose.command._END_SECONDS
        compose.containers.engine._ASKED_WITHIN_SECONDS compose.containers.engine._BESIDE_WITHIN_SECONDS
        compose.containers.engine._CALL_TIMEOUT_SECONDS compose.containers.engine._COMMAND_WITHIN_SECONDS
        compose.containers.engine._GONE_WITHIN_SECONDS compose.containers.engine._STOP_WITHIN_SECONDS
        compose.containers.go_program._BUILT_WITHIN_SECONDS compose.containers.image_build._BUILD_WITHIN_SECONDS
        compose.containers.image_pull._WITHIN_SECONDS compose.containers.swarm._GONE_WITHIN_SECONDS
        compose.health.PROBE_TIMEOUT_SECONDS compose.history._STARTED_WITHIN_SECONDS compose.history._TIMEOUT_SECONDS
        compose.history._WITHIN_SECONDS compose.native.native.STOPPED_WITHIN_SECONDS
        compose.native.native._PROMTOOL_WITHIN_SECONDS compose.pages._TIMEOUT_SECONDS
        compose.rolling.BACK_WITHIN_SECONDS compose.rolling.STOPPED_WITHIN_SECONDS compose.stack.READY_WITHIN_SECONDS
        compose.standalone.scripts._WITHIN_SECONDS compose.versions._WITHIN_SECONDS
        chaos.console.process._ANSWERS_WITHIN_SECONDS chaos.console.process._PATIENCE
        chaos.claims.cached_rate._BEYOND_SECONDS chaos.claims.cached_rate._GONE_WITHIN
        chaos.claims.connections._ANSWERS_WITHIN_SECONDS chaos.claims.connections._AROUND_SECONDS
        chaos.claims.connections._BACK_WITHIN_SECONDS chaos.claims.connections._STOPS_WITHIN_SECONDS
        chaos.claims.holding._BEGINS_WITHIN_SECONDS chaos.claims.holding._ENDS_WITHIN_SECONDS
        chaos.claims.holding._GONE_WITHIN
        chaos.claims.holding._READY_WITHIN_SECONDS
        chaos.claims.loading._BEGINS_WITHIN_SECONDS chaos.claims.loading._BESIDE_SECONDS
        chaos.claims.loading._ENDS_WITHIN chaos.cli.claim_stack._ENDED_WITHIN_SECONDS
        chaos.cli.claim_stack._READY_WITHIN_SECONDS chaos.load.open_loop.__main__._BESIDE_SECONDS
    """,
    "what an agent does to users or to a server, and how often it says so: strength": """
        chaos.agents.crowd._PAUSE_SECONDS chaos.agents.crowd._REPORT_EVERY_SECONDS
        chaos.agents.hog._REPORT_EVERY_SECONDS chaos.agents.http_users.TIMEOUT_SECONDS
        chaos.agents.http_users._ASK_TO_END_EVERY_SECONDS chaos.agents.postgres_connections._EVERY_SECONDS
        chaos.agents.postgres_locks._LOCKED_WITHIN_MS chaos.agents.postgres_locks._TELL_EVERY_SECONDS
        chaos.agents.postgres_queries._END_WITHIN_SECONDS chaos.agents.postgres_queries._TELL_EVERY_SECONDS
        chaos.agents.redis_flush._REPORT_EVERY_SECONDS chaos.agents.slow_clients._BYTE_EVERY_SECONDS
        chaos.agents.slow_clients._CONNECT_WITHIN_SECONDS chaos.agents.slow_clients._REPORT_EVERY_SECONDS
        chaos.agents.slow_clients._TURN_SECONDS chaos.agents.surge._REPORT_EVERY_SECONDS
        chaos.agents.surge._WINDOW_SECONDS chaos.agents.throttle._LOOK_EVERY_SECONDS
        chaos.faults.agent.BEYOND_HOLD_SECONDS chaos.faults.agent.SILENT_SECONDS
        chaos.faults.cpu_limit._LONGEST_PERIOD_US chaos.spec.faults.cpu._KERNELS_PERIOD
        chaos.spec.faults.cpu._LONGEST_PERIOD chaos.control.docker._KERNELS_PERIOD_US
    """,
    "what protects users and the undo, which must not wait longer because rules do": """
        chaos.drill.abort._EVERY_SECONDS chaos.spec.abort._PATIENCE
        chaos.facts.one_at_a_time.WITHIN_SECONDS
        chaos.drill.attack.PROVE_EVERY_SECONDS chaos.drill.attack.USE_EVERY_SECONDS
        chaos.undo.journal.PROVEN_WITHIN_SECONDS chaos.undo.journal._OTHERS_DONE_WITHIN_SECONDS
        chaos.undo.journal._REGISTERED_WITHIN_SECONDS chaos.undo.lease.DURATION_SECONDS
        chaos.undo.lease.ENDS_WITHIN_SECONDS chaos.undo.lease.RENEW_EVERY_SECONDS
        chaos.undo.watchdog._RUN_BEGINS_WITHIN_SECONDS chaos.undo.watched._SILENT_SECONDS
        chaos.agents.job._BEGINS_WITHIN_SECONDS chaos.drill.context._KNOWN_WITHIN_SECONDS
    """,
    "what a draft says in real minutes, for its team to change": """
        chaos.spec.skeleton._MARGIN_SECONDS chaos.spec.skeleton._SHORTEST_HOLD_SECONDS
    """,
    "what users feel, and how exactly it is measured": """
        chaos.claims.run._LOOK_SECONDS chaos.load.open_loop.client._LEAST_PAUSE_SECONDS
        chaos.load.open_loop.client._LOOK_EVERY_SECONDS chaos.load.open_loop.client._OPEN_AGAIN_AFTER_SECONDS
        chaos.reach.postgres_watch._AT_MOST_LATE_SECONDS chaos.reach.postgres_watch._COUNTED_WITHIN_SECONDS
        chaos.reach.postgres_watch._EVERY_SECONDS chaos.reach.postgres_watch._SETTLED_AFTER_SECONDS
        chaos.reach.postgres_watch._SETTLED_WITHIN_SECONDS
        chaos.judge.checks._LOOK_EVERY_SECONDS chaos.judge.measures.RATE_SPAN_SECONDS
        chaos.judge.users_now.LOOKS_BACK_SECONDS
        compose.config.haproxy.KEEP_ALIVE_SECONDS
        compose.config.haproxy.LONG_KEEP_ALIVE_SECONDS compose.config.haproxy._SESSION_RETRY_AFTER_SECONDS
        chaos.load.open_loop.held_client._LEAST_PAUSE_SECONDS chaos.load.open_loop.held_client._LOOK_EVERY_SECONDS
    """,
    "how far clocks, answers on their way and a busy machine may be off": """
        chaos.facts.sessions._AROUND_SECONDS
        chaos.judge.checks._CUT_OFF_SECONDS chaos.judge.clocks._BEFORE_SECONDS chaos.judge.clocks._MOVES_SECONDS
        chaos.judge.completeness._LATE_SECONDS chaos.judge.heartbeat._RETRY_SECONDS
        chaos.judge.listed.UNCERTAIN_SECONDS chaos.judge.messages._SIDE_BY_SIDE_SECONDS
        chaos.judge.messages._UNDER_WAY_SECONDS chaos.observe.prometheus._STANDING_SECONDS
        chaos.verdict.coverage.BEYOND_DESIGN_SECONDS chaos.verdict.coverage.LOOK_SECONDS
    """,
    "what people read, and what recordings of earlier releases meant": """
        chaos.campaign.catalogue_run._AROUND_SECONDS chaos.drill.progress._REPEAT_SECONDS
        chaos.judge.heartbeat._UNKNOWN_SECONDS chaos.report.durations._SECONDS_UP_TO
        chaos.spec.panel.SHOWN
        chaos.spec.values._MINUTES_FROM_SECONDS
    """,
    "what a run takes for its processes, whatever it waits for": """
        chaos.drill.clean_past.FRESH_SECONDS chaos.drill.read_back.FIRST_PAUSE_SECONDS
        chaos.drill.users._READ_BACK_EACH chaos.spec.length._BESIDE_SECONDS chaos.spec.length._MOST_BESIDE_SECONDS
    """,
    "what people take, who are as fast at every pace": """
        chaos.cli.gameday._LOOK_SECONDS chaos.gameday.actions._ENDS_WITHIN_SECONDS chaos.gameday.actions._POLL_SECONDS
        chaos.gameday.master._ACTS_FOR_SECONDS chaos.gameday.play._BESIDE chaos.gameday.table._LONGEST_SECONDS
        chaos.cli.gameday._LAST_WORDS_SECONDS chaos.gameday.actions._STOPPED_WITHIN_SECONDS
        chaos.gameday.master._HINTS_AFTER_SECONDS chaos.gameday.master._OVER_AFTER_SECONDS
        compose.native.processes._BECOMES_WITHIN_SECONDS chaos.gameday.round.WAITS_SECONDS
        chaos.gameday.unhurried._LOOK_AGAIN_SECONDS
        chaos.gameday.wellness._LOOKS_EVERY_SECONDS
        chaos.judge.round_par._STEP_SECONDS chaos.spec.gameday.seal._EARLY_SECONDS
        chaos.cli.gameday._ABORTED_WITHIN_SECONDS
        chaos.console.app._LONGEST_SECONDS chaos.console.app._LOOK_SECONDS chaos.console.app._ROWS_EVERY_SECONDS
        chaos.console.looks._GOOD_FOR_SECONDS chaos.console.looks._TRACES_BACK_SECONDS
        chaos.console.looks._TRACES_GOOD_FOR_SECONDS chaos.console.main._OUTLIVES_SECONDS
        chaos.console.one_run._BEFORE_SECONDS chaos.console.one_run._DIED_SECONDS
        chaos.console.reader._LOOKED_AT_SECONDS
    """,
    "what measuring a claim waits for, in which no rule of alerting plays a part": """
        chaos.claims.reads._TIMEOUT_SECONDS chaos.claims.rotation._POLL_SECONDS chaos.claims.rotation._WITHIN_SECONDS
        chaos.claims.scaling._POLL_SECONDS chaos.claims.scaling._WITHIN_SECONDS chaos.machine.cgroup.PERIOD_US
    """,
    "what is taken where a stack says nothing of it": "chaos.console.sources._SCRAPED_EVERY_SECONDS",
    "written in production's time, and divided by the pace": "compose.healthy_past.HISTORY",
}


def test_every_constant_in_seconds_is_listed_with_its_reason():
    listed = [name for names in REAL_TIME.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    found = {name for room in ("chaos", "compose") for file in (ROOT / room).rglob("*.py") for name in constants(file)}
    assert sorted(found - set(listed)) == [], "derive it from the pace, or list it here with a reason"
    assert sorted(set(listed) - found) == [], "there is no such constant any more"


def test_one_that_is_not_listed_is_found(tmp_path):
    file = ROOT / "chaos" / "drill" / "drill.py"
    (tmp_path / "more.py").write_text(
        file.read_text() + "\n_SETTLES_SECONDS = 5.0\nLONGEST: timedelta = timedelta(hours=1)\n"
    )
    assert {name.rpartition(".")[2] for name in constants(tmp_path / "more.py")} >= {"_SETTLES_SECONDS", "LONGEST"}


def constants(file: Path) -> Iterator[str]:
    """Every length of time that a module names with a number of its own."""
    module = file.relative_to(ROOT) if file.is_relative_to(ROOT) else Path(file.name)
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        named = any(word in name for word in TIMED) and not name.endswith(BY_THE_PACE)
        if is_length(value) or (is_number(value) and named):
            yield f"{module.with_suffix('').as_posix().replace('/', '.')}.{name}"


def is_length(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="timedelta" | "Duration")):
            return True
    return False


def is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)
