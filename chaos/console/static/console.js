"use strict";
// The page: asks for what is new, shows it, and sends what people do. All text is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const PROOF = document.body.dataset.proof, MAY = document.body.dataset.may.split(" "), SPEED = Number(document.body.dataset.speed);
const AGAIN_MS = 300, LOST_MS = 1000, SURE_MS = 5000, MOST_LINES = 500;
const shown = { run: null, facts: 0, users: 0, stage: "", now: 0, at: 0, live: false };
let events = [], rows = new Map(), lanes = [], fault = null, drawing = false;
const chart = new Chart($("chart"));

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/* What is new */

async function follow() {
  for (;;) {
    try {
      const asked = new URLSearchParams({ run: shown.run || "", facts: shown.facts, users: shown.users, stage: shown.stage });
      const answer = await fetch(`/state?${asked}`);
      if (!answer.ok) throw new Error(answer.status === 404 ? "you are not let in; ask the host for your address" : "the console cannot tell just now");
      take(await answer.json());
      $("link").textContent = "";
      await pause(AGAIN_MS);
    } catch (error) {
      $("link").textContent = `✕ ${error instanceof TypeError ? "the console does not answer" : error.message}; trying again. The round goes on.`;
      await pause(LOST_MS);
    }
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function take(state) {
  const first = shown.run === null;
  if (shown.run !== null && state.run !== shown.run) return location.reload();
  Object.assign(shown, { run: state.run, facts: state.facts, users: state.users, now: state.now, at: performance.now(), live: state.live });
  shown.stage = state.stage + (state.told && state.told.page ? "+" : "");
  setText($("stage"), state.words);
  tick();
  lanes = state.lanes;
  for (const row of state.rows) rows.set(row.second, row);
  for (const event of state.events) happened(event, first);
  if (state.told) tell(state.told);
  pager();
  questions();
  for (const part of document.querySelectorAll(".during, #who, #questions form")) part.hidden = state.told !== null;
  draw();
}

function happened(event, silently) {
  events.push(event);
  const line = element("li", "");
  line.append(element("time", event.when), ` ${event.words}`);
  $("log").prepend(line);
  if ($("log").children.length > MOST_LINES) $("log").lastChild.remove();
  const fact = event.fact;
  if (!fact) return;
  if (fact.game === "round_began") began(fact);
  if (silently) return;
  if (fact.game === "paged" || fact.game === "escalated" || fact.game === "inject_told") $("spoken").textContent = event.words;
  if (fact.game === "paged" && fact.firing && $("sound").checked) beep();
}

function began(fact) {
  if ($("component")) $("component").replaceChildren(...fact.components.map((name) => element("option", name)));
  if ($("family")) for (const option of [...$("family").options]) if (!fact.families.includes(option.value)) option.remove();
  if ($("action")) {
    $("action").replaceChildren(...fact.actions.map((name) => element("option", name)));
    parameters();
  }
  if ($("plan")) {
    const plan = [["ends at the latest", `${spoken(fact.limit_seconds)} after the fault`], ["a page nobody takes", `goes to ${fact.fallback} after ${spoken(fact.acknowledge_within_seconds)}`],
      ["sealed as", fact.commitment], ...fact.items.map((item) => ["open from last time", item])];
    $("plan").replaceChildren(...plan.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  }
}

const facts = (kind) => events.filter((event) => event.fact && event.fact.game === kind).map((event) => event.fact);

/* The pager and questions: what is there is changed in place, so that nobody loses the button he is at */

function pager() {
  const taken = new Map(facts("acknowledged").map((fact) => [fact.page, fact.who]));
  const told = new Map(facts("escalated").map((fact) => [fact.page, fact.to]));
  const open = new Set(lanes.filter((lane) => lane.stretches.length && lane.stretches[lane.stretches.length - 1][1] === null).map((lane) => lane.name));
  let untaken = 0;
  for (const page of facts("paged").filter((one) => one.firing)) {
    const item = $(`page-${page.number}`) || newPage(page);
    const over = !page.alerts.some((alert) => open.has(alert)), who = taken.get(page.number);
    const how = who ? `${who} has it` : told.has(page.number) ? `nobody took it: ${told.get(page.number)} was told` : "nobody has it";
    setText(item.querySelector(".how"), `${over ? "over; " : "firing; "}${how}`);
    item.classList.toggle("untaken", !who && !over);
    item.classList.toggle("past", over);
    const take = item.querySelector("[data-take]");
    if (take) take.disabled = Boolean(who);
    if (!who && !over) untaken += 1;
  }
  $("quiet").hidden = facts("paged").length > 0;
  document.title = `${untaken ? `(${untaken}) ` : ""}Game day`;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function newPage(page) {
  const item = element("li", "", { id: `page-${page.number}` });
  item.append(element("b", `Page ${page.number}, ${spoken(page.arrived)}: ${page.alerts.join("; ")}`), element("p", page.summary), element("p", "", { class: "how" }));
  const buttons = element("p", "", { class: "buttons" });
  if (MAY.includes("acknowledge") && !SPEED) {
    const take = element("button", `Acknowledge page ${page.number}`, { type: "button", "data-take": "" });
    take.addEventListener("click", () => act("acknowledge", { page: page.number }));
    buttons.append(take);
  }
  if (MAY.includes("runbook") && page.runbook && !SPEED) {
    const book = element("button", `Runbook of page ${page.number}`, { type: "button" });
    book.addEventListener("click", async () => read(await act("runbook", { page: page.number }), `Runbook of page ${page.number}: ${page.alerts[0]}`));
    buttons.append(book);
  }
  item.append(buttons);
  $("pager").prepend(item);
  return item;
}

function read(answer, title) {
  if (!answer) return;
  $("h-book").textContent = title;
  $("page").textContent = answer.text;
  $("book").showModal();
}

function questions() {
  const answered = new Set(facts("answered").map((fact) => fact.inject));
  for (const asked of facts("inject_told")) {
    const item = $(`question-${asked.number}`) || newQuestion(asked);
    item.classList.toggle("past", answered.has(asked.number));
  }
}

function newQuestion(asked) {
  $("asked").hidden = false;
  const item = element("li", "", { id: `question-${asked.number}` });
  const within = asked.within_seconds === null ? "" : ` (answer by ${spoken(asked.at + asked.within_seconds)})`;
  item.append(element("b", `${asked.sender}: `), `${asked.text}${within}`);
  if (MAY.includes("answer") && !SPEED) {
    const form = element("form", ""), label = element("label", "answer "), field = element("input", "", { maxlength: 2000, required: "" });
    label.append(field);
    form.append(label, element("button", "Answer"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await act("answer", { inject: asked.number, text: field.value })) field.value = "";
    });
    item.append(form);
  }
  $("questions").append(item);
  return item;
}

/* After the reveal */

function tell(told) {
  fault = told.fault;
  $("told").hidden = !told.truth && !told.page;
  $("truth").textContent = told.truth ? `The truth: ${told.truth}.` : "";
  $("parts").replaceChildren(...told.parts.map((part) => {
    const row = element("tr", "");
    row.append(element("td", part.name), element("td", part.you, { class: "number" }), element("td", part.par, { class: "number" }), element("td", part.words));
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
    const all = [...rows.values()].sort((one, other) => one.second - other.second), now = clock(), range = Number($("range").value);
    const first = all.length ? all[0].second : 0, whole = all.filter((row) => row.second + 1 <= now);
    if (whole.length) $("now").textContent = `In the latest second: ${words(whole[whole.length - 1])}.`;
    chart.draw({ start: range ? Math.max(first, now - range) : first, end: now, rows: all, lanes, fault, marks: [["pages", marks()], ["claims", of("claimed", "claim")], ["actions", of("acted", "action")], ["questions", of("inject_told", "question")]] });
  });
}

function of(kind, shape) {
  return events.filter((event) => event.fact && event.fact.game === kind).map((event) => ({ at: event.at, shape, words: event.words }));
}

function marks() {
  return events.filter((event) => event.fact && event.fact.game === "paged").map((event) => ({ at: event.at, shape: event.fact.firing ? "page" : "over", words: event.words }));
}

/** Seconds since the run's start, now. */
function clock() {
  return shown.live ? shown.now + ((performance.now() - shown.at) / 1000) * (SPEED || 1) : shown.now;
}

function tick() {
  setText($("clock"), spoken(Math.max(0, Math.floor(clock()))));
}

function beep() {
  const context = new AudioContext(), tone = context.createOscillator();
  tone.connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.25);
  tone.onended = () => context.close();
}

/* What people do */

async function act(verb, body) {
  const who = $("name").value.trim();
  if (!who) {
    refuse("who are you? Write your name first");
    $("name").focus();
    return null;
  }
  try {
    const answer = await fetch(`/do/${verb}`, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Stormdrill": PROOF }, body: JSON.stringify({ who, ...body }),
    });
    if (answer.ok) return refuse("") || (await answer.json());
    const said = { 403: "that is not for you to do", 413: "that is too long", 429: "too much at once; wait a moment" }[answer.status];
    refuse(said || (await answer.json()).refused);
  } catch {
    refuse("it could not be sent: the console does not answer. `stormdrill gameday join` is the same table in a terminal");
  }
  return null;
}

function refuse(text) {
  $("refused").textContent = text && `✕ ${text}`;
  return "";
}

function parameters() {
  const wanted = $("action").value.split(" ").filter((word) => /^[A-Z]+$/.test(word));
  $("more").replaceChildren(...wanted.map((word) => {
    const label = element("label", `${word.toLowerCase()} `), source = { COMPONENT: "component", KIND: "family" }[word];
    const field = source ? $(source).cloneNode(true) : element("input", "", { required: "", maxlength: 60 });
    field.removeAttribute("id");
    field.dataset.word = word;
    if (word === "ALERT") field.value = lanes.length ? lanes[lanes.length - 1].name.split("{")[0] : "";
    if (word === "MINUTES" || word === "REPLICAS") Object.assign(field, { type: "number", min: 1, max: 60, value: 5 });
    label.append(field);
    return label;
  }));
}

function chosen() {
  const given = Object.fromEntries([...$("more").querySelectorAll("[data-word]")].map((field) => [field.dataset.word, field.value.trim()]));
  return $("action").value.split(" ").map((word) => given[word] || word).join(" ");
}

/** Calls `does` when a button is pressed; one that is grave has to be pressed twice within some seconds. */
function pressed(button, does) {
  const says = button.textContent;
  let sure = 0;
  button.addEventListener("click", () => {
    if (button.dataset.twice && performance.now() > sure) {
      sure = performance.now() + SURE_MS;
      button.textContent = button.dataset.twice;
      setTimeout(() => { button.textContent = says; }, SURE_MS);
      return;
    }
    sure = 0;
    button.textContent = says;
    does();
  });
}

function submitted(form, does) {
  if ($(form)) $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    does();
  });
}

submitted("who", async () => {
  sessionStorage.setItem("name", $("name").value);
  await act("join", { role: $("as").value });
});
submitted("claim", () => act("claim", { component: $("component").value, family: $("family").value, confidence: Number($("sure").value) / 100 }));
submitted("act", () => act("act", { action: chosen() }));
submitted("note", async () => { if (await act("note", { text: $("text").value })) $("text").value = ""; });
for (const button of document.querySelectorAll("[data-steer]"))
  pressed(button, () => act("steer", { how: button.dataset.steer, seconds: Number(button.dataset.seconds || 0) }));
for (const button of document.querySelectorAll("[data-do]"))
  pressed(button, async () => {
    const answer = await act(button.dataset.do, {});
    if (answer && answer.text) read(answer, "What is broken");
  });
if ($("action")) $("action").addEventListener("change", parameters);
if ($("sure")) $("sure").addEventListener("input", () => { $("sureness").textContent = `${$("sure").value} % sure`; });
if ($("name")) $("name").value = sessionStorage.getItem("name") || "";
$("range").addEventListener("change", draw);
addEventListener("resize", draw);
setInterval(() => {
  tick();
  if (shown.live) draw();
}, 1000);
follow();
