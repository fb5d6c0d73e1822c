// The visible lines and their sales by region, a bar each.

import { byId, el } from "./element.js";
import { asCount, asMoney } from "./format.js";

/** Shows `[{region, count, sales}]`, the largest first. */
export function showRegions(regions) {
  const largest = Math.max(...regions.map((region) => region.count), 1);
  const bySize = regions.toSorted((a, b) => b.count - a.count);
  byId("regions").replaceChildren(
    bySize.length === 0 ? el("p", { class: "quiet" }, "No region is visible to you.") : el("ul", { class: "regions" }, ...bySize.map(line)),
  );

  function line({ region, count, sales }) {
    const name = `region-${region}`;
    return el(
      "li",
      {},
      el("label", { for: name }, el("span", {}, region), el("span", { class: "quiet" }, `${asCount(count)} lines`), el("strong", {}, asMoney(sales))),
      el("progress", { id: name, max: largest, value: count }),
    );
  }
}
