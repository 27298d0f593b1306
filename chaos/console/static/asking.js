"use strict";
// What other scripts of the page share: elements, and questions to the console. All text is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const LONGEST_MS = 20_000; // the console answers after 15 s at the latest, whether anything is new or not
const REFUSALS = {
  403: "that is not for you to do; if it was before, load this page again",
  404: "you are not let in; ask the host for your address",
  413: "that is too long", 429: "too much at once; wait a moment",
};

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Says something to who hears the page; what is said before he has heard the last one does not take its place. */
function speak(text) {
  $("spoken").append(element("p", text));
  while ($("spoken").children.length > 20) $("spoken").firstChild.remove();
}

/** Why the console did not tell something, in words; `status` is 0 where nothing was answered. */
class Untold extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/** What the console answers, within 20 s. Throws Untold. */
async function ask(path, more = {}) {
  const answer = await fetch(path, { ...more, signal: AbortSignal.timeout(LONGEST_MS) }).catch(() => {
    throw new Untold("the console does not answer", 0);
  });
  // A defect answers without JSON, and so does the gate.
  const said = await answer.json().catch(() => null);
  if (answer.ok && said !== null) return said;
  const defect = `the console cannot just now: it answers ${answer.status}`;
  const amiss = answer.ok ? "the console did not answer in full" : defect;
  throw new Untold((said && said.refused) || REFUSALS[answer.status] || amiss, answer.status);
}
