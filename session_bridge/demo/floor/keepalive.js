// Floor's keep-alives: recorded in the database through floor's own origin, then sent to the portal's window. One is sent when it
// is due and somebody used floor since the last one: an open window by itself keeps no session alive.

import { byId } from "/shared/element.js";
import { asSpan } from "/shared/format.js";
import { call } from "/shared/bridge.js";
import { note } from "/shared/journal.js";

/** What only a person does. */
const uses = ["pointerdown", "keydown", "wheel", "touchstart"];

export class KeepAlive {
  #portalOrigin;
  #accepted;
  #interval;
  #next;
  #timer;
  #isUsed = false;
  #use = () => (this.#isUsed = true);
  #hear = (event) => this.#verdict(event);

  /** Sends one every `seconds` while floor is used; `accepted()` is called when the portal took one. */
  constructor(seconds, portalOrigin, { accepted }) {
    this.#portalOrigin = portalOrigin;
    this.#accepted = accepted;
    this.#interval = seconds * 1000;
    byId("interval").textContent = asSpan(this.#interval);
    window.addEventListener("message", this.#hear);
    for (const use of uses) window.addEventListener(use, this.#use, { capture: true, passive: true });
    this.#schedule();
    this.#timer = setInterval(() => this.#tick(), 250);
    if (!window.opener) show("no portal", "warn");
  }

  stop() {
    clearInterval(this.#timer);
    window.removeEventListener("message", this.#hear);
    for (const use of uses) window.removeEventListener(use, this.#use, { capture: true });
  }

  /** Records a keep-alive and tells the portal its number. */
  async send() {
    this.#schedule();
    try {
      const { message } = await call("POST", "/api/messages", { target_app: "portal" });
      note("Recorded a keep-alive and sent it.");
      this.#post(message);
    } catch (refusal) {
      note(`No keep-alive: ${refusal.message}.`, "bad");
    }
  }

  /** For the demonstration: a keep-alive of the right shape that was never recorded. */
  sendUnrecorded() {
    const random = crypto.getRandomValues(new Uint8Array(32));
    const text = btoa(String.fromCharCode(...random)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    note("Sent a keep-alive that nobody recorded.");
    this.#post(`vm_${text}`);
  }

  #post(message) {
    if (!window.opener || window.opener.closed) {
      show("no portal", "warn");
      note("The portal's window is gone: the session runs out unless it is opened again.", "bad");
      return;
    }
    // The exact origin: if another page has taken the portal's place in that window, it hears nothing.
    window.opener.postMessage({ kind: "keep-alive", message }, this.#portalOrigin);
  }

  #verdict(event) {
    if (event.origin !== this.#portalOrigin || event.data?.kind !== "keep-alive-verdict") return;
    if (event.data.verdict === "accepted") {
      show("accepted", "good");
      note("The portal accepted it: the idle clock moved on.", "good");
      this.#accepted();
    } else {
      show("refused", "bad");
      note("The portal did not accept it.", "bad");
    }
  }

  #schedule() {
    this.#isUsed = false;
    this.#next = Date.now() + this.#interval;
  }

  #tick() {
    const left = this.#next - Date.now();
    byId("next-left").value = asSpan(left);
    byId("next-bar").value = Math.max(0, left / this.#interval);
    if (left > 0) return;
    if (this.#isUsed) this.send();
    else this.#schedule();
  }
}

function show(text, tone) {
  byId("keepalive-state").textContent = text;
  byId("keepalive-state").className = `chip ${tone}`;
}
