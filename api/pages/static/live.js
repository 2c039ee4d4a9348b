/** Listens to /v1/stream and says when something changed, and whether the line is open. */

const RETRY_AFTER = 3000;
const GATHER = 100;

/** `changed(now)` gets the service's time, or undefined after a reconnection; `line(open)` follows the connection. */
export function listen({ changed, line }) {
  let gathering = 0;
  let latest;

  // Not put off by what follows: while a clock moves through a day, changes never pause.
  function soon(now) {
    latest = now;
    gathering ||= window.setTimeout(() => {
      gathering = 0;
      changed(latest);
    }, GATHER);
  }

  function open() {
    const stream = new EventSource("/v1/stream");
    stream.addEventListener("open", () => {
      line(true);
      soon(undefined); // what happened while the line was down was missed
    });
    stream.addEventListener("change", (event) => soon(timeIn(event.data)));
    stream.addEventListener("error", () => {
      line(false);
      // The browser retries a broken line by itself, but gives up for good on an error answer.
      if (stream.readyState === EventSource.CLOSED) window.setTimeout(open, RETRY_AFTER);
    });
  }

  open();
}

function timeIn(data) {
  try {
    return JSON.parse(data).now;
  } catch {
    return undefined;
  }
}
