// Days, weeks, months and years as [from, to) in ms, in the browser's time zone.

import { hour, weekday } from "./format.js";
import { locale } from "./words.js";

const MARKS = [10, 15, 30, 60, 180, 360, 720]; // minutes between two marks of a time axis

export const VIEWS = {
  day: { by: "quarter", step: (d, n) => d.setDate(d.getDate() + n) },
  week: { by: "day", step: (d, n) => d.setDate(d.getDate() + 7 * n) },
  month: { by: "day", step: (d, n) => d.setMonth(d.getMonth() + n) },
  year: { by: "month", step: (d, n) => d.setFullYear(d.getFullYear() + n) },
};

/** The period of a view around `at`, moved by n periods. */
export function period(view, at, n = 0) {
  const from = new Date(at);
  from.setHours(0, 0, 0, 0);
  if (view === "week") from.setDate(from.getDate() - ((from.getDay() + 6) % 7));
  if (view === "month") from.setDate(1);
  if (view === "year") from.setMonth(0, 1);
  VIEWS[view].step(from, n);
  const to = new Date(from);
  VIEWS[view].step(to, 1);
  return { from: from.getTime(), to: to.getTime() };
}

const text = (time, options) => new Intl.DateTimeFormat(locale, options).format(time);

export function title(view, { from, to }) {
  if (view === "day") return text(from, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  if (view === "week") {
    const last = new Date(to);
    last.setDate(last.getDate() - 1);
    return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).formatRange(from, last);
  }
  if (view === "month") return text(from, { month: "long", year: "numeric" });
  return text(from, { year: "numeric" });
}

/** The name of a bar, in short below the axis and in full. */
export function barName(view, start, end, full = false) {
  if (view === "day") {
    const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    return full ? `${text(start, hour)} – ${text(end, hour)}` : text(start, hour);
  }
  if (view === "year") return text(start, { month: full ? "long" : "narrow" });
  if (full) return text(start, { weekday: "long", day: "numeric", month: "long" });
  return view === "week" ? text(start, { weekday: "short" }) : text(start, { day: "numeric" });
}

/** The [start, end) of every bar of a period, with or without readings. */
export function places(view, { from, to }) {
  const out = [];
  const at = new Date(from);
  while (at.getTime() < to) {
    const start = at.getTime();
    if (view === "day") at.setTime(start + 900000);
    else if (view === "year") at.setMonth(at.getMonth() + 1);
    else at.setDate(at.getDate() + 1);
    out.push([start, at.getTime()]);
  }
  return out;
}

/** [[time, text]] of round times from one time to another of the same day, at most that many steps. */
export function marks(from, to, most) {
  const every = MARKS.find((minutes) => (to - from) / 60000 / minutes <= most) ?? MARKS.at(-1);
  const out = [];
  const mark = new Date(from);
  for (let minutes = 0; minutes <= 1440; minutes += every) {
    mark.setTime(from);
    mark.setHours(0, minutes, 0, 0);
    if (mark >= from && mark <= to) out.push([mark.getTime(), minutes === 1440 ? "24:00" : hour(mark)]);
  }
  return out;
}

/** The same of days, each named in its middle. */
export const dayMarks = (from, to) =>
  places("week", { from, to }).map(([start, end]) => [(start + end) / 2, weekday(start)]);
