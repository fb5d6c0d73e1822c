// Who is using this window: name, roles, attributes and the session's public properties.

import { byId, el } from "./element.js";

/** Fills the masthead and the facts of the session card. */
export function showSession(session) {
  const roles = session.roles.length > 0 ? session.roles.join(", ") : "no role";
  byId("who").hidden = false;
  byId("avatar").textContent = session.user_name.slice(0, 1);
  byId("user-name").textContent = session.user_name;
  byId("user-roles").textContent = roles;
  const attributes = Object.entries(session.attributes?.app ?? {});
  byId("facts").replaceChildren(
    ...fact("Pillar", el("span", { class: "chip plain" }, session.pillar)),
    ...fact("Roles", ...chips(session.roles)),
    ...attributes.flatMap(([name, value]) => fact(title(name), ...chips([value].flat()))),
  );
}

/** Empties the masthead when nobody is logged in. */
export function hideSession() {
  byId("who").hidden = true;
}

const title = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
const chips = (values) =>
  values.length > 0 ? values.map((value) => el("span", { class: "chip" }, value)) : [el("span", { class: "quiet" }, "none")];
const fact = (name, ...values) => [el("dt", {}, name), el("dd", {}, ...values)];
