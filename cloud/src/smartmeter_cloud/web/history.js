// One meter over time: a day as a curve, week, month and year in bars, with sums, money and voltage.

import { Bars } from "./bars.js";
import { Curve } from "./curve.js";
import { Day } from "./day.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { downloadCsv } from "./download.js";
import { askEnergy, askHours, has, total } from "./energy.js";
import { energy } from "./format.js";
import { VIEWS, period, places, title } from "./periods.js";
import { amount, hasPrice, hasSecond, money, tariffForm } from "./tariff.js";
import { Voltage } from "./voltage.js";
import { locale, words } from "./words.js";

const NAMES = { day: "viewDay", week: "viewWeek", month: "viewMonth", year: "viewYear" };
const COMPARED = {
  day: ["againstDay", "soFarDay"],
  week: ["againstWeek", "soFarWeek"],
  month: ["againstMonth", "soFarMonth"],
  year: ["againstYear", "soFarYear"],
};
const FRESH = 300000; // ms; then a running period is fetched again
const AGAIN = 10000; // ms; after a failed fetch
const HOUR = 3600000;
const DAY = 24 * HOUR;

export class History {
  constructor(meter, name) {
    this.meter = meter;
    this.name = name;
    this.view = "day";
    this.moved = 0;
    this.today = new Day(meter);
    this.gaps = [];
    this.fetched = 0;
    this.curve = new Curve();
    this.bars = new Bars();
    this.bars.element.hidden = true;
    this.voltage = new Voltage(meter);
    this.build();
  }

  build() {
    const { meter } = this;
    this.tabs = Object.entries(NAMES).map(([view, key]) => {
      const tab = h("button", { type: "button", role: "tab", id: `${meter}-${view}`, "aria-controls": `${meter}-view` }, words(key));
      tab.addEventListener("click", () => this.choose(view));
      tab.addEventListener("keydown", (event) => this.key(event));
      tab.dataset.view = view;
      return tab;
    });
    const step = (key, text, n) => {
      const button = h("button", { type: "button", class: "plain turn", "aria-label": words(key) }, text);
      button.addEventListener("click", () => this.move(n));
      return button;
    };
    this.title = h("span", { class: "period", "aria-live": "polite" });
    this.next = step("after", "›", 1);
    this.nav = h("div", { class: "nav" }, step("before", "‹", -1), this.title, this.next);
    this.sums = h("dl", { class: "sums" });
    this.none = h("p", { class: "part", hidden: true });
    this.panel = h("div", { role: "tabpanel", id: `${meter}-view`, class: "view" }, this.curve.element, this.bars.element, this.none, this.sums, this.voltage.element);
    this.download = h("button", { type: "button", class: "plain small" }, icon("ingest"), h("span", {}, words("exportShown")));
    this.download.addEventListener("click", () => downloadCsv(meter, period(this.view, Date.now(), this.moved)));
    this.tariff = h("details", { class: "extra" }, h("summary", {}, words("tariff")), tariffForm(() => this.load()));
    this.element = h(
      "div",
      { class: "history" },
      h("div", { class: "views" }, h("div", { role: "tablist", "aria-label": words("views"), class: "tabs" }, ...this.tabs), this.nav),
      this.panel,
      h("div", { class: "below" }, this.tariff, this.download),
    );
    this.choose("day");
  }

  key(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const i = this.tabs.findIndex((tab) => tab === event.target);
    const tab = this.tabs[(i + way + this.tabs.length) % this.tabs.length];
    tab.focus();
    this.choose(tab.dataset.view);
  }

