// Voltage of the phases over a day or a week, in 10-minute averages, with the limits of EN 50160.

import { getHistory } from "./api.js";
import { Chart, across, colour, legend } from "./chart.js";
import { h, setText } from "./dom.js";
import { hour, percent, voltage, weekday } from "./format.js";
import { dayMarks, marks } from "./periods.js";
import { words } from "./words.js";

// EN 50160:2010, 4.2.2: 95 % of a week's 10-minute averages are within 230 V +- 10 %. None is above
// the upper limit, and none below 230 V - 15 %.
export const LOW_VOLTAGE = 207;
export const HIGH_VOLTAGE = 253;
const LEAST_VOLTAGE = 195.5;
const SHARE = 0.95;
const WIDTH = 600; // seconds
const STEP = 10; // V between two marks
const DASHES = [[], [7, 4], [2, 3]]; // so that phases differ without their colours

export class Voltage {
  constructor(meter) {
    this.meter = meter;
    this.chart = new Chart({
      height: 190,
      series: DASHES.map((dash, i) => {
        const stroke = colour(`l${i + 1}`);
        return { width: 1.6, stroke, dash, points: { show: false, size: 5, fill: stroke, filter: alone } };
      }),
      hooks: { drawClear: [bounds] },
    });
    this.rule = h("p", { class: "part" });
    this.holder = h("div", {});
    this.element = h("section", { class: "voltage", hidden: true }, h("h4", {}, words("voltage")), this.chart.element, this.holder, this.rule, this.chart.fold);
  }

  /** Hidden if the meter has sent no voltage in the range. */
  async load(view, range, name, period, current) {
    const { slices } = await getHistory(this.meter, "voltage", range, { width: WIDTH });
    if (!current()) return;
    this.element.hidden = !slices.length;
    if (slices.length) this.show(view, range, slices, name, period);
  }

  show(view, { from, to }, slices, name, period) {
    const found = new Map(slices.map((slice) => [slice.start, slice]));
    const starts = [];
    for (let start = from; start < to; start += WIDTH * 1000) starts.push(start);
    const phases = [1, 2, 3].filter((n) => slices.some((slice) => slice[`l${n}`]));
    const means = [1, 2, 3].map((n) => starts.map((start) => found.get(start)?.[`l${n}`]?.mean ?? null));
    const all = phases.flatMap((n) => means[n - 1].filter((v) => v !== null));
    const low = Math.floor(Math.min(LOW_VOLTAGE - 5, ...all) / STEP) * STEP;
    const high = Math.ceil(Math.max(HIGH_VOLTAGE + 5, ...all) / STEP) * STEP;
    const ticks = [];
    for (let tick = low; tick <= high; tick += STEP) ticks.push([tick, `${tick} V`]);
    const narrow = this.chart.frame.clientWidth < 480;
    const verdicts = phases.map((n) => verdict(n, slices.map((slice) => slice[`l${n}`]).filter(Boolean)));
    const week = view === "week";
    const day = (time) => (week ? `${weekday(time)} ` : "");
    this.element.hidden = false;
    this.chart.show({
      label: words("voltageAbout", { name, period, summary: verdicts.join(" ") }),
      x: { low: from, high: to, marks: week ? dayMarks(from, to) : marks(from, to, narrow ? 4 : 8) },
      y: { marks: ticks },
      data: [starts.map((start) => start + WIDTH * 500), ...means],
      stops: starts.flatMap((start, i) => (found.has(start) ? [i] : [])),
      heads: [words("time"), ...phases.map((n) => `L${n}`)],
      cells: (i) => [`${day(starts[i])}${hour(starts[i])} – ${hour(starts[i] + WIDTH * 1000)}`, ...phases.map((n) => told(found.get(starts[i])?.[`l${n}`]))],
    });
    this.holder.replaceChildren(legend(...phases.map((n, i) => [`l${n}`, verdicts[i]]), ["bounds", words("bounds")]));
    setText(this.rule, words(week ? "ruleWeek" : "ruleDay"));
  }
}

const told = (phase) => (phase ? words("voltageTold", { mean: voltage(phase.mean, 1), low: voltage(phase.low), high: voltage(phase.high) }) : "");

/** One sentence about a phase: the share of its averages within the limits, and its extremes. */
function verdict(n, phases) {
  const means = phases.map((p) => p.mean);
  const share = means.filter((v) => v >= LOW_VOLTAGE && v <= HIGH_VOLTAGE).length / means.length;
  const holds = share >= SHARE && Math.min(...means) >= LEAST_VOLTAGE && Math.max(...means) <= HIGH_VOLTAGE;
  return words(holds ? "voltageHolds" : "voltageBreaks", {
    n: String(n),
    share: percent(share),
    low: voltage(Math.min(...phases.map((p) => p.low))),
    high: voltage(Math.max(...phases.map((p) => p.high))),
  });
}

/** Averages without a neighbour have no line, so they get points. */
function alone(u, series) {
  const values = u.data[series];
  return values.flatMap((value, i) => (value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : []));
}

/** The allowed range, and its two edges. */
function bounds(u) {
  const { ctx, bbox } = u;
  const [top, bottom] = [u.valToPos(HIGH_VOLTAGE, "y", true), u.valToPos(LOW_VOLTAGE, "y", true)];
  ctx.save();
  ctx.fillStyle = colour("out-wash")();
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  ctx.restore();
  for (const value of [HIGH_VOLTAGE, LOW_VOLTAGE]) across(u, value, "down");
}
