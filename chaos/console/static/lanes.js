"use strict";
// An alert over time: what it is called where there is little room, and what became of it, in words.

const labels = (name) => name.slice(name.indexOf("{") + 1, -1).split(", ").filter(Boolean);
const alertOf = (name) => name.split("{")[0];

/** Its name with those labels alone that tell it from the others. */
function telling(name, all) {
  if (!name.endsWith("}")) return name;
  const same = all.filter((other) => alertOf(other) === alertOf(name));
  const everywhere = (label, names) => names.every((other) => labels(other).includes(label));
  const told = labels(name).filter((label) => {
    if (all.length > 1 && everywhere(label, all)) return false;
    return !label.startsWith("severity=") || !everywhere(label, same);
  });
  return told.length ? `${alertOf(name)}{${told.join(", ")}}` : alertOf(name);
}

/** When it was pending, firing, paged and over. */
function laneInWords({ stretches, states, held_back: held }, now) {
  const its = states.map(({ state, start, end }) => (end === null
    ? `${state} since ${moment(start)}, for ${spoken(Math.round(Math.max(0, now - start)))} so far`
    : `${state} from ${moment(start)} to ${moment(end)}, for ${spoken(end - start)}`));
  const pages = stretches.map(([start, end]) => (end === null
    ? `paged at ${moment(start)}` : `paged at ${moment(start)}, and at ${moment(end)} a page said that it is over`));
  return [held && `${held} now`, ...its, ...pages].filter(Boolean).join("; ");
}

/** Each lane in words, for who cannot see them or wants to know it exactly. */
function tellLanes(lanes, now) {
  const list = $("alert-words");
  setText($("no-alerts"), lanes.length ? "" : "No alert yet.");
  lanes.forEach((lane, index) => {
    const item = list.children[index] || list.appendChild(element("li", ""));
    setText(item, `${lane.name}: ${laneInWords(lane, now)}`);
  });
  while (list.children.length > lanes.length) list.lastChild.remove();
}
