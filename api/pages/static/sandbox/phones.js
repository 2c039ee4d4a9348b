/** The workers' handsets: kept from one state to the next, so that a half-typed reply survives whatever arrives. */

import { hourMinute } from "../times.js";
import { bubble, ringing } from "./bubbles.js";
import { arrange, el, icon, setText } from "./dom.js";

const IN_VIEW = 3;

/** `reply(phone, text)` sends an answer and resolves to true when it was taken; `spoken(text)` tells a screen reader. */
export function phoneBench(parent, { reply, spoken }) {
  const handsets = new Map();
  let order = [];
  let first = true;

  /** Draws what the service knows; `all` shows the silent phones as well. */
  function draw(state, { all, now }) {
    const news = [];
    for (const phone of state.phones) {
      if (!handsets.has(phone.worker)) handsets.set(phone.worker, handset(phone, { reply }));
      const fresh = handsets.get(phone.worker).draw(phone, state, now);
      if (fresh && !first) news.push(phone);
    }
    order = arranged(state.phones, order, news, first);
    const shown = order.filter((worker) => all || handsets.get(worker).prominent());
    arrange(
      parent,
      shown.map((worker) => handsets.get(worker).element),
    );
    for (const phone of news) handsets.get(phone.worker).buzz();
    // On a small screen the row is scrolled sideways: it goes to the handset that rings, unless a hand is on another.
    if (news.length && !parent.contains(document.activeElement)) bringInto(parent, handsets.get(news[0].worker).element);
    if (news.length) spoken(`New message for ${news.map((phone) => phone.name).join(", ")}`);
    first = false;
  }

  function tick(now, zone) {
    for (const each of handsets.values()) each.tick(now, zone);
  }

  return { draw, tick };
}

function bringInto(row, element) {
  row.scrollLeft += element.getBoundingClientRect().left - row.getBoundingClientRect().left;
}

/** Whoever hears something moves to the front, unless already in plain view: handsets do not hop about under a hand. */
function arranged(phones, before, news, first) {
  if (first)
    return phones
      .map((phone, index) => ({ phone, index }))
      .sort(byInterest)
      .map(({ phone }) => phone.worker);
  const kept = before.filter((worker) => phones.some((phone) => phone.worker === worker));
  const added = phones.map((phone) => phone.worker).filter((worker) => !kept.includes(worker));
  const unseen = news.map((phone) => phone.worker).filter((worker) => kept.indexOf(worker) >= IN_VIEW);
  return [...unseen, ...kept.filter((worker) => !unseen.includes(worker)), ...added];
}

function byInterest(a, b) {
  const lastOf = ({ phone }) => phone.thread.at(-1)?.at ?? "";
  return lastOf(b).localeCompare(lastOf(a)) || b.phone.on_call.length - a.phone.on_call.length || a.index - b.index;
}

