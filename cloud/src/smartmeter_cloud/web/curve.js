// The curve of a day's power, or of its beginning: drawn from the grid above the line, fed in below; a gap is a gap.

import { h, svg, setAttribute, setText } from "./dom.js";
import { axisPower, hour, power } from "./format.js";
import { words } from "./words.js";

const HEIGHT = 232;
const LEFT = 52;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 24;
const MARKS = [10, 15, 30, 60, 180, 360, 720]; // minutes between two marks of the time axis
const MIN_SPAN = 100; // W; a flat line at 3 W shall not fill the picture

let count = 0;

/** A curve for one meter; show(day, name) draws it, resize draws it anew. */
export class Curve {
  constructor() {
    const id = `curve-${(count += 1)}`;
    this.above = svg("rect", { x: 0, y: 0 });
    this.below = svg("rect", { x: 0 });
    this.grid = svg("g", { class: "grid" });
    this.bandIn = svg("path", { class: "band in", "clip-path": `url(#${id}-in)` });
    this.bandOut = svg("path", { class: "band out", "clip-path": `url(#${id}-out)` });
    this.areaIn = svg("path", { class: "area in", "clip-path": `url(#${id}-in)` });
    this.areaOut = svg("path", { class: "area out", "clip-path": `url(#${id}-out)` });
    this.lineIn = svg("path", { class: "line in", "clip-path": `url(#${id}-in)` });
    this.lineOut = svg("path", { class: "line out", "clip-path": `url(#${id}-out)` });
    this.zero = svg("line", { class: "zero" });
    this.now = svg("line", { class: "now" });
    this.cursor = svg("line", { class: "cursor", visibility: "hidden" });
    this.picture = svg(
      "svg",
      { height: HEIGHT, "aria-hidden": "true" },
      svg(
        "defs",
        {},
        svg("clipPath", { id: `${id}-in` }, this.above),
        svg("clipPath", { id: `${id}-out` }, this.below),
      ),
      this.grid,
      this.bandIn,
      this.bandOut,
      this.areaIn,
      this.areaOut,
      this.zero,
      this.lineIn,
      this.lineOut,
      this.now,
      this.cursor,
    );
    this.tip = h("p", { class: "tip", hidden: true });
    this.frame = h("div", { class: "curve-frame", tabindex: "0", role: "img" }, this.picture, this.tip);
    this.said = h("p", { class: "unseen", role: "status" });
    this.part = h("p", { class: "part", hidden: true });
    this.element = h("div", { class: "curve" }, this.frame, this.part, this.said);
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.leave());
    this.frame.addEventListener("blur", () => this.leave());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  show(day, name) {
    this.day = day;
    this.name = name;
    this.draw();
  }

  draw() {
    const { day } = this;
    const width = this.frame.clientWidth;
    if (!day || !width) return;
    const { slices } = day;
    let low = Math.min(0, ...slices.map((s) => s[2]));
    let high = Math.max(0, ...slices.map((s) => s[3]));
    if (high - low < MIN_SPAN) high = low + MIN_SPAN;
    const ticks = scale(low, high);
    low = ticks[0];
    high = ticks[ticks.length - 1];
    const right = width - RIGHT;
    const bottom = HEIGHT - BOTTOM;
    this.x = (t) => LEFT + ((t - day.from) / (day.to - day.from)) * (right - LEFT);
    this.y = (p) => bottom - ((p - low) / (high - low)) * (bottom - TOP);
    setAttribute(this.picture, "width", String(width));
    setAttribute(this.picture, "viewBox", `0 0 ${width} ${HEIGHT}`);
    const zero = this.y(0);
    place(this.above, { width, height: Math.max(0, zero) });
    place(this.below, { y: zero, width, height: Math.max(0, HEIGHT - zero) });
    place(this.zero, { x1: LEFT, x2: right, y1: zero, y2: zero });
    this.drawGrid(ticks, right, bottom, width);
    const { line, area, band } = this.paths();
    for (const path of [this.lineIn, this.lineOut]) path.setAttribute("d", line);
    for (const path of [this.areaIn, this.areaOut]) path.setAttribute("d", area);
    for (const path of [this.bandIn, this.bandOut]) path.setAttribute("d", band);
    const now = Date.now();
    const inside = now > day.from && now < day.to;
    place(this.now, { x1: this.x(now), x2: this.x(now), y1: TOP, y2: bottom });
    this.now.setAttribute("visibility", inside ? "visible" : "hidden");
    this.describe();
  }

