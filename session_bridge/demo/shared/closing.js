// Hears that the session is over, from the stream of events of this origin.

import { call } from "./bridge.js";

/** Calls `whenClosed(reason)` once when a close message arrives, after acknowledging it. Returns how to stop listening. */
export function listenForClose(whenClosed) {
  let done = false;
  const events = new EventSource("/api/events");
  const stop = () => {
    done = true;
    events.close();
  };
  events.addEventListener("close", async (event) => {
    if (done) return;
    stop();
    const { id, reason } = JSON.parse(event.data);
    // Number 0 stands for a session that is over with nothing queued: there is nothing to acknowledge.
    if (id > 0) await call("POST", `/api/messages/${id}/ack`).catch(() => {});
    whenClosed(reason);
  });
  events.addEventListener("error", async () => {
    // The browser opens the stream again by itself unless it was refused: then the session decides.
    if (done || events.readyState !== EventSource.CLOSED) return;
    stop();
    const over = await call("GET", "/api/session").then(() => null, (refusal) => refusal);
    if (over?.status === 401) whenClosed(over.code);
  });
  return stop;
}
