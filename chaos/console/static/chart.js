"use strict";
// Draws what happened over one time axis. It knows numbers alone; who calls it says what they mean.

const SVG = "http://www.w3.org/2000/svg";
const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const LEFT = 4, TOP = 22, RIGHT = 8;
const LETTERS = 12, LINE = 15; // as high as console.css has the words of a drawing, in its own units
const NARROW = 640, WALL = "(min-width: 1900px)", CLOSER = 1.5; // a wall is read from further away
const SHAPES = {
  page: "m-6 -6 h12 l-6 11 z", question: "m-6 5 h12 l-6 -11 z", claim: "m0 -7 l6 7 -6 7 -6 -7 z",
  action: "m-5 -5 h10 v10 h-10 z", over: "m-5 0 a5 5 0 1 0 10 0 a5 5 0 1 0 -10 0",
};
const pen = document.createElement("canvas").getContext("2d");

function node(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function named(made, words) {
  made.append(node("title", {}, words));
  return made;
}

/** A length of time, as `spoken` of chaos/report/durations.py writes it. */
function spoken(seconds) {
  if (seconds < 0) return `-${spoken(-seconds)}`;
  if (seconds < 100) return `${Number(seconds.toPrecision(3))} s`;
  const all = Math.round(seconds);
  if (seconds < 600) return all % 60 ? `${Math.floor(all / 60)} min ${all % 60} s` : `${all / 60} min`;
  const minutes = Math.round(seconds / 60), hours = Math.floor(minutes / 60);
  return [hours && `${hours} h`, minutes % 60 && `${minutes % 60} min`].filter(Boolean).join(" ");
}

/** When something was, in seconds since the run's start, as `measured` there writes it. */
function moment(seconds, digits = 1) {
  if (seconds < 0) return `-${moment(-seconds, digits)}`;
  if (seconds < 100) return `${seconds.toFixed(digits)} s`;
  const all = Math.round(seconds), minutes = Math.floor(all / 60);
  return all % 60 && minutes < 60 ? `${minutes} min ${all % 60} s` : spoken(seconds);
}

/** How wide that is in a drawing. */
function wide(text) {
  return pen.measureText(text).width;
}

/** The text in lines for which there is room, broken between words, and within one that is too long by itself. */
function inLines(text, room) {
  const made = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = made.length ? `${made[made.length - 1]} ${word}` : word;
    if (made.length && wide(longer) <= room) made[made.length - 1] = longer;
    else made.push(...inParts(word, room));
  }
  return made;
}

function inParts(word, room) {
  const parts = [""];
  for (const letter of word) {
    if (wide(parts[parts.length - 1] + letter) > room) parts.push("");
    parts[parts.length - 1] += letter;
  }
  return parts;
}

