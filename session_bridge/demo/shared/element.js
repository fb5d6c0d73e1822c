// Builds elements. Text always goes in as text, never as markup, so a product name cannot become script.

/** el("p", { class: "quiet", hidden: true }, "text", child) */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/** Shows the one section of the page that belongs to a state, hides the others. */
export function showState(state) {
  document.body.dataset.state = state;
  for (const section of document.querySelectorAll("[data-when]")) {
    section.hidden = !section.dataset.when.split(" ").includes(state);
  }
}

/** A coloured notice; tone is "good", "warn", "bad" or empty. */
export const notice = (tone, ...content) => el("p", { class: `notice ${tone}` }, el("span", {}, ...content));
