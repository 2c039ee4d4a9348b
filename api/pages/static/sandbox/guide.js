/** Three things to try on a first visit; what was done is ticked, and the guide remembers that it was closed. */

const CLOSED = "callout-guide-closed";

export function guide(element) {
  element.hidden = remembered();
  element.querySelector("#guide-close").addEventListener("click", () => {
    element.hidden = true;
    document.getElementById("main").focus();
    try {
      window.localStorage.setItem(CLOSED, "yes");
    } catch {
      // A browser that keeps nothing shows the guide again next time.
    }
  });

  function done(step) {
    const item = element.querySelector(`[data-step="${step}"]`);
    if (item.classList.contains("is-done")) return;
    item.classList.add("is-done");
    const said = document.createElement("span");
    said.className = "hidden-text";
    said.textContent = "Done. ";
    item.firstElementChild.prepend(said);
  }

  return { done };
}

function remembered() {
  try {
    return window.localStorage.getItem(CLOSED) === "yes";
  } catch {
    return false;
  }
}
