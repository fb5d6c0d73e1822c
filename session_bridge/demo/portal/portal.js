// The portal: who is logged in, the rows this user may see, the session's clocks, the way to floor.
// Only what a person does here moves the idle clock. When its clocks run out it looks once more, which is no use of the session:
// another tab, or floor, may have moved them.

import { byId, notice, showState } from "/shared/element.js";
import { asCount, asMoney, asReason } from "/shared/format.js";
import { call } from "/shared/bridge.js";
import { Clocks } from "/shared/clock.js";
import { hideSession, showSession } from "/shared/session.js";
import { listenForClose } from "/shared/closing.js";
import { showOrders } from "/shared/orders.js";
import { showRegions } from "/shared/regions.js";
import { receiveKeepAlives } from "./keepalive.js";

const clocks = new Clocks(look);
let floorOrigin = null;
let stopListening = () => {};

/** Shows whatever the session allows; `reason` says why a former one is over. */
async function start(reason = null) {
  stopListening();
  try {
    const app = await call("GET", "/api/app");
    floorOrigin = app.handoff_to.find((target) => target.app === "floor").origin;
    open(await call("GET", "/api/session"));
  } catch (problem) {
    if (problem.status === 401) close(reason);
    else fail(problem);
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
  showState("open");
  showSession(session);
  clocks.show(session);
  stopListening = listenForClose(close);
  receiveKeepAlives(floorOrigin, { accepted: (renewed) => clocks.show(renewed), refused: () => close("message_refused") });
  for (const part of [showOrders().then((orders) => showRegions(orders.regions)), showProfits()]) {
    part.catch((refusal) => refusal.status === 401 && close());
  }
}

/** May come twice, from the stream and from a refused call; the later reason is the more exact one or the same. */
function close(reason = null) {
  stopListening();
  clocks.stop();
  hideSession();
  byId("orders").replaceChildren();
  byId("regions").replaceChildren();
  if (reason) byId("farewell").replaceChildren(notice("warn", asReason(reason)));
  showState("nobody");
}

function fail(problem) {
  byId("trouble").textContent = [problem.message, problem.hint].filter(Boolean).join(". ");
  showState("broken");
}

async function showProfits() {
  const total = byId("profits-total");
  try {
    const profits = await call("GET", "/api/profits");
    total.textContent = profits.count > 0 ? asMoney(profits.total) : "Hidden";
    total.classList.toggle("none", profits.count === 0);
    byId("profits-count").textContent = profits.count > 0 ? `over ${asCount(profits.count)} lines` : "profit is for managers";
  } catch (refusal) {
    total.textContent = "–";
    throw refusal;
  }
}

byId("open-floor").addEventListener("click", () => window.open(`${floorOrigin}/?enter`, "floor"));
byId("retry").addEventListener("click", () => start());
start();
