// One card a meter: power now, today, totals, phases, today's curve.

import { Curve } from "./curve.js";
import { Day } from "./day.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";
import { History } from "./history.js";
import { words } from "./words.js";

const PHASES = [
  ["32.7.0", "31.7.0"],
  ["52.7.0", "51.7.0"],
  ["72.7.0", "71.7.0"],
];
// EN 50160, 4.2.2: 230 V and 10 % either way.
const LOW_VOLTAGE = 207;
const HIGH_VOLTAGE = 253;
const SHOWN_CURRENT = 16; // A; the bar is full there, as a household's fuse would be

/** Signed power: what is drawn is positive; null where the meter sends none. */
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
    this.day = new Day(id);
    this.curve = new Curve();
    this.history = new History(id, this.curve.element, this.name);
    this.silent = false;
    this.build();
  }

  build() {
    const value = (label, className) => {
      const dd = h("dd", {}, "–");
      const dt = h("dt", {}, ...label);
      return { row: h("div", { class: className ?? null }, dt, dd), dt, dd };
    };
    this.state = h("p", { class: "pill", "data-state": "unknown" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "text" }));
    this.arrow = h("span", { class: "arrow" });
    this.big = h("span", { class: "number" }, "–");
    this.unit = h("span", { class: "unit" }, "W");
    this.way = h("p", { class: "way" });
    this.flow = h("div", { class: "now", "data-way": "even" }, h("p", { class: "big" }, this.arrow, this.big, " ", this.unit), this.way);
    this.in = value([words("drawnShort")], "in");
    this.out = value([words("fedShort")], "out");
    this.todayTitle = h("h4", {}, words("today"));
    this.todayIn = value([icon("down"), words("drawnShort")], "in");
    this.todayOut = value([icon("up"), words("fedShort")], "out");
    this.totalIn = value([h("abbr", { title: "1.8.0" }, "+A"), words("drawnShort")]);
    this.totalOut = value([h("abbr", { title: "2.8.0" }, "−A"), words("fedShort")]);
    this.reactivePlus = value([h("abbr", { title: "3.8.0" }, "+R"), words("reactive")]);
    this.reactiveMinus = value([h("abbr", { title: "4.8.0" }, "−R"), words("reactive")]);
    this.phases = PHASES.map((codes, i) => this.phase(i + 1, codes));
    this.foot = h("p", { class: "foot" });
    this.title = h("h3", { id: `meter-${this.id}`, title: this.id }, this.name);
    const rename = h("button", { type: "button", class: "plain small", "aria-label": words("rename"), title: words("rename") }, icon("pen"));
    rename.addEventListener("click", () => this.rename());
    this.exportButton = h("button", { type: "button", class: "plain small" }, icon("ingest"), h("span", {}, words("exportCsv")));
    this.exportButton.addEventListener("click", () => this.export());
    this.phaseBox = h("div", { class: "phases" }, h("h4", {}, words("phases")), h("ul", {}, ...this.phases.map((p) => p.row)));
    this.element = h(
      "article",
      { class: "card meter", "aria-labelledby": `meter-${this.id}` },
      h("header", {}, h("div", { class: "title" }, this.title, rename), this.state),
      h(
        "div",
        { class: "left" },
        this.flow,
        h("dl", { class: "pair" }, this.in.row, this.out.row),
        this.todayTitle,
        h("dl", { class: "pair" }, this.todayIn.row, this.todayOut.row),
        h("h4", {}, words("totals")),
        h("dl", { class: "totals" }, this.totalIn.row, this.totalOut.row, this.reactivePlus.row, this.reactiveMinus.row),
      ),
      h("div", { class: "right" }, this.history.element, this.phaseBox),
      h("footer", {}, this.foot, this.exportButton),
    );
  }

  phase(n, [voltage, current]) {
    const volts = h("span", { class: "value" });
    const amps = h("span", { class: "value" });
    const voltBar = h("i", {});
    const ampBar = h("i", {});
    const row = h(
      "li",
      { hidden: true },
      h("b", { "aria-label": words("phase", { n: String(n) }) }, `L${n}`),
      volts,
      h("span", { class: "bar band-bar", "aria-hidden": "true" }, voltBar),
      amps,
      h("span", { class: "bar", "aria-hidden": "true" }, ampBar),
    );
    return { row, volts, amps, voltBar, ampBar, voltage, current };
  }

  rename() {
    const input = h("input", { maxlength: "80", "aria-label": words("rename"), placeholder: format.shortId(this.id) });
    input.value = this.meter?.label ?? "";
    const form = h("form", { class: "rename" }, input);
    let open = true; // taking the form away is a blur, too
    const done = async (keep) => {
      if (!open) return;
      open = false;
      form.replaceWith(this.title);
      if (!keep || input.value.trim() === (this.meter?.label ?? "")) return;
      const answer = await fetch(`v1/meters/${encodeURIComponent(this.id)}`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ label: input.value.trim() }),
      });
      if (answer.ok) this.call((await answer.json()).label);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      done(true);
    });
    input.addEventListener("blur", () => done(true));
    input.addEventListener("keydown", (event) => event.key === "Escape" && done(false));
    this.title.replaceWith(form);
    input.focus();
  }

  /** Calls the meter by the name its people gave it, "" by its id. */
  call(label) {
    if (this.meter) this.meter.label = label;
    this.name = label || format.shortId(this.id);
    this.history.name = this.name;
    setText(this.title, this.name);
  }

  async export() {
    const answer = await fetch("v1/meterReadings", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ meterIds: [this.id], bulk: "csv" }),
    });
    if (answer.ok) location.assign(new URL((await answer.json()).linkToBulk).pathname.slice(1));
  }

  /** A meter as the server tells it. */
  show(meter) {
    this.meter = meter;
    this.call(meter.label);
    const { newest } = meter;
    const { values } = newest;
    const watt = netPower(values);
    const way = watt === null ? "none" : watt > 0 ? "in" : watt < 0 ? "out" : "even";
    setAttribute(this.flow, "data-way", way);
    const [number, unit] = watt === null ? ["–", ""] : format.power(Math.abs(watt));
    setText(this.big, number);
    setText(this.unit, unit);
    const sign = { in: "down", out: "up", even: "even", none: "even" }[way];
    if (this.sign !== sign) this.arrow.replaceChildren(icon(sign));
    this.sign = sign;
    setText(this.way, words({ in: "drawn", out: "fed", even: "even", none: "noPower" }[way]));
    put(this.in, values["1.7.0"], (v) => format.power(v).join(" "));
    put(this.out, values["2.7.0"], (v) => format.power(v).join(" "));
    put(this.totalIn, values["1.8.0"], (v) => format.total(v, "Wh"));
    put(this.totalOut, values["2.8.0"], (v) => format.total(v, "Wh"));
    put(this.reactivePlus, values["3.8.0"], (v) => format.total(v, "varh"));
    put(this.reactiveMinus, values["4.8.0"], (v) => format.total(v, "varh"));
    this.showPhases(values);
    this.showToday();
    this.day.silentAfter = meter.silentAfter;
    if (watt !== null && !newest.clockWrong) this.day.add(Date.parse(newest.time), watt);
    this.curve.show(this.day, this.name);
    this.tick();
  }

  showPhases(values) {
    let any = false;
    for (const p of this.phases) {
      const volts = values[p.voltage];
      const amps = values[p.current];
      p.row.hidden = volts === undefined && amps === undefined;
      any ||= !p.row.hidden;
      setText(p.volts, volts === undefined ? "" : format.voltage(volts));
      setText(p.amps, amps === undefined ? "" : format.current(amps));
      if (volts !== undefined) {
        const fine = volts >= LOW_VOLTAGE && volts <= HIGH_VOLTAGE;
        const text = words(fine ? "voltageBand" : "voltageOut", { value: format.voltage(volts) });
        setAttribute(p.volts, "title", text);
        setAttribute(p.row, "data-fine", String(fine));
        // The bar shows 196 to 264 V, so that the allowed band is its middle part.
        p.voltBar.style.left = `${Math.max(0, Math.min(100, ((volts - 195.5) / 69) * 100))}%`;
      }
      p.voltBar.hidden = volts === undefined;
      p.ampBar.style.width = `${Math.min(100, (Math.abs(amps ?? 0) / SHOWN_CURRENT) * 100)}%`;
    }
    this.phaseBox.hidden = !any;
  }

  showToday() {
    const { values } = this.meter.newest;
    const { first } = this.day;
    const used = (code) =>
      first[code] && values[code] !== undefined ? values[code] - first[code].value : undefined;
    put(this.todayIn, used("1.8.0"), format.energy);
    put(this.todayOut, used("2.8.0"), format.energy);
    const since = first["1.8.0"] && Date.parse(first["1.8.0"].time);
    // Within the first quarter of an hour after midnight it is the whole day.
    const late = since && since - this.day.midnight > 900000;
    setText(this.todayTitle, late ? words("todaySince", { time: format.hour(since) }) : words("today"));
  }

  /** Once a second: what changes with the time alone. */
  tick() {
    if (!this.meter) return;
    const { newest, silentAfter } = this.meter;
    const age = Date.now() - Date.parse(newest.received);
    const silent = age > silentAfter * 1000;
    setAttribute(this.state, "data-state", silent ? "down" : newest.clockWrong ? "warn" : "ok");
    const text = silent ? words("stateSilent", { span: format.span(age) }) : words("stateLive");
    setText(this.state.querySelector(".text"), text);
    if (silent !== this.silent) this.say(words(silent ? "saidSilent" : "saidBack", { name: this.name }));
    this.silent = silent;
    this.element.classList.toggle("silent", silent);
    const auth = { verified: "authVerified", unverified: "authUnverified" }[newest.auth];
    const parts = [
      words("reading", { time: format.moment(Date.parse(newest.time)) }),
      words(newest.clockWrong ? "clockWrong" : newest.clock === "meter" ? "byMeterClock" : "byAdapterClock"),
    ];
    if (auth) parts.push(words(auth));
    setText(this.foot, parts.join(" · "));
  }

  async refresh() {
    if (!this.day.stale) return;
    await this.day.fetch();
    if (this.meter) this.show(this.meter);
  }
}

/** A value the meter does not send is not there: its row is hidden, never 0. */
function put({ row, dd }, value, text) {
  row.hidden = value === undefined;
  if (value !== undefined) setText(dd, text(value));
}
