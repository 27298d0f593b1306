"use strict";
// The pager and questions: what is there is changed in place, so that nobody loses the button he is at.

const facts = (kind) => events.filter((event) => event.fact && event.fact.game === kind).map((event) => event.fact);

/** Whether people play it; else it is a run that is looked at. */
const isRound = () => facts("round_began").length > 0;

/** Of each alert that was paged, which page was the last to say that it is over. */
function lastOver() {
  const last = new Map();
  for (const page of facts("paged"))
    for (const alert of page.firing ? page.over : page.alerts) last.set(alert, page.number);
  return last;
}

function pager() {
  const taken = new Map(facts("acknowledged").map((fact) => [fact.page, fact.who]));
  const told = new Map(facts("escalated").map((fact) => [fact.page, fact.to])), last = lastOver();
  let untaken = 0;
  for (const page of facts("paged").filter((one) => one.firing)) {
    const item = $(`page-${page.number}`) || newPage(page), who = taken.get(page.number);
    // What fires again has a page of its own: this one is over since another said so.
    const over = page.alerts.every((alert) => last.get(alert) >= page.number);
    const nobody = told.has(page.number) ? `nobody took it: ${told.get(page.number)} was told` : "nobody has it";
    // In a run that is no round there is nobody who could.
    const whose = isRound() ? `; ${who ? `${who} has it` : nobody}` : "", waits = isRound() && !who && !over;
    setText(item.querySelector(".how"), `${over ? "over" : "firing"}${whose}`);
    item.classList.toggle("untaken", waits);
    item.classList.toggle("past", over);
    const take = item.querySelector("[data-take]");
    if (take) take.disabled = Boolean(who);
    if (waits) untaken += 1;
  }
  $("quiet").hidden = facts("paged").length > 0;
  $("calls").hidden = !untaken;
  setText($("calls"), untaken === 1 ? "▼ a page that nobody has" : `▼ ${untaken} pages that nobody has`);
  document.title = `${untaken ? `(${untaken}) ` : ""}${isRound() || !shown.run ? "Game day" : shown.run}`;
}

function newPage(page) {
  const item = element("li", "", { id: `page-${page.number}` });
  item.append(element("b", `Page ${page.number}, ${moment(page.arrived)}: ${page.alerts.join("; ")}`));
  item.append(element("p", page.summary), element("p", "", { class: "how" }));
  const buttons = element("p", "", { class: "buttons" });
  if (MAY.includes("acknowledge") && !SPEED) {
    const take = element("button", `Acknowledge page ${page.number}`, { type: "button", "data-take": "" });
    take.addEventListener("click", () => act("acknowledge", { page: page.number }));
    buttons.append(take);
  }
  const mayRead = MAY.includes("runbook") && !SPEED;
  if (mayRead && page.runbook) {
    const book = element("button", `Runbook of page ${page.number}`, { type: "button" });
    const title = `Runbook of page ${page.number}: ${page.alerts[0]}`;
    book.addEventListener("click", async () => read(await act("runbook", { page: page.number }), title));
    buttons.append(book);
  }
  item.append(buttons, links(page, mayRead));
  $("pager").prepend(item);
  return item;
}

/** Where the page itself says that its runbook and its dashboard are. */
function links(page, mayRead) {
  const made = element("p", "", { class: "links" });
  const book = linkTo(page.runbook, `runbook's own page (${page.number})`);
  const board = linkTo(page.dashboard, `dashboard of page ${page.number}`);
  // Whoever goes there reads it, as he does who presses the button.
  if (book && mayRead) book.addEventListener("click", () => act("runbook", { page: page.number }));
  made.append(...[book, board].filter(Boolean));
  return made;
}

function questions() {
  const answers = new Map(facts("answered").map((fact) => [fact.inject, fact]));
  for (const asked of facts("inject_told")) {
    const item = $(`question-${asked.number}`) || newQuestion(asked), answer = answers.get(asked.number);
    item.classList.toggle("past", Boolean(answer));
    setText(item.querySelector(".how"), answer ? `${answer.who} answered: ${answer.text}` : "");
  }
}

function newQuestion(asked) {
  $("asked").hidden = false;
  const item = element("li", "", { id: `question-${asked.number}` });
  const within = asked.within_seconds === null ? "" : ` (answer by ${moment(asked.at + asked.within_seconds)})`;
  item.append(element("b", `${asked.sender}: `), `${asked.text}${within}`, element("p", "", { class: "how" }));
  if (MAY.includes("answer") && !SPEED) {
    const form = element("form", ""), label = element("label", "answer ");
    const field = element("input", "", { maxlength: 2000, required: "" });
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
