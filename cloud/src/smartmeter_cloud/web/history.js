// The views of one meter: today's curve, and day, week, month and year in bars.

import { Bars } from "./bars.js";
import { h, setText } from "./dom.js";
import { energy } from "./format.js";
import { VIEWS, period, title } from "./periods.js";
import { amount, hasPrice, hasSecond, money, tariffForm } from "./tariff.js";
import { language, words } from "./words.js";

const NAMES = { today: "viewToday", day: "viewDay", week: "viewWeek", month: "viewMonth", year: "viewYear" };

export class History {
  /** curve: the element that shows today. */
  constructor(meter, curve, name) {
    this.meter = meter;
    this.name = name;
    this.view = "today";
    this.moved = 0;
    this.curve = curve;
    this.bars = new Bars();
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
    this.nav = h("div", { class: "nav", hidden: true }, step("before", "‹", -1), this.title, this.next);
    this.sums = h("dl", { class: "sums", hidden: true });
    this.panel = h("div", { role: "tabpanel", id: `${meter}-view`, class: "view" }, curve, this.bars.element);
    this.tariff = h("details", { class: "extra", hidden: true }, h("summary", {}, words("tariff")), tariffForm(() => this.load()));
    this.element = h(
      "div",
      { class: "history" },
      h("div", { class: "views" }, h("div", { role: "tablist", "aria-label": words("views"), class: "tabs" }, ...this.tabs), this.nav),
      this.panel,
      this.sums,
      this.tariff,
    );
    this.choose("today");
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
    this.moved = 0;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.view === view;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) this.panel.setAttribute("aria-labelledby", tab.id);
    }
    const today = view === "today";
    this.curve.hidden = !today;
    for (const element of [this.bars.element, this.nav, this.sums, this.tariff]) element.hidden = today;
    if (!today) this.load();
  }

  move(n) {
    this.moved = Math.min(0, this.moved + n);
    this.load();
  }

  async load() {
    const { view, moved } = this;
    const now = Date.now();
    const range = period(view, now, moved);
    setText(this.title, title(view, range));
    this.next.disabled = moved === 0;
    try {
      const earlier = period(view, now, moved - 1);
      const [shown, before] = await Promise.all([this.fetch(range, VIEWS[view].by), this.fetch(earlier, VIEWS[view].by)]);
      const fine = hasSecond() && view !== "day" ? await this.fetch(range, "hour") : shown;
      // The reader has gone on to another view meanwhile.
      if (view !== this.view || moved !== this.moved) return;
      this.show(range, shown, fine, earlier, before);
    } catch {
      setText(this.title, words("lost"));
    }
  }

  async fetch({ from, to }, by) {
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), by });
    const answer = await fetch(`v1/meters/${encodeURIComponent(this.meter)}/energy?${query}`);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return answer.json();
  }

  show(range, shown, fine, earlier, before) {
    const sum = total(shown);
    const values = { drawn: energy(sum.drawn), fed: energy(sum.fed) };
    const summary = shown.bars.length ? words("barsSummary", values) : words("barsNone");
    const label = words("barsAbout", { name: this.name, period: this.title.textContent, summary });
    this.bars.show({ view: this.view, range, bars: shown.bars, gaps: shown.gaps, label });
    // A period that goes on is compared, by its bars that are over, with as much of the one before.
    const going = Date.now() < range.to;
    const over = shown.bars.filter(({ end }) => end <= Date.now()).at(-1);
    const passed = !going ? Infinity : over ? over.end - range.from : 0;
    const now = total(shown, range.from + passed);
    const past = total(before, earlier.from + passed);
    const compare = (name) => (passed ? change(going ? "comparedSoFar" : "compared", now[name], past[name]) : null);
    const rows = [
      row("sumDrawn", values.drawn, "in", compare("drawn")),
      row("sumFed", values.fed, "out", compare("fed")),
    ];
    if (hasPrice()) {
      const [cost, gain] = money([...fine.bars, ...fine.gaps]);
      rows.push(row("sumCost", amount(cost)));
      if (gain > 0) rows.push(row("sumGain", amount(gain)));
    }
    this.sums.replaceChildren(...rows);
  }
}

/** Of what lies before then, or most of it: a day may have 25 hours. */
function total({ bars, gaps }, until = Infinity) {
  const all = [...bars, ...gaps].filter(({ start, end }) => (start + end) / 2 <= until);
  const add = (name) => all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
  return { drawn: add("drawn"), fed: add("fed") };
}

function change(key, now, before) {
  if (!before) return now ? words("noComparison") : null;
  const share = new Intl.NumberFormat(language, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 });
  return words(key, { change: share.format(now / before - 1) });
}

function row(key, text, className, note) {
  return h("div", { class: className ?? null }, h("dt", {}, words(key)), h("dd", {}, text), note ? h("dd", { class: "note" }, note) : null);
}
