// Numbers and times as text, in the page's language.

import { locale } from "./words.js";

function number(value, digits) {
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** The decimals that the meter sent. */
function digitsOf(value) {
  const text = String(value);
  const point = text.indexOf(".");
  return point < 0 ? 0 : Math.min(3, text.length - point - 1);
}

/** A UUID by its first and last characters; the title contains all of it. */
export const shortId = (id) => (id.length > 24 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

/** [number, unit] of a power in W. */
export function power(watt) {
  if (Math.abs(watt) >= 10000) return [number(watt / 1000, 2), "kW"];
  return [number(watt, digitsOf(watt)), "W"];
}

/** The same for an axis: with as few digits as possible. */
export function axisPower(watt, kilo) {
  const value = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(kilo ? watt / 1000 : watt);
  return `${value.replace("-", "−")} ${kilo ? "kW" : "W"}`;
}

/** A total in Wh or varh, as on the meter's display. */
export const total = (value, unit) => `${number(value / 1000, 3)} k${unit}`;

/** An amount of energy in Wh, for comparing. */
export const energy = (wh) => `${number(wh / 1000, 2)} kWh`;

// By the unit on the wire: by what it is divided, and the unit that people use.
const QUANTITIES = { Wh: [1e3, "kWh"], J: [1e9, "GJ"], m3: [1, "m³"], degC: [1, "°C"] };

/** What a sub-meter counted: 1.234 m³, 0.5 GJ. */
export function quantity(value, unit) {
  const [by, shown] = QUANTITIES[unit] ?? [1, unit ?? ""];
  const digits = { maximumFractionDigits: 3 };
  return `${new Intl.NumberFormat(locale, digits).format(value / by)} ${shown}`.trim();
}

/** The same for an axis: with as few digits as possible, in the unit of the largest value. */
export function axisEnergy(wh, most) {
  const [value, unit] = most < 1000 ? [wh, "Wh"] : most < 1e6 ? [wh / 1000, "kWh"] : [wh / 1e6, "MWh"];
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(value)} ${unit}`;
}

/** With the decimals that the meter sent; a mean with the given number. */
export const voltage = (value, digits = Math.max(1, digitsOf(value))) => `${number(value, digits)} V`;
export const current = (value) => `${number(value, Math.max(2, digitsOf(value)))} A`;
/** Apparent power: current times voltage. */
export const apparent = (value) => `${number(value, 0)} VA`;
export const count = (value) => number(value, 0);

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000;
    i += 1;
  }
  return `${number(value, i && value < 100 ? 1 : 0)} ${units[i]}`;
}

export function clock(time) {
  return new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(time);
}

export function hour(time) {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(time);
}

export const weekday = (time) => new Intl.DateTimeFormat(locale, { weekday: "short" }).format(time);

/** A share of 1: "99.4 %". */
export const percent = (share) =>
  new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(share);

/** The time of day, with the date unless it is today. */
export function moment(time) {
  const today = new Date().toDateString() === new Date(time).toDateString();
  return today
    ? clock(time)
    : new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(time);
}

/** A duration: "12 s", "5 min", "3 h", "4 days". */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [value, unit] =
    seconds < 120
      ? [seconds, "second"]
      : seconds < 7200
        ? [Math.round(seconds / 60), "minute"]
        : seconds < 172800
          ? [Math.round(seconds / 3600), "hour"]
          : [Math.round(seconds / 86400), "day"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: unit === "day" ? "long" : "short" }).format(value);
}
