// The price of energy: one rate, or a second one for some hours; stored in this browser.

import { h } from "./dom.js";
import { locale, words } from "./words.js";

const NONE = { price: 0, second: 0, from: 22, to: 6, fed: 0, currency: "EUR" };

export function tariff() {
  try {
    return { ...NONE, ...JSON.parse(localStorage.getItem("tariff") ?? "{}") };
  } catch {
    return NONE;
  }
}

export const hasPrice = () => tariff().price > 0 || tariff().fed > 0;
export const hasSecond = () => tariff().second > 0;

function inSecond(hour, { from, to }) {
  return from <= to ? hour >= from && hour < to : hour >= from || hour < to;
}

/** [cost, gain] of bars with {start, drawn, fed} in Wh; of at most an hour each if there are two rates. */
export function money(bars) {
  const t = tariff();
  let cost = 0;
  let gain = 0;
  for (const bar of bars) {
    const second = t.second > 0 && inSecond(new Date(bar.start).getHours(), t);
    cost += ((bar.drawn ?? 0) / 1000) * (second ? t.second : t.price);
    gain += ((bar.fed ?? 0) / 1000) * t.fed;
  }
  return [cost, gain];
}

export function amount(value) {
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency: tariff().currency }).format(value);
  } catch {
    return `${value.toFixed(2)} ${tariff().currency}`;
  }
}

/** The form for the tariff; saved() is called after it was stored. */
export function tariffForm(saved) {
  const t = tariff();
  const field = (name, label, attributes) =>
    h("label", {}, h("span", {}, words(label)), h("input", { name, value: String(t[name]), ...attributes }));
  const price = { type: "number", min: "0", max: "100", step: "any", inputmode: "decimal" };
  const hour = { type: "number", min: "0", max: "24", step: "1" };
  const form = h(
    "form",
    { class: "tariff" },
    h("p", { class: "about" }, words("tariffAbout")),
    field("price", "tariffPrice", price),
    field("second", "tariffNight", price),
    field("from", "tariffFrom", hour),
    field("to", "tariffTo", hour),
    field("fed", "tariffFed", price),
    field("currency", "tariffCurrency", { pattern: "[A-Z]{3}", size: "3" }),
    h("button", { class: "plain" }, words("tariffSave")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kept = {};
    for (const [name, value] of new FormData(form)) kept[name] = name === "currency" ? value : Number(value);
    localStorage.setItem("tariff", JSON.stringify(kept));
    saved();
  });
  return form;
}
