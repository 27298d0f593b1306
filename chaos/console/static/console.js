"use strict";
// The page: asks for what is new, and shows it.

const AGAIN_MS = 300, LOST_MS = 1000, MOST_LINES = 500;
const SPOKEN = ["paged", "escalated", "inject_told"];
const shown = { run: null, facts: 0, users: 0, stage: "", alerts: 0, now: 0, at: 0, live: false };
const chart = new Chart($("chart")), rows = new Map(), events = [];
let lanes = [], fault = null, drawing = false;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function follow() {
  for (;;) {
    const why = await news();
    const goesOn = /^(preparing|on|putting back)\+?$/.test(shown.stage) ? " The round goes on." : "";
    setText($("link"), why && `✕ ${why}; trying again.${goesOn}`);
    await pause(why ? LOST_MS : AGAIN_MS);
  }
}

/** Asks for what is new and shows it; why that was not to be had, else nothing. */
async function news() {
  let state;
  try {
    const asks = { ...shown, run: shown.run || "" };
    for (const mine of ["now", "at", "live"]) delete asks[mine];
    state = await ask(`/state?${new URLSearchParams(asks)}`);
  } catch (error) {
    if (!(error instanceof Untold)) throw error;
    return error.message;
  }
  try {
    take(state);
  } catch (error) {
    // A defect of ours, for the browser's own console: whoever plays sees what comes next all the same.
    reportError(error);
  }
  return "";
}

function take(state) {
  const first = shown.run === null, before = shown.stage;
  if (!first && state.run !== shown.run) return location.reload();
  const { run, facts: number, users, alerts, now, live } = state;
  Object.assign(shown, { run, facts: number, users, alerts, now, live, at: performance.now() });
  shown.stage = state.stage + (state.told && state.told.page ? "+" : "");
  setText($("stage"), state.words);
  setText($("unseen"), state.unseen && `✕ ${state.unseen}`);
  lanes = state.lanes;
  for (const row of state.rows) rows.set(row.second, row);
  for (const event of state.events) happened(event, first);
  if (state.told) tell(state.told);
  pager();
  questions();
  tick();
  const idle = state.told !== null || state.stage === "waiting" || !isRound();
  for (const part of document.querySelectorAll(".during, #who, #questions form, #pager button")) part.hidden = idle;
  entitle(state.run);
  draw();
  if (shown.stage !== before) boardNames();
}

/** A run that is no round has its own name, and nobody does anything in it. */
function entitle(run) {
  const looked = run && !isRound();
  setText(document.querySelector("h1"), looked ? run : "Game day");
  setText($("h-users"), looked ? "Users and alerts" : "Users, alerts, and what you do");
}

function happened(event, silently) {
  events.push(event);
  const line = element("li", "");
  line.append(element("time", event.when), ` ${event.words}`);
  $("log").prepend(line);
  if ($("log").children.length > MOST_LINES) $("log").lastChild.remove();
  const fact = event.fact;
  if (!fact) return;
  if (fact.game === "round_began") {
    offer(fact);
    plan(fact);
  }
  tellBack(event, silently);
  if (silently) return;
  if (SPOKEN.includes(fact.game)) speak(event.words);
  if (fact.game === "paged" && fact.firing) beep();
}

/* After the reveal */

function tell(told) {
  fault = told.fault;
  $("told").hidden = !told.truth && !told.page;
  $("truth").textContent = told.truth ? `The truth: ${told.truth}.` : "";
  $("parts").replaceChildren(...told.parts.map((part) => {
    const row = element("tr", "");
    row.append(element("td", part.name), element("td", part.you, { class: "number" }));
    row.append(element("td", part.par, { class: "number" }), element("td", part.words));
    return row;
  }));
  $("gaps").replaceChildren(...told.gaps.map((gap) => element("li", gap)));
  $("whole").hidden = !told.page;
  if (told.page && $("debrief").hidden) {
    $("debrief").hidden = false;
    $("whole").firstChild.href = $("debrief").src = `/debrief/${told.page}`;
  }
}

/* The chart */

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const all = [...rows.values()].sort((one, other) => one.second - other.second), now = clock();
    const range = Number($("range").value), first = all.length ? all[0].second : 0;
    const whole = all.filter((row) => row.second + 1 <= now);
    if (whole.length) setText($("now"), `In the latest second: ${words(whole[whole.length - 1])}.`);
    if ($("in-words").open) tellLanes(lanes, now);
    chart.draw({
      start: range ? Math.max(first, now - range) : first, end: now, rows: all, lanes, fault,
      marks: marks(),
    });
  });
}

/** What is marked below the alerts; nobody claims, acts or asks in a run that is no round. */
function marks() {
  const pages = ["pages", of("paged", (fact) => (fact.firing ? "page" : "over"))];
  return isRound() ? [
    pages, ["claims", of("claimed", () => "claim")], ["actions", of("acted", () => "action")],
    ["questions", of("inject_told", () => "question")],
  ] : [pages];
}

function of(kind, shape) {
  const its = events.filter((event) => event.fact && event.fact.game === kind);
  return its.map((event) => ({ at: event.at, shape: shape(event.fact), words: event.words }));
}

/** Seconds since the run's start, now. */
function clock() {
  return shown.live ? shown.now + ((performance.now() - shown.at) / 1000) * (SPEED || 1) : shown.now;
}

function tick() {
  setText($("clock"), moment(Math.max(0, Math.floor(clock())), 0));
  steered();
}

$("range").addEventListener("change", draw);
$("in-words").addEventListener("toggle", draw);
addEventListener("resize", draw);
setInterval(() => {
  tick();
  if (shown.live) draw();
}, 1000);
follow();
