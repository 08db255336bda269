// Whether a meter is alive: the pill in the corner of its card.

import { h, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";
import { words } from "./words.js";

export class MeterState {
  /** say(text): tells it to a screen reader. */
  constructor(say) {
    this.say = say;
    this.silent = false;
    this.text = h("span", { class: "text" });
    this.element = h("p", { class: "pill", "data-state": "unknown" }, h("span", { class: "dot", "aria-hidden": "true" }), this.text);
  }

  /** A page that hears nothing from the server does not blame the meter. card: its article. */
  show({ newest, heard, silentAfter }, name, connected, card) {
    const age = Date.now() - Date.parse(heard);
    const silent = connected ? age > silentAfter * 1000 : this.silent;
    const state = silent ? "down" : newest.clockWrong ? "warn" : "ok";
    setAttribute(this.element, "data-state", connected ? state : "unknown");
    setText(this.text, !connected ? words("unknown") : silent ? words("stateSilent", { span: format.span(age) }) : words("stateLive"));
    if (silent !== this.silent) this.say(words(silent ? "saidSilent" : "saidBack", { name }));
    this.silent = silent;
    card.classList.toggle("silent", silent || !connected);
  }
}
