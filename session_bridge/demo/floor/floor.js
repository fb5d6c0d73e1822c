// Floor: the second front end. It has no time-out of its own: its session is the portal's, and it closes itself when told.

import { byId, notice, showState } from "/shared/element.js";
import { asReason } from "/shared/format.js";
import { call } from "/shared/bridge.js";
import { Clocks } from "/shared/clock.js";
import { hideSession, showSession } from "/shared/session.js";
import { listenForClose } from "/shared/closing.js";
import { showOrders } from "/shared/orders.js";
import { KeepAlive } from "./keepalive.js";

const clocks = new Clocks(look);
let portalOrigin = null;
let keepAlive = null;
let stopListening = () => {};

async function start() {
  stopListening();
  try {
    const app = await call("GET", "/api/app");
    portalOrigin = app.handoff_from.origin;
    open(await call("GET", "/api/session"));
  } catch (problem) {
    if (problem.status !== 401) fail(problem);
    else if (keepAlive) close("idle_timeout");
    else if (location.search === "?enter") byId("enter").requestSubmit();
    else showState("nobody");
  }
}

/** Shows the clocks as they stand now, or that the session is over. */
async function look() {
  try {
    clocks.show(await call("GET", "/api/session"));
  } catch (problem) {
    if (problem.status === 401) close("idle_timeout");
    else fail(problem);
  }
}

function open(session) {
  // The mark of the portal's button has done its work; a reload should only reload.
  history.replaceState(null, "", "/");
  showState("open");
  showSession(session);
  clocks.show(session);
  stopListening = listenForClose(close);
  keepAlive?.stop();
  keepAlive = new KeepAlive(session.keepalive_seconds, portalOrigin, {
    accepted: look,
  });
  showOrders().catch((refusal) => refusal.status === 401 && close(refusal.code));
}

/** Closes floor: nothing of the session stays in the window, and the window itself goes if the browser lets it. */
function close(reason) {
  stopListening();
  keepAlive?.stop();
  clocks.stop();
  hideSession();
  byId("orders").replaceChildren();
  for (const id of ["orders-count", "orders-sales", "orders-quantity"]) byId(id).textContent = "–";
  byId("facts").replaceChildren();
  byId("closed-why").replaceChildren(notice("warn", asReason(reason)));
  byId("to-portal").href = portalOrigin;
  document.title = "Closed · Floor";
  showState("closed");
  window.close();
}

function fail(problem) {
  byId("trouble").textContent = [problem.message, problem.hint].filter(Boolean).join(". ");
  showState("broken");
}

byId("send").addEventListener("click", () => keepAlive?.send());
byId("send-unrecorded").addEventListener("click", () => keepAlive?.sendUnrecorded());
byId("retry").addEventListener("click", start);
start();
