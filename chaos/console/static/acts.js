"use strict";
// What people do: each verb with its form or button. All text is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const PROOF = document.body.dataset.proof, MAY = document.body.dataset.may.split(" ");
const SPEED = Number(document.body.dataset.speed), SURE_MS = 5000;

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

async function act(verb, body) {
  const who = $("name").value.trim();
  if (!who) {
    refuse("who are you? Write your name first");
    $("name").focus();
    return null;
  }
  try {
    const answer = await fetch(`/do/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Stormdrill": PROOF },
      body: JSON.stringify({ who, ...body }),
    });
    if (answer.ok) return refuse("") || (await answer.json());
    const said = {
      403: "that is not for you to do", 413: "that is too long", 429: "too much at once; wait a moment",
    }[answer.status];
    refuse(said || (await answer.json()).refused);
  } catch {
    const otherwise = "`stormdrill gameday join` is the same table in a terminal";
    refuse(`it could not be sent: the console does not answer. ${otherwise}`);
  }
  return null;
}

function refuse(text) {
  $("refused").textContent = text && `✕ ${text}`;
  return "";
}

/** What the chosen action needs beside its name: a field for each word in capitals. */
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
  const fields = [...$("more").querySelectorAll("[data-word]")];
  const given = Object.fromEntries(fields.map((field) => [field.dataset.word, field.value.trim()]));
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

/** Text for somebody to read, in front of all else until he closes it. */
function read(answer, title) {
  if (!answer) return;
  $("h-book").textContent = title;
  $("page").textContent = answer.text;
  $("book").showModal();
}

submitted("who", async () => {
  sessionStorage.setItem("name", $("name").value);
  await act("join", { role: $("as").value });
});
submitted("claim", () => act("claim", {
  component: $("component").value, family: $("family").value, confidence: Number($("sure").value) / 100,
}));
submitted("act", () => act("act", { action: chosen() }));
submitted("note", async () => {
  if (await act("note", { text: $("text").value })) $("text").value = "";
});
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
