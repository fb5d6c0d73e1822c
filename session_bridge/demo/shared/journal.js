// What happened in this window, newest first, with the time. Announced to screen readers through the list's live region.

import { byId, el } from "./element.js";
import { asTime } from "./format.js";

const length = 6;

/** Adds a line; tone is "good", "bad" or empty. */
export function note(text, tone = "") {
  const journal = byId("journal");
  const now = Date.now();
  const line = el("li", {}, el("time", { datetime: new Date(now).toISOString() }, asTime(now)), el("span", { class: tone }, text));
  journal.hidden = false;
  journal.prepend(line);
  while (journal.children.length > length) journal.lastElementChild.remove();
}
