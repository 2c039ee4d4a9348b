/** The sandbox: a whole partnership on one screen. Reads the state, draws it, and sends what a hand does. */

import { listen } from "./live.js";
import { setText } from "./sandbox/dom.js";
import { guide } from "./sandbox/guide.js";
import { phoneBench } from "./sandbox/phones.js";
import { reportPanel } from "./sandbox/report.js";
import { service } from "./sandbox/service.js";
import { taskPanel } from "./sandbox/tasks.js";
import { toast } from "./sandbox/toast.js";
import { ServiceClock, hourMinuteSecond, longDay } from "./times.js";

const byId = (id) => document.getElementById(id);
const clock = new ServiceClock();
const steps = guide(byId("guide"));
const tasks = taskPanel(byId("tasks"));
const phones = phoneBench(byId("phones"), { reply, spoken: (text) => setText(byId("spoken"), text) });
const panel = reportPanel({ report });

let state = null;
let showAll = false;
let asking = false;
let askAgain = false;

async function refresh() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    state = await service.state();
    clock.set(state.now);
    draw();
  } catch (problem) {
    if (state === null) toast(problem.message);
  } finally {
    asking = false;
    if (askAgain) {
      askAgain = false;
      refresh();
    }
  }
}

function draw() {
  panel.draw(state);
  phones.draw(state, { all: showAll, now: clock.now() });
  tasks.draw(state, clock.now());
  const quiet = state.phones.some((phone) => !phone.on_call.length && !phone.thread.length);
  const button = byId("all-phones");
  button.hidden = !quiet && !showAll;
  button.setAttribute("aria-pressed", String(showAll));
  setText(button, showAll ? "Show only the phones in use" : `Show all ${state.phones.length} phones`);
  tick();
}

function tick() {
  if (state === null) return;
  const now = clock.now();
  setText(byId("clock"), hourMinuteSecond(now, state.timezone));
  setText(byId("day"), longDay(now, state.timezone, true));
  phones.tick(now, state.timezone);
  tasks.tick(now);
}

/** Does one thing, shows a refusal, and looks at the state again either way. */
async function attempt(action) {
  try {
    return await action();
  } catch (problem) {
    toast(problem.message);
    return null;
  } finally {
    refresh();
  }
}

async function report(type, locality, drill) {
  const incident = await attempt(() => service.report(type, locality, drill));
  if (incident) steps.done("report");
  return incident;
}

async function reply(phone, text) {
  const answer = await attempt(() => service.reply(phone.phone, text));
  if (answer) steps.done("reply");
  return answer !== null;
}

async function advance(button) {
  const buttons = [...byId("advance").querySelectorAll("button")];
  for (const each of buttons) each.disabled = true;
  byId("advance").classList.add("is-moving");
  setText(byId("advance-label"), `Moving on ${button.dataset.words}…`);
  const moved = await attempt(() => service.advance(button.dataset.advance));
  if (moved) {
    clock.set(moved.now);
    steps.done("advance");
  }
  for (const each of buttons) each.disabled = false;
  byId("advance").classList.remove("is-moving");
  setText(byId("advance-label"), "Move time on");
  button.focus();
}

byId("advance").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) advance(button);
});
byId("all-phones").addEventListener("click", () => {
  showAll = !showAll;
  if (state) draw();
});
listen({
  changed: (now) => {
    if (now) clock.set(now);
    refresh();
  },
  line: (open) => {
    setText(byId("link-state"), open ? "Live" : "Reconnecting…");
    byId("link-state").classList.toggle("is-lost", !open);
  },
});
window.setInterval(tick, 1000);
refresh();