  choose(view) {
    this.view = view;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.view === view;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) this.panel.setAttribute("aria-labelledby", tab.id);
    }
    this.moved = 0;
    this.fetched = 0;
    this.entitle();
    setAttribute(this.panel, "aria-busy", String(Boolean(this.begun)));
    if (this.begun) this.load();
  }

  move(n) {
    this.moved = Math.min(0, this.moved + n);
    setAttribute(this.panel, "aria-busy", "true");
    this.load();
  }

  entitle() {
    setText(this.title, title(this.view, period(this.view, Date.now(), this.moved)));
    this.next.disabled = this.moved === 0;
  }

  /** Fetches a running period again when it is old, and soon after a failure. */
  async refresh() {
    const soon = this.failed || Date.now() >= this.today.to;
    const wait = soon ? AGAIN : this.moved === 0 ? FRESH : Infinity;
    if (Date.now() - this.fetched > wait) await this.load();
  }

  /** A live reading: time in ms, power in W. */
  add(time, watt) {
    if (this.today.add(time, watt)) this.fetched = 0;
    if (this.view === "day" && this.moved === 0) this.showCurve(this.today);
  }

  async load() {
    this.begun = true;
    this.fetched = Date.now();
    const { view, moved } = this;
    const now = Date.now();
    const range = period(view, now, moved);
    const earlier = period(view, now, moved - 1);
    // The user may switch to another view in between.
    const current = () => view === this.view && moved === this.moved;
    this.entitle();
    try {
      const day = view === "day" && moved ? new Day(this.meter, -moved) : this.today;
      const ask = (wanted, by) => askEnergy(this.meter, wanted, by);
      // A month's bar does not say on which day it begins.
      const start = view === "year" ? { from: earlier.from, to: places(view, earlier)[0][1] } : null;
      const [asked, before, begin] = await Promise.all([
        view === "day" ? null : ask(range, VIEWS[view].by),
        ask(earlier, VIEWS[view].by),
        start && ask(start, "day"),
        view === "day" || day.midnight !== period("day", now).from ? day.fetch() : null,
      ]);
      const shown = asked ?? day.energy;
      const fine = hasSecond() && view !== "day" ? await askHours(this.meter, range) : shown;
      if (!current()) return;
      this.failed = false;
      if (view === "day") {
        this.gaps = shown.gaps;
        this.showCurve(day);
        // A meter that only sends totals has no curve, but bars.
        this.plain = !day.slices.length && shown.bars.length > 0;
      }
      this.bars.element.hidden = view === "day" && !this.plain;
      this.curve.element.hidden = view !== "day" || this.plain;
      this.show(range, shown, fine, earlier, before, covers(view, begin ?? before, earlier) && covers(view, shown, range));
      // Data of the last minute may not be rolled up yet.
      if (day === this.today && day.slices.length && !shown.bars.length) this.fetched = now - FRESH + AGAIN;
      if (view === "day" || view === "week") await this.voltage.load(view, range, this.name, this.title.textContent, current);
      else this.voltage.element.hidden = true;
    } catch {
      if (current()) this.fail();
    }
    if (current()) setAttribute(this.panel, "aria-busy", "false");
  }

  /** The picture of another period must not stay below this one's name. */
  fail() {
    this.failed = true;
    this.bars.element.hidden = this.curve.element.hidden = this.voltage.element.hidden = true;
    this.sums.replaceChildren();
    this.none.hidden = false;
    setText(this.none, words("loadFailed"));
  }

  showCurve(day) {
    this.curve.show(day, this.name, this.title.textContent, this.gaps);
  }

  show(range, shown, fine, earlier, before, comparable) {
    const sum = total(shown);
    const values = { drawn: energy(sum.drawn), fed: energy(sum.fed) };
    const any = shown.bars.length > 0;
    if (this.view !== "day" || this.plain) {
      const summary = any ? words("barsSummary", values) : words("barsNone");
      const label = words("barsAbout", { name: this.name, period: this.title.textContent, summary });
      this.bars.show({ view: this.view, range, earlier, bars: shown.bars, gaps: shown.gaps, before: before.bars, zone: shown.zone, label });
    }
    // A running period is compared, by its completed bars, with the same part of the previous one.
    const going = Date.now() < range.to;
    const over = shown.bars.filter(({ end }) => end <= Date.now()).at(-1);
    const passed = !going ? Infinity : over ? over.end - range.from : 0;
    const now = total(shown, range.from + passed);
    const past = total(before, earlier.from + passed);
    const [against, soFar] = COMPARED[this.view];
    const compare = (name) => (passed ? change(going ? soFar : against, now[name], comparable ? past[name] : 0) : null);
    const rows = [];
    if (has(shown, "drawn")) rows.push(row("sumDrawn", values.drawn, "in", compare("drawn")));
    if (has(shown, "fed")) rows.push(row("sumFed", values.fed, "out", compare("fed")));
    if (hasPrice() && rows.length) {
      const [cost, gain] = money([...fine.bars, ...fine.gaps]);
      rows.push(row("sumCost", amount(cost)));
      if (gain > 0) rows.push(row("sumGain", amount(gain)));
    }
    this.sums.replaceChildren(...rows);
    this.none.hidden = rows.length > 0;
    setText(this.none, words(any ? "sumsNone" : this.view === "day" && this.moved === 0 && this.today.slices.length ? "sumsSoon" : "barsNone"));
  }
}

/** Whether the readings begin with the period; else a percentage would mislead. */
const covers = (view, { bars, gaps }, { from }) => [...bars, ...gaps].some(({ start }) => start < from + (view === "day" ? HOUR : DAY));

function change(key, now, before) {
  if (!before) return now ? words("noComparison") : null;
  const share = new Intl.NumberFormat(locale, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 });
  return words(key, { change: share.format(now / before - 1) });
}

function row(key, text, className, note) {
  return h("div", { class: className ?? null }, h("dt", {}, words(key)), h("dd", {}, text), note ? h("dd", { class: "note" }, note) : null);
}
