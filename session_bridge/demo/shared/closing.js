// Hears that the session is over, from the stream of events of this origin; looks into the queue itself while there is none.
// Neither counts as use of the session.

import { call } from "./bridge.js";

const pause = 5000;

/** Calls `whenClosed(reason)` once when a close message arrives, after acknowledging it. Returns how to stop listening. */
export function listenForClose(whenClosed) {
  let isDone = false;
  let isReplaced = false;
  let events;
  let timer;

  function listen() {
    events = new EventSource("/api/events");
    events.addEventListener("close", (event) => close(JSON.parse(event.data)));
    // The session has newer windows than it may have streams: this one looks now and then from here on.
    events.addEventListener("replaced", () => {
      events.close();
      isReplaced = true;
      later(look);
    });
    // The browser opens the stream again by itself unless it was refused.
    events.addEventListener("error", () => !isDone && events.readyState === EventSource.CLOSED && look());
  }

  async function look() {
    try {
      const { messages } = await call("GET", "/api/messages");
      const message = messages.find(({ kind }) => kind === "close");
      if (message) close(message);
      else later(isReplaced ? look : listen);
    } catch (refusal) {
      if (refusal.status === 401) close({ id: 0, reason: refusal.code });
      else later(look);
    }
  }

  function later(step) {
    if (!isDone) timer = setTimeout(step, pause);
  }

  async function close({ id, reason }) {
    if (isDone) return;
    stop();
    // Number 0 stands for a session that is over with nothing queued: there is nothing to acknowledge.
    if (id > 0) await call("POST", `/api/messages/${id}/ack`).catch(() => {});
    whenClosed(reason);
  }

  function stop() {
    isDone = true;
    events.close();
    clearTimeout(timer);
  }

  listen();
  return stop;
}
