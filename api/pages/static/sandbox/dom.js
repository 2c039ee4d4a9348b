/** Building elements without markup in strings, so that no text from outside is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** `el("p", {class: "told", hidden: true, onclick: f}, "text", child)`; properties named aria-… and data-… become attributes. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const STATUS_WORDS = {
  on_track: "On track",
  at_risk: "At risk",
  breached: "Overdue",
  paused: "Paused",
  met: "Met",
  met_late: "Met late",
  cancelled: "Cancelled",
  completed: "Completed",
};

export function status(state) {
  return el("span", { class: `status is-${state}` }, icon(state), STATUS_WORDS[state] ?? state);
}

/** Brings the children of `parent` into this order, leaving whichever holds the keyboard focus where it stands. */
export function arrange(parent, wanted) {
  const keep = wanted.find((child) => child.contains(document.activeElement));
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  const at = wanted.indexOf(keep);
  if (keep && keep.parentElement === parent) {
    for (const child of wanted.slice(0, at)) keep.before(child);
    let last = keep;
    for (const child of wanted.slice(at + 1)) {
      if (last.nextElementSibling !== child) last.after(child);
      last = child;
    }
    return;
  }
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}
