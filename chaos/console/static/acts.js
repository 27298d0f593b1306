"use strict";
// What people do: each verb with its form or button, and what the table says to it.

const PROOF = document.body.dataset.proof, MAY = document.body.dataset.may.split(" ");
const ANY = new Set(document.body.dataset.any.split(" ")); // in an action that is offered, what stands for any word
const SPEED = Number(document.body.dataset.speed), SURE_MS = 5000, REFUSED_MS = 20_000;
const IN_A_TERMINAL = "In a terminal `.venv/bin/stormdrill gameday join` is the same table, and "
  + "`.venv/bin/stormdrill gameday abort` ends the round.";
const SAID = {
  joined: "said-join", claimed: "said-claim", noted: "said-note", steered: "said-steer", asked: "said-act",
  acted: "said-act", declared: "said-act", declined: "said-act", hint_asked: "said-act", hint_given: "said-act",
};
const FOR_ALL = ["acted", "declined", "hint_given", "steered"]; // whoever asked for it
const EXAMPLE = /^https?:\/\/([^/]*\.)?example\.(com|org|net)(?![\w.-])/;
let forgets = 0;

const me = () => ($("name") ? $("name").value.trim().replace(/\s+/g, " ") : "");

/** Has something done; what was answered, or null where it was refused. */
async function act(verb, body) {
  // Whoever has to stop it need not say first who he is.
  const who = me() || (body.how === "abort" ? "host" : "");
  if (!who) {
    refuse("who are you? Write your name first");
    $("name").focus();
    return null;
  }
  const headers = { "Content-Type": "application/json", "X-Stormdrill": PROOF };
  try {
    const answer = await ask(`/do/${verb}`, { method: "POST", headers, body: JSON.stringify({ who, ...body }) });
    refuse("");
    return answer;
  } catch (error) {
    if (!(error instanceof Untold)) throw error;
    const unsent = `it could not be sent, as far as this page knows: ${error.message}. ${IN_A_TERMINAL}`;
    refuse(error.status ? error.message : unsent);
    return null;
  }
}

function refuse(text) {
  $("refused").textContent = text && `✕ ${text}`;
  clearTimeout(forgets);
  // It stands in front of all else, and must not do so for good.
  forgets = setTimeout(() => { $("refused").textContent = ""; }, REFUSED_MS);
}

/** Shows what became of what was pressed where it was pressed: a phone shows no log beside its buttons. */
function tellBack(event, silently) {
  const fact = event.fact, place = $(SAID[fact.game]);
  if (!place || !(FOR_ALL.includes(fact.game) || fact.who === me())) return;
  setText(place, `${event.when}: ${event.words}`);
  if (!silently) speak(event.words);
}

const choose = () => element("option", "choose one", { value: "" });

/** What there is to choose from in this round; nothing is chosen before somebody does. */
function offer(began) {
  const options = (names) => [choose(), ...names.map((name) => element("option", name))];
  if ($("component")) $("component").replaceChildren(...options(began.components));
  if ($("family"))
    for (const option of [...$("family").options])
      if (option.value && !began.families.includes(option.value)) option.remove();
  if ($("action")) {
    $("action").replaceChildren(...options(began.actions));
    parameters();
  }
}

/** What the chosen action needs beside its name: a field for each word that stands for any. */
function parameters() {
  const wanted = $("action").value.split(" ").filter((word) => ANY.has(word));
  $("more").replaceChildren(...wanted.map((word) => {
    const label = element("label", `${word.toLowerCase()} `), source = { COMPONENT: "component", KIND: "family" }[word];
    const field = source ? $(source).cloneNode(true) : element("input", "", { required: "", maxlength: 60 });
    field.removeAttribute("id");
    field.dataset.word = word;
    if (word === "ALERT") field.value = lanes.length ? alertOf(lanes[lanes.length - 1].name) : "";
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

/** An address as a link that leaves this page where it is; null: it is none that leads a browser anywhere. */
function linkTo(address, words) {
  // Rules name a place that is kept for examples where nobody has said where his runbooks are.
  const leads = /^https?:\/\//.test(address || "") && !EXAMPLE.test(address);
  if (!leads) return null;
  return element("a", words, { href: address, target: "_blank", rel: "noopener noreferrer" });
}

/** Text for somebody to read, in front of all else until he closes it. */
function read(answer, title) {
  if (!answer) return;
  $("h-book").textContent = title;
  $("page").replaceChildren(linkTo(answer.text, answer.text) || answer.text);
  $("book").showModal();
}

function tellSureness() {
  const sure = Number($("sure").value), enough = Number($("sure").dataset.enough);
  setText($("sureness"), sure < enough ? `${sure} % sure: too unsure to count as a diagnosis` : `${sure} % sure`);
}

submitted("who", async () => {
  sessionStorage.setItem("name", $("name").value);
  sessionStorage.setItem("as", $("as").value);
  await act("join", { role: $("as").value });
});
submitted("claim", () => act("claim", {
  component: $("component").value, family: $("family").value, confidence: Number($("sure").value) / 100,
}));
submitted("act", async () => {
  if (!(await act("act", { action: chosen() }))) return;
  // Pressed once more it would be done once more.
  $("action").value = "";
  parameters();
});
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
if ($("sure")) $("sure").addEventListener("input", tellSureness);
if ($("name")) {
  $("name").value = sessionStorage.getItem("name") || "";
  const before = sessionStorage.getItem("as");
  if ([...$("as").options].some((option) => option.value === before)) $("as").value = before;
}
