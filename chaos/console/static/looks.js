"use strict";
// Dashboards and traces, for who has no Grafana and no Jaeger beside him; asked for only while they are open.

const LOOK_MS = 5000;
let looking = false, again = false, namesTold = false;

/** What is answered; null: there is none. Throws Untold. */
async function asked(path) {
  try {
    return await ask(path);
  } catch (error) {
    if (error instanceof Untold && error.status === 404) return null;
    throw error;
  }
}

/** Does something that asks; where that was not told, this place says so, and no other. */
async function tried(place, does) {
  try {
    await does();
  } catch (error) {
    if (!(error instanceof Untold)) throw error;
    setText(place, `✕ not to be had just now: ${error.message}; trying again`);
  }
}

/* Dashboards */

/** Which there are; again whenever another run is shown, or the shown one is over. */
function boardNames() {
  namesTold = false;
  return look();
}

async function tellNames() {
  namesTold = true;
  const told = await asked("/boards").catch((error) => {
    namesTold = false;
    throw error;
  });
  const names = told || [], before = $("board").value;
  $("board").replaceChildren(...names.map((name) => element("option", name)));
  if (names.includes(before)) $("board").value = before;
  $("boards").hidden = !names.length;
}

async function look() {
  again = looking;
  if (looking) return;
  looking = true;
  try {
    if (!namesTold) await tried($("board-note"), tellNames);
    const both = [];
    if ($("boards").open && $("board").value) both.push(tried($("board-note"), showBoard));
    if ($("traces").open) both.push(tried($("traces-note"), showTraces));
    await Promise.all(both);
  } finally {
    looking = false;
    if (again) look();
  }
}

async function showBoard() {
  const asks = $("board").value;
  const shown = await asked(`/board/${encodeURIComponent(asks)}?back=${$("back").value}`);
  if (!shown || asks !== $("board").value) return;
  const silent = shown.panels.some((panel) => panel.silent);
  const why = shown.panels.length ? "" : "Nothing to be seen: Prometheus is not to be asked, and no recording is open.";
  setText($("board-note"), silent ? "✕ Prometheus does not answer, or not everything" : why);
  if ($("panels").dataset.board !== asks) $("panels").replaceChildren();
  $("panels").dataset.board = asks;
  shown.panels.forEach((panel, index) => showPanel(panel, shown, $("panels").children[index] || newPanel()));
  while ($("panels").children.length > shown.panels.length) $("panels").lastChild.remove();
}

function newPanel() {
  const item = element("section", "", { class: "panel" });
  item.append(element("h3", ""), element("p", "", { class: "soft" }));
  item.append(element("div", ""), element("ul", "", { class: "key" }));
  $("panels").append(item);
  return item;
}

function showPanel(panel, shown, item) {
  const [title, about, place, key] = item.children;
  setText(title, panel.title);
  setText(about, panel.about);
  const { start, end, step } = shown, { lines: its, unit, title: said } = panel;
  new Chart(place).panel({ start, end, step, lines: its, unit, title: said });
  key.replaceChildren(...panel.lines.map((line, index) => keyOf(line, index, panel)));
  if (panel.left_out) key.append(element("li", `and ${panel.left_out} more, which are not drawn`));
  if (!panel.lines.length) key.append(element("li", "no data"));
}

function keyOf(line, index, panel) {
  const item = element("li", "");
  const sample = node("svg", { width: 26, height: 10, "aria-hidden": "true", class: "sample" });
  sample.append(node("polyline", { class: styleOf(index), points: "0,5 26,5" }));
  const value = line.points[line.points.length - 1][1], word = panel.words[String(value)];
  const most = Math.max(...line.points.map(([, one]) => one));
  const said = word || `${quantity(value, panel.unit)}, at most ${quantity(most, panel.unit)}`;
  // A query's letter says nothing where there is but one line.
  const alone = panel.lines.length === 1 && /^[A-Z]$/.test(line.name);
  item.append(sample, alone ? ` ${said}` : ` ${line.name}: ${said}`);
  return item;
}

