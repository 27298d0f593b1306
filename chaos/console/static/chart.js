"use strict";
// Draws users, alerts and marks over one time axis. It knows numbers alone; who calls it says what they mean.

const SVG = "http://www.w3.org/2000/svg";
const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const LEFT = 4, TOP = 20, RIGHT = 8;
const SHAPES = {
  page: "m-6 -6 h12 l-6 11 z", question: "m-6 5 h12 l-6 -11 z", claim: "m0 -7 l6 7 -6 7 -6 -7 z",
  action: "m-5 -5 h10 v10 h-10 z", over: "m-5 0 a5 5 0 1 0 10 0 a5 5 0 1 0 -10 0",
};

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

/** Seconds as people say them. */
function spoken(seconds) {
  if (seconds < 0) return `-${spoken(-seconds)}`;
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`;
  const all = Math.round(seconds), hours = Math.floor(all / 3600), minutes = Math.floor((all % 3600) / 60);
  if (hours) return `${hours} h ${minutes} min`;
  return all % 60 ? `${minutes} min ${all % 60} s` : `${minutes} min`;
}

/** A length of time of a request. */
function latency(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

class Chart {
  constructor(place) {
    this.place = place;
  }

  /** rows: by second; lanes: {name, stretches}; marks: {lane, at, shape, words}; fault: [from, until] or null. */
  draw({ start, end, rows, lanes, marks, fault }) {
    this.start = start;
    this.end = Math.max(end, start + 10);
    this.width = Math.max(this.place.clientWidth, 260);
    this.y = TOP;
    this.drawn = [];
    this.fault = fault;
    this.users(rows.filter((row) => row.second >= start - 1 && row.second + 1 <= end));
    for (const lane of lanes) this.lane(lane.name, lane.stretches);
    for (const [name, its] of marks) this.marks(name, its);
    const height = this.y + 4;
    const stripes = node("pattern", { id: "stripes", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      node("line", { class: "stripe", x1: 0, x2: 0, y1: 0, y2: 8 }));
    const svg = node("svg", { viewBox: `0 0 ${this.width} ${height}`, width: this.width, height, role: "img", "aria-label": this.said(rows) },
      node("defs", {}, stripes), ...this.ticks(height), ...this.drawn);
    this.place.replaceChildren(svg);
  }

  said(rows) {
    const latest = rows[rows.length - 2];
    return latest ? `Over time: users' requests, failures and latency, alerts and what people did. In the latest second ${words(latest)}.` : "Nothing to draw yet.";
  }

  x(at) {
    const share = (at - this.start) / (this.end - this.start);
    return LEFT + (this.width - LEFT - RIGHT) * Math.min(Math.max(share, 0), 1);
  }

  ticks(height) {
    const made = [], most = this.width / 90;
    const step = STEPS.find((one) => (this.end - this.start) / one <= most) || 7200;
    if (this.fault) {
      const x = this.x(this.fault[0]), until = this.x(this.fault[1] === null ? this.end : this.fault[1]);
      made.push(named(node("rect", { class: "fault", x, y: TOP - 4, width: Math.max(until - x, 1), height: height - TOP + 4 }), "the fault is in place"));
    }
    for (let at = Math.ceil(this.start / step) * step; at <= this.end; at += step) {
      const x = this.x(at);
      made.push(node("line", { class: "grid", x1: x, x2: x, y1: TOP - 4, y2: height }));
      made.push(node("text", { class: "tick", x, y: 11, "text-anchor": x < 30 ? "start" : x > this.width - 40 ? "end" : "middle" }, spoken(at)));
    }
    return made;
  }

  users(rows) {
    const most = Math.max(1, ...rows.map((row) => row.sent)), failed = Math.max(1, ...rows.map((row) => row.failed));
    this.line("requests a second", 56, `${most}`, [["sent", rows.map((row) => [row.second + 0.5, row.sent / most])]]);
    this.bars(`failed a second`, 36, failed, rows);
    const slowest = Math.max(0.1, ...rows.map((row) => row.p99_seconds));
    const decades = Math.ceil(Math.log10(slowest / 0.001)), high = (value) => Math.log10(Math.max(value, 0.001) / 0.001) / decades;
    this.line("latency, p50 and p99, each step ten times as long", 56, latency(0.001 * 10 ** decades), [
      ["p50", rows.map((row) => [row.second + 0.5, high(row.p50_seconds)])],
      ["p99", rows.map((row) => [row.second + 0.5, high(row.p99_seconds)])],
    ]);
  }

  band(name, height, top) {
    const text = this.y + 11, y = this.y + 16;
    this.drawn.push(node("text", { class: "note", x: LEFT, y: text }, top ? `${name}; the top is ${top}` : name));
    this.drawn.push(node("line", { class: "axis-line", x1: LEFT, x2: this.width - RIGHT, y1: y + height, y2: y + height }));
    this.y = y + height + 8;
    return y;
  }

  line(name, height, top, lines) {
    const y = this.band(name, height, top);
    for (const [kind, points] of lines) {
      let last = null, path = [];
      const paths = [path];
      for (const [at, share] of points) {
        if (last !== null && at - last > 1.5) paths.push((path = []));
        path.push(`${this.x(at).toFixed(1)},${(y + height * (1 - Math.min(share, 1))).toFixed(1)}`);
        last = at;
      }
      for (const one of paths) this.drawn.push(node("polyline", { class: kind, points: one.join(" ") }));
    }
  }

  bars(name, height, most, rows) {
    const y = this.band(name, height, `${most}`), wide = Math.max(this.x(this.start + 1) - this.x(this.start) - 0.5, 1);
    for (const row of rows.filter((one) => one.failed)) {
      const high = Math.max(2, (height * row.failed) / most);
      this.drawn.push(named(node("rect", { class: "failed", x: this.x(row.second), y: y + height - high, width: wide, height: high }), `${row.failed} of ${row.sent} failed`));
    }
  }

  lane(name, stretches) {
    const y = this.band(name, 14);
    for (const [from, until] of stretches) {
      const x = this.x(from), end = until === null ? this.end : until, width = Math.max(this.x(end) - x, 2);
      this.drawn.push(named(node("rect", { class: "firing", fill: "url(#stripes)", x, y, width, height: 13 }), `${name}: firing for ${spoken(end - from)}${until === null ? ", and still" : ""}`));
    }
  }

  marks(name, marks) {
    const y = this.band(name, 16);
    for (const mark of marks.filter((one) => one.at >= this.start))
      this.drawn.push(named(node("path", { class: `mark ${mark.shape}`, d: `M${this.x(mark.at).toFixed(1)} ${y + 7} ${SHAPES[mark.shape]}` }), `${spoken(mark.at)}: ${mark.words}`));
  }
}

/** A second of users, in words. */
function words(row) {
  const failed = row.failed ? `${row.failed} of them failed` : "none failed";
  return `${row.sent} requests, ${failed}, half within ${latency(row.p50_seconds)}, the slowest hundredth from ${latency(row.p99_seconds)}`;
}
