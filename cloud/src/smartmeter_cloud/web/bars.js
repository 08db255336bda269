// Bars of energy: import upwards, export downwards, the previous period behind them; gaps are hatched.

import { Chart, across, colour, legend, scale } from "./chart.js";
import { h } from "./dom.js";
import { axisEnergy, energy } from "./format.js";
import { barName, places } from "./periods.js";
import { words } from "./words.js";

const NAME_WIDTH = 34; // px of a bar's name
const TIME_WIDTH = 48; // px of a time of day
const AXIS = 80; // px beside the bars, at most
const HATCH = 8; // px from line to line

export class Bars {
  constructor() {
    const wide = uPlot.paths.bars({ size: [0.92, 60] });
    const bar = uPlot.paths.bars({ size: [0.62, 40], radius: [0.15, 0] });
    const series = (name, paths) => ({ width: 0, fill: colour(name), fillTo: 0, paths });
    this.chart = new Chart({
      height: 232,
      series: [series("ghost", wide), series("ghost", wide), series("in", bar), series("out", bar)],
      hooks: { drawClear: [(u) => this.hatch(u)], drawAxes: [(u) => across(u, 0, "soft")] },
    });
    this.holder = h("div", {});
    this.element = h("div", {}, this.chart.element, this.holder, this.chart.fold);
  }

  /** bars and gaps of the range, and the bars of the previous one; zone: the server's. */
  show({ view, range, earlier, bars, gaps, before, zone, label }) {
    const slots = places(view, range);
    const ghost = words({ day: "dayBefore", week: "weekBefore", month: "monthBefore", year: "yearBefore" }[view]);
    // The server's days may begin at another hour than this browser's: a bar's middle decides its place.
    const at = (list, from) =>
      places(view, from).map(([start, end]) => list.find((one) => (one.start + one.end) / 2 >= start && (one.start + one.end) / 2 < end));
    const all = at(bars, range);
    const past = at(before, earlier).slice(0, slots.length);
    while (past.length < slots.length) past.push(undefined);
    const drawn = (list) => list.map((one) => one?.drawn ?? null);
    const fed = (list) => list.map((one) => (one?.fed ? -one.fed : null));
    const high = Math.max(10, ...drawn([...all, ...past]));
    const low = Math.min(0, ...fed([...all, ...past]));
    const ticks = scale(low, high);
    const most = Math.max(...ticks.map(Math.abs));
    const every = Math.ceil(((view === "day" ? TIME_WIDTH : NAME_WIDTH) * slots.length) / ((this.chart.frame.clientWidth || 300) - AXIS));
    const step = view === "day" ? ([4, 8, 12, 24, 48].find((n) => n >= every) ?? 24) : every; // whole hours of a day
    this.silent = silences(slots, all, gaps);
    this.chart.show({
      label,
      x: {
        low: -0.5,
        high: slots.length - 0.5,
        marks: slots.flatMap(([start, end], i) => (i % step ? [] : [[view === "day" ? i - 0.5 : i, barName(view, start, end)]])),
      },
      y: { marks: ticks.map((tick) => [tick, tick === 0 ? "0" : axisEnergy(Math.abs(tick), most)]) },
      data: [slots.map((_, i) => i), drawn(past), fed(past), drawn(all), fed(all)],
      stops: slots.map((_, i) => i),
      heads: [words("time"), words("sumDrawn"), words("sumFed"), words("silence"), ghost],
      cells: (i) => [
        barName(view, ...slots[i], true),
        ...told(all[i], gaps.find((gap) => gap.end > slots[i][0] && gap.start < slots[i][1])),
        past[i] && Number.isFinite(past[i].drawn) ? energy(past[i].drawn) : "",
      ],
    });
    const has = (list, name) => list.some((one) => one?.[name] > 0);
    const entries = [
      ["in", words("sumDrawn"), has(all, "drawn")],
      ["out", words("sumFed"), has(all, "fed")],
      ["ghost", ghost, has(past, "drawn") || has(past, "fed")],
      ["hatched", words("silence"), this.silent.length > 0],
    ];
    const apart = all.some((one, i) => one && one.start !== slots[i][0]);
    this.holder.replaceChildren(
      legend(...entries.filter(([, , shown]) => shown)),
      ...(apart ? [h("p", { class: "part" }, words("zone", { zone }))] : []),
    );
  }

  hatch(u) {
    const { ctx, bbox } = u;
    const step = HATCH * uPlot.pxRatio;
    for (const [first, last] of this.silent ?? []) {
      const left = u.valToPos(first - 0.5, "x", true);
      const right = u.valToPos(last + 0.5, "x", true);
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, bbox.top, right - left, bbox.height);
      ctx.clip();
      ctx.strokeStyle = colour("ghost")();
      ctx.lineWidth = 1.5 * uPlot.pxRatio;
      ctx.beginPath();
      for (let x = left - bbox.height; x < right; x += step) {
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x + bbox.height, bbox.top);
      }
      ctx.stroke();
      ctx.restore();
    }
  }
}

/** [first, last] index of each gap that leaves a slot without a reading. */
function silences(slots, all, gaps) {
  return gaps.flatMap((gap) => {
    const inside = slots.flatMap(([start, end], i) => (end > gap.start && start < gap.end && !all[i] ? [i] : []));
    return inside.length ? [[inside[0], inside.at(-1)]] : [];
  });
}

/** Import and export of one bar, or of the gap around it. */
function told(bar, gap) {
  const amount = (value) => (value === null || value === undefined ? "" : energy(value));
  if (bar) return [amount(bar.drawn), amount(bar.fed), ""];
  if (!gap) return ["", "", ""];
  return ["", "", words("gap", { drawn: energy(gap.drawn ?? 0), fed: energy(gap.fed ?? 0) })];
}
