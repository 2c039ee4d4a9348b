/** Keeps the wallboard true: swaps in what is open, ticks the countdowns, and says so when it can no longer be trusted. */

import { listen } from "./live.js";
import { ServiceClock, clockTime, dueWords, hourMinute, longDay, span } from "./times.js";

const ASK_EVERY = 30_000; // a half-open connection looks alive: what counts is when the service last answered
const TRUST_FOR = 75_000;
const ANSWER_WITHIN = 15_000;
const TRY_AGAIN_AFTER = 5_000;

const byId = (id) => document.getElementById(id);
const zone = byId("main").dataset.timezone;
const open = byId("open");
const clock = new ServiceClock();

let answeredAt = Date.now();
let lastTrue = 0;
let lineOpen = false;
let reached = true;
let refused = false;
let asking = false;
let askAgain = false;
let retry = 0;
let spoken = "";

function adopt() {
  clock.set(open.querySelector("[data-now]").dataset.now);
  lastTrue = clock.now();
  const summary = [...open.querySelectorAll(".count")]
    .map((each) => each.textContent.trim().replace(/\s+/g, " "))
    .join(", ");
  if (spoken && spoken !== summary) byId("spoken").textContent = `Now ${summary}`;
  spoken = summary;
  watchBelow();
  tick();
}

async function ask() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  window.clearTimeout(retry);
  let fresh = null;
  try {
    const answer = await fetch(`/board/open${window.location.search}`, {
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    refused = answer.redirected || answer.status === 401 || answer.status === 403;
    if (answer.ok && !refused)
      fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".board-open[data-now]");
  } catch {
    refused = false; // not reachable, which the board says
  }
  asking = false;
  reached = fresh !== null;
  if (reached) {
    open.replaceChildren(fresh);
    answeredAt = Date.now();
    adopt();
  } else {
    retry = window.setTimeout(ask, TRY_AGAIN_AFTER);
  }
  showTrust();
  if (askAgain) {
    askAgain = false;
    ask();
  }
}

function showTrust() {
  const trusted = lineOpen && reached && Date.now() - answeredAt < TRUST_FOR;
  const since = clockTime(lastTrue, clock.now(), zone);
  document.body.classList.toggle("is-lost", !trusted);
  const live = byId("live");
  live.classList.toggle("is-live", trusted);
  live.classList.toggle("is-lost", !trusted);
  setText(live, trusted ? "Live" : `Not live since ${since}`);
  const warning = byId("not-live");
  warning.hidden = trusted;
  if (trusted) return;
  if (!refused) {
    setText(warning, `This board shows how things stood at ${since}. Trying to reach the service again…`);
  } else if (!warning.querySelector("a")) {
    const link = document.createElement("a");
    link.href = `/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
    link.textContent = "Sign in again";
    warning.replaceChildren(`This board shows how things stood at ${since}. You are no longer signed in. `, link);
  }
}

function tick() {
  const now = clock.now();
  setText(byId("clock"), hourMinute(now, zone));
  setText(byId("day"), longDay(now, zone));
  for (const each of open.querySelectorAll("[data-due]"))
    setText(each, dueWords(each.dataset.milestone, Date.parse(each.dataset.due), now));
  for (const each of open.querySelectorAll("[data-next]"))
    setText(each, span(Math.max(0, Date.parse(each.dataset.next) - now)));
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const below = new Set();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const hidden = !entry.isIntersecting && entry.boundingClientRect.top > 0;
      if (hidden) below.add(entry.target);
      else below.delete(entry.target);
    }
    byId("below").hidden = below.size === 0;
    byId("below").textContent = `${below.size} more below`;
  },
  { threshold: 0.5 },
);

function watchBelow() {
  watcher.disconnect();
  below.clear();
  byId("below").hidden = true;
  for (const card of open.querySelectorAll("[data-card]")) watcher.observe(card);
}

adopt();
listen({
  changed: ask,
  line: (isOpen) => {
    lineOpen = isOpen;
    if (!isOpen) ask(); // tells a lost connection from a lost sign-in
    showTrust();
  },
});
window.setInterval(tick, 1000);
window.setInterval(showTrust, 5000);
window.setInterval(ask, ASK_EVERY);
document.addEventListener("visibilitychange", () => document.hidden || ask());
window.addEventListener("offline", ask);
