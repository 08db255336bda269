// A chart (uPlot) for mouse, finger, keyboard, screen reader and printer.
//
// A chart is {label, x: {low, high, marks: [[position, text]]}, y: {marks: [[value, text]]},
// data: uPlot's [xs, ys...], stops: [indices that arrow keys visit],
// heads: [texts], cells: (index) => [texts]}; the first cell is the time.

import { h, setAttribute, setText } from "./dom.js";
import { words } from "./words.js";

const AXIS = 24; // px below the chart

// Measures texts in px of the page. uPlot's own canvas has px of the screen, and uPlot does not set
// a font again that it set before: a font set there would stay, too small on fine screens.
const ruler = document.createElement("canvas").getContext("2d");

const charts = new Set();

/** Draws every chart in the present colours. */
const recolour = () => charts.forEach((chart) => chart.plot?.redraw(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
matchMedia("print").addEventListener("change", recolour);
new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });

/** What a finger has opened stays until the next tap or scroll. */
addEventListener("pointerdown", ({ target }) => charts.forEach((chart) => chart.frame.contains(target) || chart.leave()), true);
addEventListener("scroll", () => charts.forEach((chart) => chart.touched && chart.leave()), { passive: true });

/** A colour of the page, which uPlot fetches whenever it draws. */
export const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

export class Chart {
  /** series, and hooks: those of uPlot; height in px. */
  constructor({ series, hooks = {}, height }) {
    this.series = series;
    this.hooks = hooks;
    this.height = height;
    this.tip = h("p", { class: "tip", hidden: true });
    this.canvas = h("div", { "aria-hidden": "true" });
    this.frame = h("div", { class: "frame", tabindex: "0", role: "img", "aria-label": words("barsNone") }, this.canvas, this.tip);
    this.frame.style.height = `${height}px`;
    this.said = h("p", { class: "unseen", role: "status" });
    this.table = h("table", {});
    this.fold = h("details", { class: "extra" }, h("summary", {}, words("table")), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": words("table") }, this.table));
    this.element = h("div", { class: "chart" }, this.frame, this.said);
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerdown", (event) => this.point(event));
    this.frame.addEventListener("blur", () => this.leave());
    // A finger leaves when it is lifted, and then its person reads.
    this.frame.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.leave());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.fold.addEventListener("toggle", () => this.fill());
    new ResizeObserver(() => this.resize()).observe(this.frame);
    charts.add(this);
  }

  show(picture) {
    const before = this.picture;
    this.picture = picture;
    setAttribute(this.frame, "aria-label", picture.label);
    if (!before || before.x.low !== picture.x.low || before.x.high !== picture.x.high) this.leave();
    if (this.plot) this.plot.setData(picture.data);
    else this.resize();
    if (this.index !== null && this.index !== undefined) this.at(this.index);
    this.fill();
  }

  /** uPlot is created when there is room for it: not in a hidden view. */
  resize() {
    const width = this.frame.clientWidth;
    if (!width || !this.picture) return;
    if (this.plot) {
      if (this.plot.width !== width) this.plot.setSize({ width, height: this.height });
    } else {
      this.plot = new uPlot(this.options(width), this.picture.data, this.canvas);
    }
  }

  options(width) {
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const side = { font, stroke: colour("soft"), ticks: { show: false } };
    const y = () => this.picture.y.marks;
    const x = () => this.picture.x;
    return {
      width,
      height: this.height,
      legend: { show: false },
      padding: [10, 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => [x().low, x().high] },
        y: { range: () => [y()[0][0], y().at(-1)[0]] },
      },
      axes: [
        {
          ...side,
          size: AXIS,
          gap: 6,
          grid: { show: false },
          ticks: { stroke: colour("soft"), width: 1, size: 4 },
          splits: () => x().marks.map(([at]) => at),
          values: () => x().marks.map(([, text]) => text),
        },
        {
          ...side,
          size: () => {
            ruler.font = font;
            return 16 + Math.ceil(Math.max(...y().map(([, text]) => ruler.measureText(text).width)));
          },
          gap: 8,
          grid: { stroke: colour("edge"), width: 1 },
          splits: () => y().map(([at]) => at),
          values: () => y().map(([, text]) => text),
        },
      ],
      series: [{}, ...this.series.map((one) => ({ points: { show: false }, ...one }))],
      hooks: this.hooks,
    };
  }

  /** The index whose x is nearest to the pointer. */
  point(event) {
    if (!this.plot) return;
    this.touched = event.pointerType === "touch";
    const box = this.plot.over.getBoundingClientRect();
    const left = event.clientX - box.left;
    if (left < 0 || left > box.width) this.leave();
    else this.at(this.plot.posToIdx(left));
  }

  key(event) {
    const { stops } = this.picture ?? { stops: [] };
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.leave();
    if (!step || !stops.length) return;
    event.preventDefault();
    this.touched = false;
    const last = stops.length - 1;
    const from = stops.indexOf(this.index);
    const to = from < 0 ? (step === 1 || step === -Infinity ? 0 : last) : from + step;
    this.at(stops[Math.max(0, Math.min(last, to))]);
    setText(this.said, this.tip.textContent);
  }

  /** Shows the values at an index of the data. */
  at(index) {
    const { plot, picture } = this;
    if (!plot || picture.data[0][index] === undefined) return;
    this.index = index;
    const [when, ...values] = picture.cells(index);
    const lines = values.map((text, i) => (text ? h("span", {}, `${picture.heads[i + 1]} ${text}`) : null)).filter(Boolean);
    this.tip.replaceChildren(h("b", {}, when), ...(lines.length ? lines : [h("span", {}, words("noReading"))]));
    this.tip.hidden = false;
    const left = plot.valToPos(picture.data[0][index], "x");
    plot.setCursor({ left, top: 0 });
    const half = this.tip.offsetWidth / 2;
    const x = left + plot.over.offsetLeft;
    this.tip.style.left = `${Math.max(half, Math.min(this.frame.clientWidth - half, x))}px`;
  }

  leave() {
    this.index = null;
    this.tip.hidden = true;
    this.plot?.setCursor({ left: -10, top: -10 });
  }

  /** The same as a table, created when it is opened. */
  fill() {
    if (!this.fold.open || !this.picture) return;
    const { heads, stops, cells } = this.picture;
    const line = (name, texts) => h("tr", {}, ...texts.map((text, i) => h(i ? name : "th", { scope: name === "th" ? "col" : i ? null : "row" }, text || "–")));
    this.table.replaceChildren(h("thead", {}, line("th", heads)), h("tbody", {}, ...stops.map((i) => line("td", cells(i)))));
  }
}

/** A line through a chart at a value, on whole pixels. */
export function across(u, value, name) {
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(value, "y", true)) + (uPlot.pxRatio % 2) / 2;
  ctx.save();
  ctx.strokeStyle = colour(name)();
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** Round numbers from low to high and a little beyond, about five of them. */
export function scale(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((s) => s * power >= raw) * power;
  const ticks = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step); i += 1) ticks.push(Math.round(i * step * 100) / 100);
  return ticks;
}

/** The explanation of colours: [class of the sign, words]. */
export function legend(...entries) {
  return h("ul", { class: "legend" }, ...entries.map(([name, text]) => h("li", {}, h("i", { class: name, "aria-hidden": "true" }), text)));
}
