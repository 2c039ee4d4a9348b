/** What the sandbox asks of the service. Every refusal is an Error that carries the service's own words. */

async function answerOf(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new Error([body?.title, body?.detail].filter(Boolean).join(": ") || `The service answered ${response.status}`);
}

async function ask(path, body) {
  const request =
    body === undefined
      ? { cache: "no-store" }
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Error("The service cannot be reached. Is it still running?");
  }
  return answerOf(response);
}

export const service = {
  state: () => ask("/v1/sandbox/state"),
  report: (type, locality, drill) => ask("/v1/sandbox/incident", { type, locality, drill }),
  advance: (duration) => ask("/v1/sandbox/clock", { advance: duration }),
  reply: (from, text) => ask("/v1/sandbox/reply", { from, text }),
};
