"use strict";
// The host's card: what is planned, how much of it is left, and which of its buttons still change something.

const MOST_EXTENDED = 2; // a round can last so many times its limit: chaos/gameday/play.py

function plan(began) {
  if (!$("plan")) return;
  const rows = [
    ["ends by itself", ""],
    ["a page nobody takes", `goes to ${began.fallback} after ${spoken(began.acknowledge_within_seconds)}`],
    ["sealed as", began.commitment],
    ...began.items.map((item) => ["open from last time", item]),
  ];
  $("plan").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

/** Shows what follows from what was steered so far. */
function steered() {
  const [began] = facts("round_began");
  if (!$("plan") || !began) return;
  // Whoever plays is the first to come, and comes as host where nothing is to begin before the host says so.
  const waits = facts("joined").some((fact) => fact.number === 2 && fact.role === "host");
  const [start] = facts("steered").filter((fact) => fact.how === "start"), over = facts("hold_ended").length > 0;
  const still = { start: !start && !over, delay: !waits && !start && !over, extend: !over };
  for (const [how, does] of Object.entries(still)) document.querySelector(`[data-steer=${how}]`).disabled = !does;
  setText($("plan").querySelector("dd"), over ? "what was broken is put back" : left(began, waits ? start : null));
}

/** When it ends by itself. Only where the fault came at the host's word does anybody know when that was. */
function left(began, start) {
  const extensions = facts("steered").filter((fact) => fact.how === "extend").map((fact) => fact.seconds);
  const more = extensions.reduce((one, other) => one + other, 0), limit = began.limit_seconds;
  const lasts = Math.min(limit + more, MOST_EXTENDED * limit), [ready] = facts("ready");
  const said = more ? `, extended by ${spoken(lasts - limit)}` : "";
  if (!start || !ready) return `${spoken(lasts)} after the fault${said}`;
  const seconds = Math.max(start.at, ready.at) + lasts - clock();
  return `in about ${spoken(Math.max(0, Math.round(seconds)))}${said}`;
}
