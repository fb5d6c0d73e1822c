// The rows this session may see. The page asks for rows and gets what the policies leave: it filters nothing itself.

import { byId, el, notice } from "./element.js";
import { asCount, asDay, asMoney } from "./format.js";
import { call } from "./bridge.js";

const columns = [
  ["day", "Date"],
  ["product", "Product"],
  ["place", "Place"],
  ["customer", "Customer"],
  ["quantity number", "Pieces"],
  ["sales number", "Sales"],
];

/** Loads the orders, shows count, totals and the first rows, and returns what the bridge answered. */
export async function showOrders() {
  const target = byId("orders");
  target.setAttribute("aria-busy", "true");
  target.replaceChildren(...Array.from({ length: 6 }, () => el("div", { class: "bar" })));
  try {
    const orders = await call("GET", "/api/orders");
    byId("orders-count").textContent = asCount(orders.count);
    byId("orders-sales").textContent = asMoney(orders.totals.sales);
    byId("orders-quantity").textContent = `${asCount(orders.totals.quantity)} pieces`;
    target.replaceChildren(orders.rows.length === 0 ? nothing() : table(orders));
    return orders;
  } catch (refusal) {
    byId("orders-count").textContent = "–";
    byId("orders-sales").textContent = "–";
    target.replaceChildren(notice("bad", `The rows could not be read: ${refusal.message}.`));
    throw refusal;
  } finally {
    target.removeAttribute("aria-busy");
  }
}

function nothing() {
  return el(
    "div",
    { class: "empty" },
    el("strong", {}, "No order line is visible to you"),
    "Your session carries no region, so the policies leave no row.",
  );
}

function table(orders) {
  const shown = orders.rows.length;
  const caption = shown < orders.count ? `The first ${shown} of ${asCount(orders.count)} lines.` : `All ${shown} lines.`;
  return el(
    "table",
    { class: "rows", role: "table" },
    el("caption", {}, caption),
    el(
      "thead",
      { role: "rowgroup" },
      el("tr", { role: "row" }, ...columns.map(([name, title]) => el("th", { class: name, role: "columnheader", scope: "col" }, title))),
    ),
    el("tbody", { role: "rowgroup" }, ...orders.rows.map(row)),
  );
}

function row(order) {
  const cells = {
    day: [asDay(order.order_date)],
    product: [order.product_name, el("small", {}, `${order.category}, ${order.sub_category}`)],
    place: [`${order.city}, ${order.state}`, el("small", {}, order.region)],
    customer: [order.customer_name],
    "quantity number": [asCount(order.quantity)],
    "sales number": [asMoney(order.sales)],
  };
  return el("tr", { role: "row" }, ...columns.map(([name]) => el("td", { class: name, role: "cell" }, ...cells[name])));
}
