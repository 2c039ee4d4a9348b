/** One message as the phone shows it: a text, an email, a call that rings or has rung. */

import { clockTime } from "../times.js";
import { el, icon } from "./dom.js";

const TICKS = {
  pending: "Queued",
  sending: "Sending…",
  sent: "✓ Sent",
  delivered: "✓✓ Delivered",
  failed: "✗ Failed",
  cancelled: "Not sent: no longer wanted",
};
const LINK = /(https?:\/\/[^\s<>"]+)/;

export function bubble(message, now, zone) {
  const time = clockTime(Date.parse(message.at), now, zone);
  if (message.direction === "in") {
    return el(
      "li",
      { class: "bubble mine" },
      el("p", {}, el("span", { class: "hidden-text" }, "Answered: "), message.text),
      el("p", { class: "tick" }, time),
    );
  }
  const tick = el("p", { class: `tick is-${message.state}` }, `${TICKS[message.state] ?? message.state} · ${time}`);
  if (message.channel === "voice") {
    return el(
      "li",
      { class: "bubble call" },
      el("p", { class: "kind-line" }, icon("call"), "Call from Callout"),
      el("p", {}, ...linked(message.text)),
      tick,
    );
  }
  if (message.channel === "email") {
    return el(
      "li",
      { class: "bubble email" },
      el("p", { class: "kind-line" }, icon("mail"), "Email from Callout"),
      el("p", { class: "subject" }, message.subject ?? ""),
      el("p", {}, ...linked(message.text)),
      tick,
    );
  }
  return el("li", { class: "bubble" }, el("p", {}, ...linked(message.text)), tick);
}

/** A call that still rings: what is said, and the keypad's 1 and 2. */
export function ringing(message, { answer, ignore }) {
  const code = message.task;
  return el(
    "div",
    { class: "ringing", role: "group", "aria-label": "Incoming call" },
    el("p", { class: "ringing-who" }, icon("call"), "Callout calling"),
    el("p", { class: "ringing-says" }, `“${message.text}”`),
    el(
      "div",
      { class: "keypad" },
      el(
        "button",
        { type: "button", class: "key take", onclick: () => answer(`TAKE ${code}`) },
        el("b", {}, "1"),
        " Take",
      ),
      el(
        "button",
        { type: "button", class: "key pass", onclick: () => answer(`PASS ${code}`) },
        el("b", {}, "2"),
        " Pass",
      ),
      el("button", { type: "button", class: "key ignore", onclick: ignore }, "Let it ring out"),
    ),
  );
}

function linked(text) {
  return text.split(LINK).map((part) => {
    if (!LINK.test(part)) return part;
    const [, address, after] = part.match(/^(.*?)([.,;)]*)$/);
    const { pathname } = new URL(address);
    // The page of the task stands on this very service, whatever public address the text was written for.
    const href = pathname.startsWith("/t/") ? pathname : address;
    return el("span", {}, el("a", { href, target: "_blank", rel: "noopener" }, address), after);
  });
}
