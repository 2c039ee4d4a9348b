/** Says what the service refused, and why, until it is closed or read. */

import { el, icon } from "./dom.js";

const STAYS = 10_000;

export function toast(text) {
  const box = el("div", { class: "toast" }, icon("breached"), el("p", {}, text));
  box.append(
    el("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => box.remove() }, icon("close")),
  );
  document.getElementById("toasts").append(box);
  window.setTimeout(() => box.remove(), STAYS);
}
