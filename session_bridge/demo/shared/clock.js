// The two clocks of a session: idle and absolute. They only show what the database said last; the database decides.

import { byId } from "./element.js";
import { asSpan } from "./format.js";

/** Runs the clocks of the page. `whenOver` is called once, a moment after either clock has run out. */
export class Clocks {
  #session = null;
  #serverAhead = 0;
  #whenOver;
  #timer = null;

  constructor(whenOver) {
    this.#whenOver = whenOver;
  }

  show(session) {
    this.#session = session;
    this.#serverAhead = Date.parse(session.server_time) - Date.now();
    this.#timer ??= setInterval(() => this.#draw(), 250);
    this.#draw();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#session = null;
  }

  #draw() {
    const now = Date.now() + this.#serverAhead;
    const idle = Date.parse(this.#session.idle_expires_at) - now;
    const absolute = Date.parse(this.#session.expires_at) - now;
    const life = Date.parse(this.#session.expires_at) - Date.parse(this.#session.created_at);
    draw("idle", idle, this.#session.idle_timeout_seconds * 1000);
    draw("absolute", absolute, life);
    if (Math.min(idle, absolute) < -1000) {
      const whenOver = this.#whenOver;
      this.stop();
      whenOver();
    }
  }
}

function draw(name, left, whole) {
  const part = Math.min(1, Math.max(0, left / whole));
  byId(`${name}-left`).value = asSpan(left);
  byId(`${name}-bar`).value = part;
  byId(`${name}-left`).closest(".clock").classList.toggle("low", part < 0.15);
}