function handset(first, { reply }) {
  let phone = first;
  let seen = null;
  let unread = 0;
  let missed = "";
  let drawn = "";

  const time = el("span", { class: "phone-time" }, "");
  const badge = el("span", { class: "badge", hidden: true });
  const lockTime = el("p", { class: "lock-time", "aria-hidden": "true" });
  const lockNote = el("p", { class: "lock-note" });
  const lock = el("div", { class: "lock" }, lockTime, lockNote);
  const messages = el("ol");
  const thread = el(
    "div",
    { class: "thread", tabIndex: 0, role: "group", "aria-label": `Messages on ${phone.name}’s phone` },
    messages,
  );
  const call = el("div", { class: "call-place" });
  const chips = el("div", { class: "reply-chips", role: "group", "aria-label": "Ready answers" });
  const input = el("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: false,
    maxLength: 320,
    placeholder: "Text message",
    "aria-label": `Answer as ${phone.name}`,
  });
  const button = el("button", { type: "submit", class: "send", "aria-label": `Send as ${phone.name}` }, icon("send"));
  const form = el("form", { class: "composer" }, input, button);
  const tags = el("p", { class: "phone-tags" });
  const owner = el("h3", {}, phone.name);
  const teams = el("p", { class: "phone-teams" });
  const screen = el(
    "div",
    { class: "screen" },
    el("div", { class: "status-bar", "aria-hidden": "true" }, time, icon("signal"), icon("battery")),
    lock,
    thread,
    call,
    chips,
    form,
  );
  const element = el(
    "article",
    { class: "phone", "aria-label": `${phone.name}’s phone` },
    el("header", { class: "phone-owner" }, owner, tags, teams),
    el("div", { class: "body" }, screen, badge),
  );

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text && (await send(text))) input.value = "";
  });
  element.addEventListener("focusin", read);
  element.addEventListener("pointerdown", read);
  element.addEventListener("animationend", () => element.classList.remove("buzz"));

  async function send(text) {
    read();
    // What was pressed goes away with the answer: the keyboard stays on this phone.
    if (!form.contains(document.activeElement)) thread.focus({ preventScroll: true });
    button.disabled = true;
    const taken = await reply(phone, text);
    button.disabled = false;
    return taken;
  }

  function read() {
    unread = 0;
    badge.hidden = true;
  }

  /** True when something new was sent to this phone. */
  function draw(next, state, now) {
    phone = next;
    const incoming = phone.thread.filter(
      (message) => message.direction === "out" && !["pending", "cancelled"].includes(message.state),
    );
    const fresh = seen === null ? 0 : incoming.filter((message) => !seen.has(message.id)).length;
    seen = new Set(incoming.map((message) => message.id));
    unread = element.contains(document.activeElement) ? 0 : unread + fresh;
    const key = JSON.stringify([phone, tasksOf(phone, state), state.timezone, missed]);
    if (key !== drawn) {
      drawn = key;
      redraw(state, now);
    }
    return fresh > 0;
  }

  function redraw(state, now) {
    const { on_call: onCall, status } = phone;
    setText(teams, phone.teams.join(" · "));
    tags.replaceChildren(
      ...(status === "off" ? [el("span", { class: "tag off" }, "Off")] : []),
      ...(status === "unreachable" ? [el("span", { class: "tag unreachable" }, "Unreachable")] : []),
      ...(onCall.length ? [el("span", { class: "tag on", title: onCall.join(", ") }, "On call")] : []),
    );
    lock.hidden = phone.thread.length > 0;
    thread.hidden = phone.thread.length === 0;
    setText(lockNote, onCall.length ? `On call for ${onCall.join(" and ")}` : "Not on call just now");
    const ring = ringingCall(phone, state, missed);
    messages.replaceChildren(
      ...phone.thread.filter((message) => message !== ring).map((message) => bubble(message, now, state.timezone)),
    );
    call.replaceChildren(...(ring ? [ringing(ring, { answer: send, ignore: () => ignore(ring, state, now) })] : []));
    chips.replaceChildren(
      ...answersFor(phone, state).map((text) =>
        el("button", { type: "button", class: "reply-chip", onclick: () => send(text) }, text),
      ),
    );
  }

  function ignore(ring, state, now) {
    missed = ring.id;
    redraw(state, now);
    input.focus();
  }

  function buzz() {
    badge.hidden = unread === 0;
    badge.replaceChildren(String(unread), el("span", { class: "hidden-text" }, " new"));
    element.classList.remove("buzz");
    void element.offsetWidth; // lets the same animation start again
    element.classList.add("buzz");
  }

  function tick(now, zone) {
    setText(time, hourMinute(now, zone));
    setText(lockTime, hourMinute(now, zone));
  }

  return { element, draw, buzz, tick, prominent: () => phone.on_call.length > 0 || phone.thread.length > 0 };
}

/** The call that rings now: the last thing that reached this phone, about a task nobody has taken. */
function ringingCall(phone, state, missed) {
  const last = phone.thread.findLast((message) => message.direction === "in" || message.channel === "voice");
  if (!last || last.direction === "in" || last.id === missed || ["failed", "cancelled", "pending"].includes(last.state))
    return null;
  return state.tasks.some((task) => task.code === last.task && task.state === "open" && !task.assignee) ? last : null;
}

function tasksOf(phone, state) {
  const codes = new Set(phone.thread.map((message) => message.task));
  return state.tasks
    .filter((task) => codes.has(task.code))
    .map(({ code, state: now, assignee, sla, outcomes }) => ({ code, now, assignee, sla, outcomes }));
}

/** Answers worth one press, for the last task this phone was told of that still runs. */
function answersFor(phone, state) {
  const live = phone.thread
    .toReversed()
    .map((message) => state.tasks.find((task) => task.code === message.task))
    .filter((task) => task && ["open", "acknowledged"].includes(task.state));
  const task = live.find((each) => !each.assignee || each.assignee === phone.name);
  if (!task) return phone.thread.length ? ["LIST"] : [];
  if (!task.assignee) return [`TAKE ${task.code}`, `PASS ${task.code}`, `MORE ${task.code}`];
  const contact = task.sla.find((step) => step.milestone === "contact");
  const done = `DONE ${task.code} ${task.outcomes?.[0] ?? "contact_made"}`;
  return [...(contact && !contact.met_at ? [`CONTACT ${task.code}`] : []), "LIST", done];
}
