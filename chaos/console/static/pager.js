"use strict";
// The pager and questions: what is there is changed in place, so that nobody loses the button he is at.

const facts = (kind) => events.filter((event) => event.fact && event.fact.game === kind).map((event) => event.fact);

function pager() {
  const taken = new Map(facts("acknowledged").map((fact) => [fact.page, fact.who]));
  const told = new Map(facts("escalated").map((fact) => [fact.page, fact.to]));
  const goesOn = (lane) => lane.stretches.length && lane.stretches[lane.stretches.length - 1][1] === null;
  const open = new Set(lanes.filter(goesOn).map((lane) => lane.name));
  let untaken = 0;
  for (const page of facts("paged").filter((one) => one.firing)) {
    const item = $(`page-${page.number}`) || newPage(page);
    const over = !page.alerts.some((alert) => open.has(alert)), who = taken.get(page.number);
    const nobody = told.has(page.number) ? `nobody took it: ${told.get(page.number)} was told` : "nobody has it";
    setText(item.querySelector(".how"), `${over ? "over; " : "firing; "}${who ? `${who} has it` : nobody}`);
    item.classList.toggle("untaken", !who && !over);
    item.classList.toggle("past", over);
    const take = item.querySelector("[data-take]");
    if (take) take.disabled = Boolean(who);
    if (!who && !over) untaken += 1;
  }
  $("quiet").hidden = facts("paged").length > 0;
  document.title = `${untaken ? `(${untaken}) ` : ""}Game day`;
}

function newPage(page) {
  const item = element("li", "", { id: `page-${page.number}` });
  item.append(element("b", `Page ${page.number}, ${spoken(page.arrived)}: ${page.alerts.join("; ")}`));
  item.append(element("p", page.summary), element("p", "", { class: "how" }));
  const buttons = element("p", "", { class: "buttons" });
  if (MAY.includes("acknowledge") && !SPEED) {
    const take = element("button", `Acknowledge page ${page.number}`, { type: "button", "data-take": "" });
    take.addEventListener("click", () => act("acknowledge", { page: page.number }));
    buttons.append(take);
  }
  if (MAY.includes("runbook") && page.runbook && !SPEED) {
    const book = element("button", `Runbook of page ${page.number}`, { type: "button" });
    const title = `Runbook of page ${page.number}: ${page.alerts[0]}`;
    book.addEventListener("click", async () => read(await act("runbook", { page: page.number }), title));
    buttons.append(book);
  }
  item.append(buttons);
  $("pager").prepend(item);
  return item;
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
