// Power as a flow between the grid and the house: a wire a phase, as thick as its current.

import { h, icon, setAttribute, setText, svg } from "./dom.js";
import * as format from "./format.js";
import { words } from "./words.js";

const WIRES = 3;
const THIN = 2.5; // px
const THICK = 7; // px, at SHOWN_CURRENT
export const SHOWN_CURRENT = 16; // A; a wire or bar is full there, as a household's fuse would be
const FAST = 2000; // W

export class Flow {
  constructor() {
    this.wires = Array.from({ length: WIRES }, () => svg("path", { class: "wire" }));
    this.number = h("span", { class: "number" }, "–");
    this.unit = h("span", { class: "unit" }, "W");
    this.way = h("p", { class: "way" });
    this.element = h(
      "div",
      { class: "now", "data-way": "even" },
      h("p", { class: "big" }, this.number, " ", this.unit),
      this.way,
      h(
        "div",
        { class: "flow", "aria-hidden": "true" },
        h("span", { class: "end" }, icon("grid")),
        svg("svg", { viewBox: "0 0 120 40", preserveAspectRatio: "none" }, ...this.wires),
        h("span", { class: "end" }, icon("house")),
      ),
    );
  }

  /** watt: import is positive, null if the meter sends none; currents: A of L1 to L3, undefined if not sent. */
  show(watt, currents) {
    const way = watt === null ? "none" : watt > 0 ? "in" : watt < 0 ? "out" : "even";
    setAttribute(this.element, "data-way", way);
    setAttribute(this.element, "data-pace", Math.abs(watt ?? 0) >= FAST ? "fast" : "slow");
    const [number, unit] = watt === null ? ["–", ""] : format.power(Math.abs(watt));
    setText(this.number, number);
    setText(this.unit, unit);
    setText(this.way, words({ in: "drawn", out: "fed", even: "even", none: "noPower" }[way]));
    const sent = currents.filter((ampere) => ampere !== undefined);
    const wires = sent.length ? sent : [undefined]; // a meter that sends no currents has one wire
    this.wires.forEach((wire, i) => {
      const shown = i < wires.length;
      setAttribute(wire, "visibility", shown ? "visible" : "hidden");
      if (!shown) return;
      const y = 20 + (i - (wires.length - 1) / 2) * 12;
      setAttribute(wire, "d", `M2 ${y}H118`);
      const part = Math.min(1, Math.abs(wires[i] ?? SHOWN_CURRENT / 3) / SHOWN_CURRENT);
      setAttribute(wire, "stroke-width", (THIN + part * (THICK - THIN)).toFixed(1));
    });
  }
}
