// One card for each sub-meter: gas, water, heat or a further electricity meter.

import { getHistory } from "./api.js";
import { Chart, colour, scale } from "./chart.js";
import { h, setText } from "./dom.js";
import { downloadCsv } from "./download.js";
import * as format from "./format.js";
import { barName } from "./periods.js";
import { MeterState } from "./meter_state.js";
import { rename } from "./rename.js";
import { words } from "./words.js";

const DAYS = 30;
const FRESH = 300000; // ms; then the days are fetched again
const AGAIN = 10000; // ms; after a failed fetch
const EVERY = 5; // days between two names below the axis
const MEDIA = { gas: "mediumGas", water: "mediumWater", heat: "mediumHeat", cooling: "mediumCooling", electricity: "mediumElectricity" };

export const isSubmeter = (meter) => meter.medium !== "electricity" || Object.keys(meter.units).length > 0;

export class SubmeterCard {
  constructor(id, say) {
    this.id = id;
    this.say = say;
    this.name = format.shortId(id);
    this.fetched = 0;
    this.state = new MeterState(this.say);
    this.title = h("h3", { id: `meter-${id}`, title: id }, this.name);
    this.medium = h("p", { class: "way" });
    this.values = h("dl", { class: "totals" });
    this.sum = h("p", { class: "part" });
    this.chart = new Chart({
      height: 180,
      series: [{ width: 0, fill: colour("in"), fillTo: 0, paths: uPlot.paths.bars({ size: [0.62, 40], radius: [0.15, 0] }) }],
    });
    this.right = h("div", { class: "right", hidden: true }, h("h4", {}, words("consumptionDays")), this.chart.element, this.sum, this.chart.fold);
    this.foot = h("p", { class: "foot" });
    const download = h("button", { type: "button", class: "plain small" }, words("exportCsv"));
    download.addEventListener("click", () => downloadCsv(id));
    this.element = h(
      "article",
      { class: "card meter submeter", "aria-labelledby": `meter-${id}` },
      h("header", {}, h("div", { class: "title" }, this.title, rename(this)), this.state.element),
      h("div", { class: "left" }, this.medium, this.values),
      this.right,
      h("footer", {}, this.foot, download),
    );
  }

  /** Shows the meter under its name, or under its id if it has none. */
  call(label) {
    if (this.meter) this.meter.label = label;
    this.name = label || format.shortId(this.id);
    setText(this.title, this.name);
  }

  /** A meter from the server. */
  show(meter) {
    this.meter = meter;
    this.call(meter.label);
    setText(this.medium, words(MEDIA[meter.medium]));
    const { values } = meter.newest;
    this.values.replaceChildren(
      ...Object.keys(values).map((code) =>
        h("div", {}, h("dt", { title: code }, words("counter")), h("dd", {}, format.quantity(values[code], meter.units[code]))),
      ),
    );
    this.tick(true);
  }

  /** Once a second: what only changes with time. */
  tick(connected) {
    if (!this.meter) return;
    const { newest } = this.meter;
    this.state.show(this.meter, this.name, connected, this.element);
    const clock = newest.clockWrong ? "clockWrong" : newest.clock === "meter" ? "byMeterClock" : "byAdapterClock";
    setText(this.foot, `${words("reading", { time: format.moment(Date.parse(newest.time)) })} · ${words(clock)}`);
  }

  /** Fetches the days again when they are old, and soon after a failure. */
  async refresh() {
    if (Date.now() - this.fetched < FRESH) return;
    this.fetched = Date.now();
    const days = lastDays();
    try {
      this.draw(days, await getHistory(this.id, "consumption", { from: days[0][0], to: days.at(-1)[1] }, { by: "day" }));
      this.chart.element.hidden = this.chart.fold.hidden = false;
    } catch {
      this.fetched = Date.now() - FRESH + AGAIN;
      this.right.hidden = false;
      this.chart.element.hidden = this.chart.fold.hidden = true;
      setText(this.sum, words("loadFailed"));
    }
  }

  draw(days, { unit, bars, gaps }) {
    // The server's days may begin at another hour than this browser's: a bar's middle decides its place.
    const used = days.map(([start, end]) => {
      const bar = bars.find((one) => (one.start + one.end) / 2 >= start && (one.start + one.end) / 2 < end);
      return bar?.used ?? null;
    });
    const quantity = (value) => format.quantity(value, unit);
    const sum = [...bars, ...gaps].reduce((total, one) => total + (one.used ?? 0), 0);
    this.right.hidden = !bars.some((bar) => bar.used !== null);
    setText(this.sum, words("consumptionSum", { used: quantity(sum) }));
    this.chart.show({
      label: words("consumptionAbout", { name: this.name, used: quantity(sum) }),
      x: { low: -0.5, high: DAYS - 0.5, marks: days.flatMap(([start, end], i) => (i % EVERY ? [] : [[i, barName("month", start, end)]])) },
      y: { marks: scale(0, Math.max(0, ...used) || 1).map((tick) => [tick, quantity(tick)]) },
      data: [days.map((_, i) => i), used],
      stops: days.map((_, i) => i),
      heads: [words("time"), words("used")],
      cells: (i) => [barName("month", ...days[i], true), used[i] === null ? "" : quantity(used[i])],
    });
  }
}

/** [start, end) of the last days in the browser's time zone, today's at the end. */
function lastDays() {
  const midnight = (before) => {
    const day = new Date();
    day.setHours(0, 0, 0, 0);
    day.setDate(day.getDate() - before);
    return day.getTime();
  };
  return Array.from({ length: DAYS }, (_, i) => [midnight(DAYS - 1 - i), midnight(DAYS - 2 - i)]);
}
