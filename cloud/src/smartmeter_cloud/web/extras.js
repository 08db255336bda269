// What a meter sends besides energy, power and phases: peaks, the tariff, power failures, messages.

import { h } from "./dom.js";
import { count, moment, power, span } from "./format.js";
import { words } from "./words.js";

const SAGS = ["32.32.0", "52.32.0", "72.32.0"]; // of L1, L2 and L3
const SWELLS = ["32.36.0", "52.36.0", "72.36.0"];

const watts = (value) => power(value).join(" ");
const time = (text) => moment(Date.parse(text));

export class Extras {
  constructor() {
    this.rows = h("dl", { class: "further" });
    this.lists = h("div", {});
    this.element = h("section", { hidden: true }, h("h4", {}, words("further")), this.rows, this.lists);
    this.shown = "";
  }

  /** A reading from the server. */
  show({ values, texts, ratio }) {
    const said = JSON.stringify([values, texts, ratio]);
    if (said === this.shown) return;
    this.shown = said;
    const rows = [];
    const add = (key, text) => rows.push(h("div", {}, h("dt", {}, words(key)), h("dd", {}, text)));
    const number = (key, code) => code in values && add(key, count(values[code]));
    const phases = (key, codes) => {
      const known = codes.filter((code) => code in values);
      if (known.length) add(key, known.map((code) => count(values[code])).join(", "));
    };
    if ("1.6.0" in values) {
      const at = texts["1.6.0"] ? `, ${time(texts["1.6.0"])}` : "";
      add("peakMonth", `${watts(values["1.6.0"])}${at}`);
    }
    if ("1.4.0" in values) add("average", watts(values["1.4.0"]));
    if ("96.14.0" in values || "96.14.0" in texts) add("tariffNow", String(values["96.14.0"] ?? texts["96.14.0"]));
    number("failures", "96.7.21");
    number("longFailures", "96.7.9");
    phases("sags", SAGS);
    phases("swells", SWELLS);
    if (texts["96.13.0"]) add("message", texts["96.13.0"]);
    if (ratio !== 1) add("ratio", count(ratio));
    const lists = [
      list("peaks", texts["98.1.0"], ([end, at, value]) => (value ? `${time(at || end)}: ${watts(Number(value))}` : null)),
      list("failureLog", texts["99.97.0"], ([end, seconds]) => `${time(end)}: ${span(Number(seconds) * 1000)}`),
    ].filter(Boolean);
    this.rows.replaceChildren(...rows);
    this.lists.replaceChildren(...lists);
    this.element.hidden = !rows.length && !lists.length;
  }
}

/** A folded list of a text's rows, which have ";" between them and "," between their parts. */
function list(key, text, told) {
  const rows = (text ?? "").split(";").filter(Boolean).map((row) => told(row.split(",")));
  const items = rows.filter(Boolean).map((row) => h("li", {}, row));
  return items.length ? h("details", { class: "extra" }, h("summary", {}, words(key)), h("ul", {}, ...items)) : null;
}
