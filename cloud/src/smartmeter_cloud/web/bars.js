// Bars of energy: drawn upwards, fed in downwards; a silence is hatched, with what it cost.

import { h, setAttribute, setText, svg } from "./dom.js";
import { axisEnergy, energy } from "./format.js";
import { barName, places } from "./periods.js";
import { words } from "./words.js";

const HEIGHT = 232;
const LEFT = 66;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 24;

let count = 0;

export class Bars {
  constructor() {
    this.hatch = `hatch-${(count += 1)}`;
    this.picture = svg("svg", { height: HEIGHT, "aria-hidden": "true" });
    this.tip = h("p", { class: "tip", hidden: true });
    this.frame = h("div", { class: "curve-frame", tabindex: "0", role: "img", "aria-label": words("barsNone") }, this.picture, this.tip);
    this.said = h("p", { class: "unseen", role: "status" });
    this.element = h("div", { class: "curve" }, this.frame, this.said);
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.leave());
    this.frame.addEventListener("blur", () => this.leave());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  show({ view, range, bars, gaps, label }) {
    this.leave();
    Object.assign(this, { view, range, bars, gaps });
    setAttribute(this.frame, "aria-label", label);
    this.draw();
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!this.range || !width) return;
    this.slots = places(this.view, this.range);
    this.found = new Map(this.bars.map((bar) => [bar.start, bar]));
    const high = Math.max(10, ...this.bars.map((bar) => bar.drawn ?? 0));
    const low = Math.max(0, ...this.bars.map((bar) => bar.fed ?? 0));
    const ticks = scale(-low, high);
    const bottom = HEIGHT - BOTTOM;
    const [least, most] = [ticks[0], ticks[ticks.length - 1]];
    const y = (v) => bottom - ((v - least) / (most - least)) * (bottom - TOP);
    const room = (width - LEFT - RIGHT) / this.slots.length;
    this.x = (i) => LEFT + i * room;
    const gap = Math.min(4, room * 0.22);
    const grid = svg("g", { class: "grid" });
    for (const tick of ticks) {
      const text = tick === 0 ? "0" : axisEnergy(Math.abs(tick));
      grid.append(
        svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
        svg("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, text),
      );
    }
    const every = Math.ceil(34 / room);
    const shown = this.view === "day" ? [4, 8, 12, 24].find((n) => n >= every) ?? 24 : every;
    const parts = [];
    this.slots.forEach(([start, end], i) => {
      const bar = this.found.get(start);
      if (bar?.drawn > 0) parts.push(rect("bar-in", this.x(i) + gap / 2, y(bar.drawn), room - gap, y(0)));
      if (bar?.fed > 0) parts.push(rect("bar-out", this.x(i) + gap / 2, y(0), room - gap, y(-bar.fed)));
      if (i % shown === 0) {
        const at = this.view === "day" ? this.x(i) : this.x(i) + room / 2;
        grid.append(svg("text", { x: at, y: HEIGHT - 5, "text-anchor": "middle" }, barName(this.view, start, end)));
      }
    });
    for (const silence of this.gaps) {
      const inside = this.slots.flatMap(([start, end], i) => (end > silence.start && start < silence.end && !this.found.has(start) ? [i] : []));
      if (inside.length) {
        const x = this.x(inside[0]);
        const wide = (inside[inside.length - 1] - inside[0] + 1) * room;
        parts.push(svg("rect", { x, y: TOP, width: wide, height: bottom - TOP, fill: `url(#${this.hatch})` }));
      }
    }
    this.cursor = svg("rect", { class: "cursor-bar", y: TOP, width: room, height: bottom - TOP, visibility: "hidden" });
    setAttribute(this.picture, "width", String(width));
    setAttribute(this.picture, "viewBox", `0 0 ${width} ${HEIGHT}`);
    const pattern = svg(
      "pattern",
      { id: this.hatch, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { width: 2, height: 8, class: "hatch" }),
    );
    const zero = svg("line", { class: "zero", x1: LEFT, x2: width - RIGHT, y1: y(0), y2: y(0) });
    this.picture.replaceChildren(svg("defs", {}, pattern), grid, this.cursor, ...parts, zero);
  }

  point(event) {
    if (!this.slots) return;
    const box = this.frame.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    this.at(Math.floor(part * this.slots.length));
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") this.leave();
    if (!this.slots || !(event.key in steps)) return;
    event.preventDefault();
    const last = this.slots.length - 1;
    const from = this.index ?? (event.key === "ArrowRight" ? -1 : last + 1);
    this.at(Math.max(0, Math.min(last, from + steps[event.key])));
    setText(this.said, this.tip.textContent);
  }

  at(i) {
    const slot = this.slots[i];
    if (!slot) {
      this.leave();
      return;
    }
    this.index = i;
    const bar = this.found.get(slot[0]);
    const silence = this.gaps.find((gap) => gap.end > slot[0] && gap.start < slot[1]);
    const lines = [h("b", {}, barName(this.view, slot[0], slot[1], true))];
    if (bar) {
      lines.push(h("span", {}, `${words("sumDrawn")} ${bar.drawn === null ? "–" : energy(bar.drawn)}`));
      if (bar.fed !== null) lines.push(h("span", {}, `${words("sumFed")} ${energy(bar.fed)}`));
      bar.volts.forEach((low, n) => {
        if (n % 2 === 0 && low !== null) {
          lines.push(h("span", {}, words("volts", { n: String(n / 2 + 1), low: String(low), high: String(bar.volts[n + 1]) })));
        }
      });
    } else if (silence) {
      const values = { drawn: energy(silence.drawn ?? 0), fed: energy(silence.fed ?? 0) };
      lines.push(h("span", {}, words("gap", values)));
    } else {
      lines.push(h("span", {}, words("noReading")));
    }
    this.tip.replaceChildren(...lines);
    this.tip.hidden = false;
    const width = (this.frame.clientWidth - LEFT - RIGHT) / this.slots.length;
    const half = this.tip.offsetWidth / 2;
    const x = this.x(i) + width / 2;
    this.tip.style.left = `${Math.max(half, Math.min(this.frame.clientWidth - half, x))}px`;
    setAttribute(this.cursor, "x", String(this.x(i)));
    setAttribute(this.cursor, "visibility", "visible");
  }

  leave() {
    this.index = null;
    this.tip.hidden = true;
    this.cursor?.setAttribute("visibility", "hidden");
  }
}

const rect = (name, x, top, width, bottom) =>
  svg("rect", { class: name, x, y: top, width, height: Math.max(0.8, bottom - top), rx: Math.min(3, width / 3) });

/** Round numbers of Wh from low to high, about five of them. */
function scale(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((s) => s * power >= raw) * power;
  const ticks = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step); i += 1) ticks.push(Math.round(i * step * 100) / 100);
  return ticks;
}