/** A length of time of a request. */
function latency(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** A value in one of Grafana's units. */
function quantity(value, unit) {
  const short = (number) => `${Number(number.toPrecision(3))}`;
  const plain = (number) => (Math.abs(number) < 1000 ? short(number) : Math.round(number).toLocaleString("en"));
  if (unit === "s") return Math.abs(value) < 1 ? latency(value) : spoken(value);
  if (unit === "percentunit") return `${plain(value * 100)} %`;
  if (unit === "reqps" || unit === "ops") return `${plain(value)} a second`;
  if (unit !== "bytes") return plain(value);
  const power = Math.min(Math.max(Math.floor(Math.log2(Math.abs(value) || 1) / 10), 0), 3);
  return `${plain(value / 1024 ** power)} ${["bytes", "KiB", "MiB", "GiB"][power]}`;
}

class Chart {
  constructor(place) {
    this.place = place;
  }

  /** rows: by second; lanes: as told; marks: [name, [{at, shape, words}]]; fault: [from, until] or null. */
  draw({ start, end, rows, lanes, marks, fault }) {
    this.begin(start, end, fault);
    this.users(rows.filter((row) => row.second >= start - 1 && row.second + 1 <= end));
    // A phone has no room for what all of them have alike.
    const narrow = this.place.clientWidth < NARROW, all = lanes.map((lane) => lane.name);
    for (const lane of lanes) this.lane(lane, narrow ? telling(lane.name, all) : lane.name);
    for (const [name, its] of marks) this.marks(name, its);
    const latest = rows[rows.length - 2];
    const over = "Over time: users' requests, failures and latency, alerts (in words below) and what people did.";
    this.finish(latest ? `${over} In the latest second ${words(latest)}.` : "Nothing to draw yet.");
  }

  /** One panel of a dashboard; lines: {name, points}; step: longest distance of two points that belong together. */
  panel({ start, end, step, lines, unit, title }) {
    this.begin(start, end, null);
    const values = lines.flatMap((line) => line.points.map(([, value]) => value));
    const least = Math.min(0, ...values), most = Math.max(0, ...values);
    const high = (value) => (value - least) / (most - least || 1);
    const top = values.length ? quantity(most, unit) : "";
    const drawn = lines.map(({ points }, index) => [styleOf(index), points.map(([at, value]) => [at, high(value)])]);
    this.line(least < 0 ? `from ${quantity(least, unit)}` : "", 90, top, drawn, 2.5 * step);
    this.finish(`${title}: ${lines.length} lines over ${spoken(end - start)}; their latest values stand below.`);
  }

  begin(start, end, fault) {
    this.start = start;
    this.end = Math.max(end, start + 10);
    const closer = matchMedia(WALL).matches ? CLOSER : 1;
    this.width = Math.max(Math.round(this.place.clientWidth / closer), 260);
    this.y = TOP;
    this.drawn = [];
    this.fault = fault;
    pen.font = `${LETTERS}px ${getComputedStyle(document.body).fontFamily}`;
  }

  finish(said) {
    const height = this.y + 4, defs = [];
    if (this.drawn.some((one) => one.getAttribute("fill") === "url(#stripes)"))
      defs.push(node("defs", {}, node("pattern",
        { id: "stripes", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        node("line", { class: "stripe", x1: 0, x2: 0, y1: 0, y2: 8 }))));
    this.place.replaceChildren(node("svg",
      { viewBox: `0 0 ${this.width} ${height}`, width: this.width, height, role: "img", "aria-label": said },
      ...defs, ...this.ticks(height), ...this.drawn));
  }

  x(at) {
    const share = (at - this.start) / (this.end - this.start);
    return LEFT + (this.width - LEFT - RIGHT) * Math.min(Math.max(share, 0), 1);
  }

  ticks(height) {
    const made = [], most = this.width / 90;
    const step = STEPS.find((one) => (this.end - this.start) / one <= most) || 7200;
    if (this.fault && (this.fault[1] === null || this.fault[1] >= this.start)) {
      const x = this.x(this.fault[0]), until = this.x(this.fault[1] === null ? this.end : this.fault[1]);
      const place = { class: "fault", x, y: TOP - 4, width: Math.max(until - x, 1), height: height - TOP + 4 };
      made.push(named(node("rect", place), "the fault is in place"));
    }
    for (let at = Math.ceil(this.start / step) * step; at <= this.end; at += step) {
      const x = this.x(at), said = moment(at, 0), half = wide(said) / 2;
      const anchor = x < half ? "start" : x + half > this.width ? "end" : "middle";
      made.push(node("line", { class: "grid", x1: x, x2: x, y1: TOP - 4, y2: height }));
      made.push(node("text", { class: "tick", x, y: 14, "text-anchor": anchor }, said));
    }
    return made;
  }

  users(rows) {
    const most = Math.max(1, ...rows.map((row) => row.sent)), failed = Math.max(1, ...rows.map((row) => row.failed));
    const sent = rows.map((row) => [row.second + 0.5, row.sent / most]);
    this.line("requests a second", 56, `${most}`, [["sent", sent]], 1.5);
    this.bars("failed a second", 36, failed, rows);
    const slowest = Math.max(0.1, ...rows.map((row) => row.p99_seconds));
    const decades = Math.ceil(Math.log10(slowest / 0.001));
    const high = (value) => Math.log10(Math.max(value, 0.001) / 0.001) / decades;
    this.line("latency, p50 and p99, each step ten times as long", 56, latency(0.001 * 10 ** decades), [
      ["p50", rows.map((row) => [row.second + 0.5, high(row.p50_seconds)])],
      ["p99", rows.map((row) => [row.second + 0.5, high(row.p99_seconds)])],
    ], 1.5);
  }

  band(name, height, top) {
    const said = [name, top && `the top is ${top}`].filter(Boolean).join("; ");
    for (const line of inLines(said, this.width - LEFT - RIGHT)) {
      this.drawn.push(node("text", { class: "note", x: LEFT, y: this.y + 11 }, line));
      this.y += LINE;
    }
    const y = this.y + 1, low = y + height;
    this.drawn.push(node("line", { class: "axis-line", x1: LEFT, x2: this.width - RIGHT, y1: low, y2: low }));
    this.y = low + 8;
    return y;
  }

  /** lines: [class, [[at, share of the height]]]; what is further apart than `apart` seconds is not joined. */
  line(name, height, top, lines, apart) {
    const y = this.band(name, height, top);
    for (const [kind, points] of lines) {
      let last = null, path = [];
      const paths = [path];
      for (const [at, share] of points) {
        if (last !== null && at - last > apart) paths.push((path = []));
        path.push(`${this.x(at).toFixed(1)},${(y + height * (1 - Math.min(share, 1))).toFixed(1)}`);
        last = at;
      }
      for (const one of paths) this.drawn.push(node("polyline", { class: kind, points: one.join(" ") }));
    }
  }

  bars(name, height, most, rows) {
    const y = this.band(name, height, `${most}`);
    const each = Math.max(this.x(this.start + 1) - this.x(this.start) - 0.5, 1);
    for (const row of rows.filter((one) => one.failed)) {
      const high = Math.max(2, (height * row.failed) / most);
      const place = { class: "failed", x: this.x(row.second), y: y + height - high, width: each, height: high };
      this.drawn.push(named(node("rect", place), `${row.failed} of ${row.sent} failed`));
    }
  }

  /** Pending and firing where they are known, else from page to page; and when the pager was told. */
  lane({ name, stretches, states, held_back: held }, called) {
    // What is held back pages nobody, which is why it stands first, and is never what there is no room for.
    const y = this.band(held ? `${held} now: ${called}` : called, 15);
    const blocks = states.length ? states : stretches.map(([start, end]) => ({ state: "firing", start, end }));
    for (const { state, start, end } of blocks) {
      const until = end === null ? this.end : end, x = this.x(start), width = Math.max(this.x(until) - x, 2);
      if (until < this.start) continue;
      const place = { class: `alert ${state}`, x, y, width, height: 13 };
      if (state === "firing") place.fill = "url(#stripes)";
      const lasts = `${name}: ${state} for ${spoken(until - start)}${end === null ? ", and still" : ""}`;
      this.drawn.push(named(node("rect", place), lasts));
    }
    for (const [start, end] of stretches) {
      this.mark(y + 6, { at: start, shape: "page", words: `${name}: paged` });
      if (end !== null) this.mark(y + 6, { at: end, shape: "over", words: `${name}: a page said that it is over` });
    }
  }

  marks(name, marks) {
    const y = this.band(name, 16);
    for (const mark of marks) this.mark(y + 7, mark);
  }

  mark(y, { at, shape, words: said }) {
    if (at < this.start) return;
    const d = `M${this.x(at).toFixed(1)} ${y} ${SHAPES[shape]}`;
    this.drawn.push(named(node("path", { class: `mark ${shape}`, d }), `${moment(at)}: ${said}`));
  }
}

/** How the line of this number is drawn: eight colours, and three kinds of strokes for who does not tell them apart. */
function styleOf(index) {
  return `series series-${index % 8} dash-${index % 3}`;
}

/** A second of users, in words. */
function words(row) {
  const failed = row.failed ? `${row.failed} of them failed` : "none failed";
  const half = latency(row.p50_seconds), slowest = latency(row.p99_seconds);
  const asked = row.sent === 1 ? "1 request" : `${row.sent} requests`;
  return `${asked}, ${failed}, half within ${half}, the slowest hundredth from ${slowest}`;
}
