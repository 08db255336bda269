// The phases now: voltage within its limits, current, and apparent power.

import { h, setAttribute, setText } from "./dom.js";
import { SHOWN_CURRENT } from "./flow.js";
import * as format from "./format.js";
import { HIGH_VOLTAGE, LOW_VOLTAGE } from "./voltage.js";
import { words } from "./words.js";

const CODES = [
  ["32.7.0", "31.7.0"],
  ["52.7.0", "51.7.0"],
  ["72.7.0", "71.7.0"],
];
// The bar shows 195.5 to 264.5 V, so that the allowed band is its middle two thirds.
const BAR_LOW = 195.5;
const BAR_SPAN = 69;

export const currents = (values) => CODES.map(([, current]) => values[current]);

export class Phases {
  constructor() {
    this.phases = CODES.map((codes, i) => phase(i + 1, codes));
    this.element = h("div", { class: "phases" }, h("h4", {}, words("phases")), h("ul", {}, ...this.phases.map((p) => p.row)));
  }

  show(values) {
    let any = false;
    for (const p of this.phases) {
      const volts = values[p.voltage];
      const amps = values[p.current];
      p.row.hidden = volts === undefined && amps === undefined;
      any ||= !p.row.hidden;
      setText(p.volts, volts === undefined ? "" : format.voltage(volts));
      setText(p.amps, amps === undefined ? "" : format.current(amps));
      setText(p.product, volts === undefined || amps === undefined ? "" : format.apparent(volts * amps));
      if (volts !== undefined) {
        const fine = volts >= LOW_VOLTAGE && volts <= HIGH_VOLTAGE;
        const text = words(fine ? "voltageBand" : "voltageOut", { value: format.voltage(volts) });
        setAttribute(p.volts, "title", text);
        setAttribute(p.row, "data-fine", String(fine));
        p.out.hidden = fine;
        p.voltBar.style.left = `${Math.max(0, Math.min(100, ((volts - BAR_LOW) / BAR_SPAN) * 100))}%`;
      }
      p.voltBar.hidden = volts === undefined;
      p.ampBar.style.width = `${Math.min(100, (Math.abs(amps ?? 0) / SHOWN_CURRENT) * 100)}%`;
    }
    this.element.hidden = !any;
  }
}

function phase(n, [voltage, current]) {
  const volts = h("span", { class: "value" });
  const amps = h("span", { class: "value" });
  const product = h("span", { class: "product", title: words("apparent") });
  const voltBar = h("i", {});
  const ampBar = h("i", {});
  const out = h("span", { class: "out", hidden: true }, words("voltageBad"));
  const row = h(
    "li",
    { hidden: true },
    h("b", {}, h("span", { class: "unseen" }, words("phase", { n: String(n) })), h("span", { "aria-hidden": "true" }, `L${n}`)),
    volts,
    amps,
    product,
    h("span", { class: "bar band-bar", "aria-hidden": "true" }, voltBar),
    h("span", { class: "bar", "aria-hidden": "true" }, ampBar),
    out,
  );
  return { row, volts, amps, product, voltBar, ampBar, out, voltage, current };
}
