/** The panel on the right: every open task against its clock, and the last lines of the chosen one's timeline. */

import { clockTime, dueWords, hourMinute, milestoneName, span, words } from "../times.js";
import { el, icon, setText, status } from "./dom.js";

const CLOSED_SHOWN = 3;

/** Draws into `parent`; `tick(now)` moves the countdowns and bars without drawing anew. */
export function taskPanel(parent) {
  let chosen = null;
  let known = new Set();
  let last = null;
  let ticked = 0;
  let ticking = [];

  function draw(state, now) {
    last = state;
    const open = state.tasks.filter(isOpen);
    const newest = open.filter((task) => !known.has(task.id)).sort((a, b) => b.opened_at.localeCompare(a.opened_at))[0];
    if (newest) chosen = newest.id;
    known = new Set(state.tasks.map((task) => task.id));
    const closed = state.tasks.filter((task) => !isOpen(task)).slice(0, CLOSED_SHOWN);
    const focused = parent.contains(document.activeElement) ? document.activeElement.id : "";
    ticking = [];
    parent.replaceChildren(
      ...(open.length
        ? open.map((task) => card(task, state.timezone, now))
        : [el("p", { class: "quiet-note" }, "Nothing is open. Report an incident and it appears here.")]),
      ...(closed.length
        ? [el("h3", { class: "closed-title" }, "Just closed"), ...closed.map((task) => card(task, state.timezone, now))]
        : []),
    );
    if (focused) document.getElementById(focused)?.focus();
    tick(now);
  }

  function choose(id) {
    chosen = chosen === id ? null : id;
    draw(last, ticked);
  }

  function card(task, zone, at) {
    const state = task.paused_until ? "paused" : isOpen(task) ? pressing(task) : task.state;
    const expanded = chosen === task.id;
    return el(
      "article",
      { class: `task is-${state}${isOpen(task) ? "" : " is-closed"}`, "aria-label": `Task ${task.code}` },
      el(
        "div",
        { class: "task-title" },
        el("span", { class: "code" }, task.code),
        el("h3", {}, task.label),
        el(
          "div",
          { class: "task-tags" },
          status(state),
          task.drill ? el("span", { class: "chip drill" }, "Drill") : null,
          task.derived ? el("span", { class: "chip" }, "From a pattern") : null,
        ),
        el("p", { class: "task-team" }, task.team),
      ),
      ...(isOpen(task) ? [holder(task), bars(task, zone, at)] : []),
      el(
        "button",
        {
          type: "button",
          class: "plain",
          id: `timeline-of-${task.id}`,
          "aria-expanded": String(expanded),
          onclick: () => choose(task.id),
        },
        expanded ? "Hide the timeline" : "Show the timeline",
      ),
      expanded ? timeline(task, zone, at) : null,
    );
  }

  function holder(task) {
    if (task.assignee)
      return el("p", { class: "holder" }, icon("person"), el("span", {}, el("b", {}, task.assignee), " has it"));
    const { step, of, next_at: nextAt } = task.escalation;
    const dots = el("span", { class: "steps", "aria-hidden": "true" });
    for (let each = 1; each <= of; each += 1) dots.append(el("i", { class: each <= step ? "reached" : "" }));
    const said = el("span", {}, el("b", {}, "Nobody yet"), ` · step ${step} of ${of}`);
    if (nextAt && !task.paused_until) {
      const left = el("b", { class: "left" });
      ticking.push((now) => setText(left, span(Math.max(0, Date.parse(nextAt) - now))));
      said.append(" · next page in ", left);
    }
    return el("p", { class: "holder nobody" }, icon("person"), said, dots);
  }

  function bars(task, zone, at) {
    return el("ul", { class: "bars" }, ...task.sla.map((step) => bar(task, step, zone, at)));
  }

  function bar(task, step, zone, at) {
    const opened = Date.parse(task.opened_at);
    const due = Date.parse(step.due_at);
    const whole = Math.max(1, due - opened);
    const fill = el("span", { class: "bar-fill" });
    const mark = el("span", { class: "bar-warn" });
    mark.style.setProperty("--at", String(Math.min(1, Math.max(0, (Date.parse(step.warn_at) - opened) / whole))));
    const line = el("span", { class: "bar-words" });
    const running = !step.met_at && !["paused", "cancelled"].includes(step.state);
    const met = step.met_at ? Date.parse(step.met_at) : null;
    ticking.push((now) => {
      fill.style.setProperty("--at", String(Math.min(1, Math.max(0.01, ((met ?? now) - opened) / whole))));
      setText(
        line,
        running
          ? dueWords(step.milestone, due, now)
          : `${milestoneName(step.milestone)}${met ? ` met ${clockTime(met, now, zone)}` : ""}`,
      );
    });
    return el(
      "li",
      { class: `bar is-${step.state}`, title: `${milestoneName(step.milestone)} by ${clockTime(due, at, zone)}` },
      el("div", { class: "bar-line" }, line, status(step.state)),
      el("div", { class: "bar-track", "aria-hidden": "true" }, fill, mark),
    );
  }

  function tick(at) {
    ticked = at;
    for (const each of ticking) each(at);
  }

  return { draw, tick };
}

function timeline(task, zone, at) {
  const entries = (task.timeline ?? []).map((entry) =>
    el(
      "li",
      { class: `event-${entry.event}` },
      el("time", {}, shortTime(entry.at, at, zone)),
      el(
        "span",
        {},
        el("b", {}, words(entry.event)),
        entry.detail ? ` ${entry.detail}` : "",
        entry.channel ? el("small", {}, ` by ${entry.channel === "sms" ? "text" : entry.channel}`) : null,
      ),
    ),
  );
  return el("ol", { class: "timeline", "aria-label": `Timeline of ${task.code}` }, ...entries);
}

function shortTime(iso, at, zone) {
  const full = clockTime(Date.parse(iso), at, zone);
  return full.length > 5 ? `${full.split(" ")[1]} ${hourMinute(Date.parse(iso), zone)}` : full;
}

/** The worst of its milestones: one that nobody took in time stays overdue, whatever is still ahead. */
function pressing(task) {
  const states = task.sla.map((step) => step.state);
  return ["breached", "at_risk"].find((state) => states.includes(state)) ?? task.next?.state ?? "on_track";
}

function isOpen(task) {
  return task.state === "open" || task.state === "acknowledged";
}
