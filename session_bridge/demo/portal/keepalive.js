// Keep-alives from floor. One counts only when the database finds the message floor recorded for it, so a page that merely
// knows how to post a message to this window gains nothing.

import { byId } from "/shared/element.js";
import { asCount } from "/shared/format.js";
import { call } from "/shared/bridge.js";
import { note } from "/shared/journal.js";

let listener = null;
let count = 0;

/** Hears keep-alives from exactly `floorOrigin`; `accepted(session)` gets the session with its new clocks. */
export function receiveKeepAlives(floorOrigin, { accepted, refused }) {
  window.removeEventListener("message", listener);
  listener = async (event) => {
    // The sender's origin is the browser's word, not the message's; anything else is not for us.
    if (event.origin !== floorOrigin || event.data?.kind !== "keep-alive" || typeof event.data.message !== "string") return;
    const answer = (verdict) => event.source.postMessage({ kind: "keep-alive-verdict", verdict }, floorOrigin);
    try {
      await call("POST", "/api/messages/validate", { message: event.data.message });
    } catch (refusal) {
      if (refusal.code !== "message_invalid") {
        note(`A keep-alive could not be checked: ${refusal.message}.`, "bad");
        answer("unknown");
        if (refusal.status === 401) refused();
        return;
      }
      show("refused", "bad");
      note("A keep-alive nobody recorded was refused.", "bad");
      answer("refused");
      refused();
      return;
    }
    count += 1;
    show(`${asCount(count)} keep-alive${count === 1 ? "" : "s"}`, "good");
    note("A keep-alive from floor was accepted.", "good");
    answer("accepted");
    accepted(await call("GET", "/api/session"));
  };
  window.addEventListener("message", listener);
}

function show(text, tone) {
  byId("floor-state").textContent = text;
  byId("floor-state").className = `chip ${tone}`;
}
