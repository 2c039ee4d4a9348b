/** The panel on the left: one press reports an incident, as a partner would. */

import { el, setText } from "./dom.js";

const byId = (id) => document.getElementById(id);

// Ready-made reports, by what the rulebook in use may call the kind; those that it does not know are left out.
const PRESETS = [
  { kind: /weapon/, locality: /south/ },
  { kind: /stab|ward|hospital/, locality: /north/ },
  { kind: /hotspot|late_night/, locality: /central|east/ },
];

/** `report(type, locality, drill)` sends it and resolves to the incident. */
export function reportPanel({ report }) {
  let drawn = "";
  let busy = false;
  let names = new Map();

  function draw({ localities, kinds }) {
    const key = JSON.stringify([localities, kinds]);
    if (key === drawn) return;
    drawn = key;
    names = new Map(localities.map((each) => [each.slug, each.name]));
    const presets = presetsFor(localities, kinds);
    byId("presets").replaceChildren(...presets.map(presetButton));
    if (presets.length) setText(byId("guide-preset"), presets[0].words);
    const chosen = presets[0]?.locality?.slug ?? localities[0]?.slug;
    byId("localities").replaceChildren(
      ...localities.map((each) =>
        el(
          "label",
          { class: "segment" },
          el("input", { type: "radio", name: "locality", value: each.slug, checked: each.slug === chosen }),
          el("span", {}, each.name),
        ),
      ),
    );
    byId("kinds").replaceChildren(
      ...kinds.map((kind) =>
        el(
          "button",
          { type: "button", class: "kind", onclick: () => send(kind, kind.has_locality ? pickedLocality() : null) },
          kind.title,
        ),
      ),
    );
  }

  function presetButton({ kind, locality, words }, index) {
    return el(
      "button",
      {
        type: "button",
        class: index === 0 ? "preset first" : "preset",
        onclick: () => send(kind, locality?.slug ?? null),
      },
      words,
    );
  }

  function pickedLocality() {
    return document.querySelector('input[name="locality"]:checked')?.value ?? null;
  }

  async function send(kind, locality) {
    if (busy) return;
    busy = true;
    setText(byId("told"), "Reporting…");
    const incident = await report(kind.type, locality, byId("drill").checked);
    busy = false;
    setText(byId("told"), incident ? outcome(incident, kind, names.get(locality)) : "");
  }

  return { draw };
}

function presetsFor(localities, kinds) {
  return PRESETS.flatMap(({ kind: kindLike, locality: localityLike }) => {
    const kind = kinds.find((each) => kindLike.test(each.type));
    if (!kind) return [];
    const locality = kind.has_locality
      ? (localities.find((each) => localityLike.test(each.slug)) ?? localities[0])
      : null;
    return [{ kind, locality, words: locality ? `${kind.title}, ${locality.name}` : kind.title }];
  });
}

function outcome(incident, kind, where) {
  const what = where ? `${kind.title}, ${where}` : kind.title;
  const codes = (incident.tasks ?? []).map((task) => task.code).join(", ");
  return codes
    ? `${what}: task ${codes} is open and somebody is being paged.`
    : `${what}: recorded. No further task: it joined one, or no rule asks for one.`;
}
