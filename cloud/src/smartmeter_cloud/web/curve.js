// The power curve of a day, or of its beginning: import above the line, export below. Gaps stay empty.

import { Chart, across, colour, legend, scale } from "./chart.js";
import { h, setText } from "./dom.js";
import { axisPower, energy, hour, power, span } from "./format.js";
import { marks } from "./periods.js";
import { words } from "./words.js";

const MIN_SPAN = 100; // W; a flat line at 3 W must not fill the chart

export class Curve {
  constructor() {
    this.chart = new Chart({
      height: 232,
      series: [
        { width: 0, fill: halves("in-wash", "out-wash"), paths: band(() => this.picture.band) },
        { width: 1.8, stroke: halves("in", "out"), fill: halves("in-wash", "out-wash"), paths: steps(() => this.picture.half) },
      ],
      hooks: { drawAxes: [zeroLine], draw: [nowLine] },
    });
    this.part = h("p", { class: "part", hidden: true });
    this.holder = h("div", {});
    this.element = h("div", {}, this.chart.element, this.holder, this.part, this.chart.fold);
  }

  /** day: a Day; gaps: those of the server, with their energy. */
  show(day, name, period, gaps) {
    const { slices, from, to } = day;
    const width = day.width * 1000;
    const found = new Map(slices.map((slice) => [slice.start, slice]));
    const starts = [];
    for (let start = from; start < to; start += width) starts.push(start);
    const all = starts.map((start) => found.get(start));
    const low = Math.min(0, ...slices.map((s) => s.low));
    const high = Math.max(0, ...slices.map((s) => s.high));
    const ticks = scale(low, high - low < MIN_SPAN ? low + MIN_SPAN : high);
    const kilo = Math.max(...ticks.map(Math.abs)) >= 1000;
    const mean = all.map((s) => s?.mean ?? null);
    this.picture = {
      half: width / 2,
      band: { half: width / 2, low: all.map((s) => s?.low), high: all.map((s) => s?.high) },
      label: words("curveAbout", { name, period, summary: summary(slices) }),
      x: { low: from, high: to, marks: marks(from, to, this.chart.frame.clientWidth < 480 ? 4 : 8) },
      y: { marks: ticks.map((tick) => [tick, tick === 0 ? "0" : axisPower(tick, kilo)]) },
      data: [starts.map((start) => start + width / 2), mean, mean],
      stops: starts.flatMap((start, i) => (found.has(start) ? [i] : [])),
      heads: [words("time"), words("mean"), words("least"), words("most"), words("silence")],
      cells: (i) => [`${hour(starts[i])} – ${hour(starts[i] + width)}`, ...told(all[i], starts[i], width, gaps)],
    };
    this.chart.show(this.picture);
    this.part.hidden = !day.part;
    const entries = [
      ["in", words("sumDrawn"), high > 0],
      ["out", words("sumFed"), low < 0],
      ["band", words("legendBand", { span: span(width) }), slices.some((s) => s.low < s.high)],
    ];
    this.holder.replaceChildren(legend(...entries.filter(([, , shown]) => shown)));
    if (day.part) setText(this.part, words("curvePart", { from: hour(from), to: to === day.next ? "24:00" : hour(to) }));
  }
}

function told(slice, start, width, gaps) {
  if (slice) return [...[slice.mean, slice.low, slice.high].map((watt) => power(Math.round(watt)).join(" ")), ""];
  const gap = gaps.find((one) => one.end > start && one.start < start + width);
  if (!gap) return ["", "", "", ""];
  return ["", "", "", words("gap", { drawn: energy(gap.drawn ?? 0), fed: energy(gap.fed ?? 0) })];
}

function summary(slices) {
  if (!slices.length) return words("curveNone");
  const means = slices.map((s) => Math.round(s.mean));
  return words("curveSummary", { high: power(Math.max(...means)).join(" "), low: power(Math.min(...means)).join(" ") });
}

/** One colour above zero and another below it. */
function halves(above, below) {
  return (u) => {
    const zero = u.valToPos(0, "y", true);
    const { top, height } = u.bbox;
    const part = Math.max(0, Math.min(1, (zero - top) / height));
    const gradient = u.ctx.createLinearGradient(0, top, 0, top + height);
    gradient.addColorStop(0, colour(above)());
    gradient.addColorStop(part, colour(above)());
    gradient.addColorStop(part, colour(below)());
    gradient.addColorStop(1, colour(below)());
    return gradient;
  };
}

/** Steps, one a slice; a missing slice interrupts the path. */
function steps(half) {
  return (u, series) => {
    const stroke = new Path2D();
    const fill = new Path2D();
    const [xs, ys] = [u.data[0], u.data[series]];
    const zero = u.valToPos(0, "y", true);
    xs.forEach((x, i) => {
      if (ys[i] === null) return;
      const [x0, x1] = [u.valToPos(x - half(), "x", true), u.valToPos(x + half(), "x", true)];
      const y = u.valToPos(ys[i], "y", true);
      if (ys[i - 1] === null || i === 0) stroke.moveTo(x0, y);
      else stroke.lineTo(x0, y);
      stroke.lineTo(x1, y);
      fill.rect(x0, Math.min(y, zero), x1 - x0, Math.abs(y - zero));
    });
    return { stroke, fill };
  };
}

/** From the minimum to the maximum of each slice. */
function band(values) {
  return (u) => {
    const { half, low, high } = values();
    const fill = new Path2D();
    u.data[0].forEach((x, i) => {
      if (low[i] === undefined) return;
      const [x0, x1] = [u.valToPos(x - half, "x", true), u.valToPos(x + half, "x", true)];
      const [top, bottom] = [u.valToPos(high[i], "y", true), u.valToPos(low[i], "y", true)];
      fill.rect(x0, top, x1 - x0, bottom - top);
    });
    return { fill };
  };
}

const zeroLine = (u) => across(u, 0, "soft");

function nowLine(u) {
  const x = u.valToPos(Date.now(), "x", true);
  const { ctx, bbox } = u;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = colour("soft")();
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