  /** Steps, one a slice; where a slice is missing the path is broken off and begun anew. */
  paths() {
    const { day, x, y } = this;
    const width = day.width * 1000;
    const line = [];
    const area = [];
    const band = [];
    let end = null;
    let upper = [];
    let lower = [];
    const round = (v) => Math.round(v * 10) / 10;
    const close = () => {
      if (!upper.length) return;
      band.push(`M${upper.join("L")}L${lower.reverse().join("L")}Z`);
      area.push(`V${round(y(0))}Z`);
      upper = [];
      lower = [];
    };
    for (const [start, mean, low, high] of day.slices) {
      const x0 = round(x(start));
      const x1 = round(x(Math.min(start + width, day.to)));
      if (start !== end) {
        close();
        line.push(`M${x0} ${round(y(mean))}`);
        area.push(`M${x0} ${round(y(0))}V${round(y(mean))}`);
      } else {
        line.push(`V${round(y(mean))}`);
        area.push(`V${round(y(mean))}`);
      }
      line.push(`H${x1}`);
      area.push(`H${x1}`);
      upper.push(`${x0} ${round(y(high))}`, `${x1} ${round(y(high))}`);
      lower.push(`${x0} ${round(y(low))}`, `${x1} ${round(y(low))}`);
      end = start + width;
    }
    close();
    return { line: line.join(""), area: area.join(""), band: band.join("") };
  }

  drawGrid(ticks, right, bottom, width) {
    const { day, x, y } = this;
    const parts = [];
    const kilo = Math.max(...ticks.map(Math.abs)) >= 1000;
    for (const tick of ticks) {
      const at = y(tick);
      parts.push(svg("line", { x1: LEFT, x2: right, y1: at, y2: at }));
      const text = tick === 0 ? "0" : axisPower(tick, kilo);
      parts.push(svg("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, text));
    }
    const most = width < 480 ? 4 : 8;
    const every = MARKS.find((minutes) => (day.to - day.from) / 60000 / minutes <= most);
    const mark = new Date(day.midnight);
    for (let minutes = 0; minutes <= 1440; minutes += every) {
      mark.setTime(day.midnight);
      mark.setMinutes(minutes);
      if (mark < day.from || mark > day.to) continue;
      const at = x(mark.getTime());
      parts.push(svg("line", { x1: at, x2: at, y1: bottom, y2: bottom + 4, class: "mark" }));
      const anchor = mark >= day.to ? "end" : "middle";
      parts.push(svg("text", { x: at, y: HEIGHT - 5, "text-anchor": anchor }, minutes === 1440 ? "24:00" : hour(mark)));
    }
    this.grid.replaceChildren(...parts);
  }

  describe() {
    const { slices } = this.day;
    let summary = words("curveNone");
    if (slices.length) {
      const high = power(Math.round(Math.max(...slices.map((s) => s[1])))).join(" ");
      const low = power(Math.round(Math.min(...slices.map((s) => s[1])))).join(" ");
      summary = words("curveSummary", { high, low });
    }
    setAttribute(this.frame, "aria-label", words("curveAbout", { name: this.name, summary }));
    const { from, to, next, part } = this.day;
    this.part.hidden = !part;
    if (part) setText(this.part, words("curvePart", { from: hour(from), to: to === next ? "24:00" : hour(to) }));
  }

  point(event) {
    if (!this.day) return;
    const { day } = this;
    const box = this.frame.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const width = day.width * 1000;
    this.at(day.from + Math.floor((part * (day.to - day.from)) / width) * width);
  }

  key(event) {
    const { day } = this;
    if (!day || !["ArrowLeft", "ArrowRight", "Home", "End", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape") {
      this.leave();
      return;
    }
    const starts = day.slices.map((s) => s[0]);
    if (!starts.length) return;
    const step = event.key === "ArrowLeft" ? -1 : 1;
    let index = starts.indexOf(this.start);
    if (event.key === "Home") index = 0;
    else if (event.key === "End" || index < 0) index = starts.length - 1;
    else index = Math.max(0, Math.min(starts.length - 1, index + step));
    this.at(starts[index]);
    setText(this.said, this.tip.textContent);
  }

  /** Shows the slice that begins at start. */
  at(start) {
    const { day } = this;
    const width = day.width * 1000;
    if (start < day.from || start >= day.to) {
      this.leave();
      return;
    }
    this.start = start;
    const slice = day.slices.find((s) => s[0] === start);
    const time = `${hour(start)} – ${hour(start + width)}`;
    this.tip.replaceChildren(h("b", {}, time));
    if (slice) {
      const [, mean, low, high] = slice;
      const range = words("range", { low: power(low).join(" "), high: power(high).join(" ") });
      this.tip.append(h("span", {}, words("mean", { value: power(Math.round(mean)).join(" ") })), h("span", {}, range));
    } else {
      this.tip.append(h("span", {}, words("noReading")));
    }
    this.tip.hidden = false;
    const x = this.x(start + width / 2);
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.max(half, Math.min(this.frame.clientWidth - half, x))}px`;
    place(this.cursor, { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });
    this.cursor.setAttribute("visibility", "visible");
  }

  leave() {
    this.start = null;
    this.tip.hidden = true;
    this.cursor.setAttribute("visibility", "hidden");
  }
}

function place(element, numbers) {
  for (const [name, value] of Object.entries(numbers)) element.setAttribute(name, String(value));
}

/** Round numbers from low to high and a little beyond, about five of them. */
function scale(low, high) {
  const raw = (high - low) / 4;
  const power10 = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((s) => s * power10 >= raw) * power10;
  const ticks = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step); i += 1) ticks.push(Math.round(i * step));
  return ticks;
}