/* Traces, as the report draws them */

async function showTraces() {
  const shown = await asked("/traces");
  if (!shown) return;
  setText($("traces-note"), shown.note);
  const there = new Set(shown.traces.map((trace) => `trace-${trace.id}`)), list = $("trace-list");
  // Nobody loses what he reads, nor where the keyboard is.
  const held = (old) => old.open || old.contains(document.activeElement);
  for (const old of [...list.children]) if (!there.has(old.id) && !held(old)) old.remove();
  // What is there stays where it is; of what is new the failed ones come first, as they were told.
  for (const trace of [...shown.traces].reverse()) {
    if ($(`trace-${trace.id}`)) continue;
    list.insertBefore(newTrace(trace), trace.failed ? list.firstChild : list.querySelector(":scope > .well"));
  }
}

function newTrace(trace) {
  const item = element("details", "", { class: trace.failed ? "trace" : "trace well", id: `trace-${trace.id}` });
  const summary = element("summary", "");
  const kind = !trace.failed ? "slow" : trace.refused ? "✕ failed" : "✕ a part failed";
  const answered = trace.status ? `answered ${trace.status}, ` : "";
  const after = `at ${moment(trace.after)}, ${trace.place}`;
  summary.append(element("span", kind, { class: `badge ${trace.failed ? "broken" : "quiet"}` }));
  summary.append(" ", element("b", trace.asked));
  summary.append(element("span", ` ${answered}${latency(trace.took_seconds)}, ${after}`, { class: "soft" }));
  if (trace.detail) summary.append(element("br", ""), element("span", trace.detail, { class: "detail" }));
  item.append(summary);
  // Sixty rows for each of twenty traces are made only for who opens one.
  item.addEventListener("toggle", () => item.append(waterfall(trace)), { once: true });
  return item;
}

function waterfall(trace) {
  const made = element("div", "", { class: "waterfall" });
  const axis = element("div", "", { class: "axis", "aria-hidden": "true" });
  const notes = ["trace ", trace.id, ...trace.notes.map((note) => ` · ${note}`)];
  made.append(element("p", notes.join(""), { class: "soft" }));
  const track = element("span", "", { class: "track" });
  trace.ticks.forEach((tick, index) => {
    const mark = element("i", latency(tick));
    mark.style.left = `${(100 * index) / (trace.ticks.length - 1)}%`;
    track.append(mark);
  });
  axis.append(element("span", ""), track, element("span", ""));
  made.append(axis, ...trace.rows.map(spanRow));
  return made;
}

function spanRow(row) {
  const item = element("details", "", { class: row.failed ? "span-row span-failed" : "span-row" });
  const summary = element("summary", ""), name = element("span", "", { class: "span-name" });
  const track = element("span", "", { class: "track" }), bar = element("i", "", { class: `bar hue-${row.hue}` });
  name.style.setProperty("--depth", row.depth);
  if (row.failed) name.append(element("b", "✕ failed ", { class: "cross" }));
  name.append(element("span", row.place, { class: `place hue-${row.hue}` }), ` ${row.name}`);
  bar.style.left = `${row.left}%`;
  bar.style.width = `${row.width}%`;
  track.append(bar);
  summary.append(name, track, element("span", latency(row.took_seconds), { class: "took" }));
  const told = Object.entries(row.attributes).sort();
  const list = element("dl", "");
  list.append(...told.flatMap(([key, value]) => [element("dt", key), element("dd", value)]));
  item.append(summary, told.length ? list : element("p", "It says nothing more of itself.", { class: "soft" }));
  return item;
}

for (const id of ["boards", "traces"]) $(id).addEventListener("toggle", look);
for (const id of ["board", "back"]) $(id).addEventListener("change", look);
addEventListener("resize", look);
setInterval(look, LOOK_MS);
