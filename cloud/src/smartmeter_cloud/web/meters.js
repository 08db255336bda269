// One card for each meter: its present values and its history.

import { h, icon, setText } from "./dom.js";
import { downloadCsv } from "./download.js";
import { Extras } from "./extras.js";
import { Flow } from "./flow.js";
import * as format from "./format.js";
import { History } from "./history.js";
import { Phases, currents } from "./phases.js";
import { MeterState } from "./meter_state.js";
import { rename } from "./rename.js";
import { words } from "./words.js";

// Whose time a reading has: the words for it.
const CLOCKS = { meter: "byMeterClock", adapter: "byAdapterClock", import: "imported" };

/** Signed power: import is positive; null if the meter sends none. */
export function netPower(values) {
  if ("16.7.0" in values) return values["16.7.0"];
  if ("1.7.0" in values) return values["1.7.0"] - (values["2.7.0"] ?? 0);
  return "2.7.0" in values ? -values["2.7.0"] : null;
}

export class MeterCard {
  constructor(id, say) {
    this.id = id;
    this.say = say;
    this.name = format.shortId(id);
    this.flow = new Flow();
    this.phases = new Phases();
    this.extras = new Extras();
    this.history = new History(id, this.name);
    this.build();
  }

  build() {
    const value = (label, className) => {
      const dd = h("dd", {}, "–");
      const dt = h("dt", {}, ...label);
      return { row: h("div", { class: className ?? null }, dt, dd), dt, dd };
    };
    this.state = new MeterState(this.say);
    this.in = value([words("drawnShort")], "in");
    this.out = value([words("fedShort")], "out");
    this.todayTitle = h("h4", {}, words("today"));
    this.todayIn = value([icon("down"), words("drawnShort")], "in");
    this.todayOut = value([icon("up"), words("fedShort")], "out");
    this.totalIn = value([h("abbr", { title: "1.8.0" }, "+A"), words("drawnShort")]);
    this.totalOut = value([h("abbr", { title: "2.8.0" }, "−A"), words("fedShort")]);
    this.reactivePlus = value([h("abbr", { title: "3.8.0" }, "+R"), words("reactive")]);
    this.reactiveMinus = value([h("abbr", { title: "4.8.0" }, "−R"), words("reactive")]);
    this.foot = h("p", { class: "foot" });
    this.title = h("h3", { id: `meter-${this.id}`, title: this.id }, this.name);
    this.exportButton = h("button", { type: "button", class: "plain small" }, icon("ingest"), h("span", {}, words("exportCsv")));
    this.exportButton.addEventListener("click", () => downloadCsv(this.id));
    this.element = h(
      "article",
      { class: "card meter", "aria-labelledby": `meter-${this.id}` },
      h("header", {}, h("div", { class: "title" }, this.title, rename(this)), this.state.element),
      h(
        "div",
        { class: "left" },
        this.flow.element,
        h("dl", { class: "pair" }, this.in.row, this.out.row),
        this.phases.element,
        this.todayTitle,
        h("dl", { class: "pair" }, this.todayIn.row, this.todayOut.row),
        h("h4", {}, words("totals")),
        h("dl", { class: "totals" }, this.totalIn.row, this.totalOut.row, this.reactivePlus.row, this.reactiveMinus.row),
        this.extras.element,
      ),
      h("div", { class: "right" }, this.history.element),
      h("footer", {}, this.foot, this.exportButton),
    );
  }

  /** Shows the meter under its name, or under its id if it has none. */
  call(label) {
    if (this.meter) this.meter.label = label;
    this.name = label || format.shortId(this.id);
    this.history.name = this.name;
    setText(this.title, this.name);
  }

  /** A meter from the server. */
  show(meter) {
    this.meter = meter;
    this.call(meter.label);
    const { newest } = meter;
    const { values } = newest;
    const watt = netPower(values);
    this.flow.show(watt, currents(values));
    put(this.in, values["1.7.0"], (v) => format.power(v).join(" "));
    put(this.out, values["2.7.0"], (v) => format.power(v).join(" "));
    put(this.totalIn, values["1.8.0"], (v) => format.total(v, "Wh"));
    put(this.totalOut, values["2.8.0"], (v) => format.total(v, "Wh"));
    put(this.reactivePlus, values["3.8.0"], (v) => format.total(v, "varh"));
    put(this.reactiveMinus, values["4.8.0"], (v) => format.total(v, "varh"));
    this.phases.show(values);
    this.extras.show(newest);
    this.history.today.totals = values;
    this.showToday();
    this.history.today.silentAfter = meter.silentAfter;
    if (watt !== null && !newest.clockWrong) this.history.add(Date.parse(newest.time), watt);
    this.tick(true);
  }

  showToday() {
    const { today } = this.history;
    const { first, midnight } = today;
    put(this.todayIn, today.used("drawn", "1.8.0"), format.energy);
    put(this.todayOut, today.used("fed", "2.8.0"), format.energy);
    this.todayTitle.hidden = this.todayIn.row.hidden && this.todayOut.row.hidden;
    const since = first["1.8.0"] && Date.parse(first["1.8.0"].time);
    // In the first quarter hour after midnight it is the whole day.
    const late = since && since - midnight > 900000;
    setText(this.todayTitle, late ? words("todaySince", { time: format.hour(since) }) : words("today"));
  }

  /** Once a second: what only changes with time. */
  tick(connected) {
    if (!this.meter) return;
    const { newest } = this.meter;
    this.state.show(this.meter, this.name, connected, this.element);
    const auth = { verified: "authVerified", unverified: "authUnverified" }[newest.auth];
    const parts = [
      words("reading", { time: format.moment(Date.parse(newest.time)) }),
      words(newest.clockWrong ? "clockWrong" : CLOCKS[newest.clock]),
    ];
    if (auth) parts.push(words(auth));
    setText(this.foot, parts.join(" · "));
  }

  async refresh() {
    await this.history.refresh();
    if (this.meter) this.showToday();
  }
}

/** The row of a value that the meter does not send is hidden, never 0. */
function put({ row, dd }, value, text) {
  row.hidden = value === undefined;
  if (value !== undefined) setText(dd, text(value));
}
