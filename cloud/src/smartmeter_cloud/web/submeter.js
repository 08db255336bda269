// One card for each sub-meter: gas, water, heat or a further electricity meter.

import { Chart, colour, scale } from "./chart.js";
import { h, setAttribute, setText } from "./dom.js";
import { downloadCsv } from "./download.js";
import * as format from "./format.js";
import { barName } from "./periods.js";
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
    this.silent = false;
    this.fetched = 0;
    this.state = h("p", { class: "pill", "data-state": "unknown" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "text" }));
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
      h("header", {}, h("div", { class: "title" }, this.title, rename(this)), this.state),
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
    this.tick();
  }

  /** Once a second: what only changes with time. */
  tick() {
    if (!this.meter) return;
    const { newest, silentAfter } = this.meter;
    const age = Date.now() - Date.parse(newest.received);
    const silent = age > silentAfter * 1000;
    setAttribute(this.state, "data-state", silent ? "down" : newest.clockWrong ? "warn" : "ok");
    setText(this.state.querySelector(".text"), silent ? words("stateSilent", { span: format.span(age) }) : words("stateLive"));
    if (silent !== this.silent) this.say(words(silent ? "saidSilent" : "saidBack", { name: this.name }));
    this.silent = silent;
    this.element.classList.toggle("silent", silent);
    const clock = newest.clockWrong ? "clockWrong" : newest.clock === "meter" ? "byMeterClock" : "byAdapterClock";
    setText(this.foot, `${words("reading", { time: format.moment(Date.parse(newest.time)) })} · ${words(clock)}`);
  }

  /** Fetches the days again when they are old, and soon after a failure. */
  async refresh() {
    if (Date.now() - this.fetched < FRESH) return;
    this.fetched = Date.now();
    const days = lastDays();
    const query = new URLSearchParams({ from: new Date(days[0][0]).toISOString(), to: new Date(days.at(-1)[1]).toISOString(), by: "day" });
    try {
      const answer = await fetch(`v1/meters/${encodeURIComponent(this.id)}/consumption?${query}`);
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      this.draw(days, await answer.json());
    } catch {
      this.fetched = Date.now() - FRESH + AGAIN;
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
