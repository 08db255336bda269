// The power slices of one meter's day: fetched, and today's then updated by live readings.

import { getHistory } from "./api.js";
import { askEnergy, has, total } from "./energy.js";

const WIDTH = 300; // seconds; 288 slices a day
const HOUR = 3600000;
// A day that has just begun would be a sliver: the chart shows the shortest of these that contains
// all of it, and then the whole day. [ms, seconds of a slice]
const WINDOWS = [
  [HOUR, 60],
  [3 * HOUR, 60],
  [6 * HOUR, 120],
];
const FAST = 60; // seconds; a meter that sends less often gets no finer slices, which would show gaps
const STEP_MAX = 100000; // Wh; more than this between two fetches means that the meter was swapped
const QUARTER = 900; // seconds; if a day's readings were deleted, only the roll-ups are left

export class Day {
  /** back: how many days before today. */
  constructor(meter, back = 0) {
    this.meter = meter;
    this.back = back;
    this.slices = [];
    this.first = {};
    this.energy = null; // of its quarter hours, from the server
    this.running = null; // {start, sum, n}: the mean of the current slice
    this.silentAfter = FAST;
    this.totals = {}; // the newest values, by OBIS code
    this.since = {}; // those of the last fetch
    this.bounds();
  }

  bounds() {
    const from = new Date();
    from.setHours(0, 0, 0, 0);
    from.setDate(from.getDate() - this.back);
    const to = new Date(from);
    to.setDate(to.getDate() + 1);
    this.midnight = this.from = from.getTime();
    this.next = this.to = to.getTime();
    this.width = WIDTH;
  }

  /** Whether only a part of the day is shown. */
  get part() {
    return this.from > this.midnight || this.to < this.next;
  }

  async fetch() {
    this.bounds();
    const quarters = askEnergy(this.meter, { from: this.midnight, to: this.next }, "quarter");
    const [whole, energy] = await Promise.all([this.ask(), quarters]);
    this.first = whole.first;
    this.slices = whole.slices;
    this.energy = energy;
    this.since = this.totals;
    if (!this.slices.length) this.fromBars(energy.bars);
    this.running = null;
    const begin = whole.slices[0]?.start;
    const fit = this.back === 0 && WINDOWS.find(([length]) => begin + length > Date.now());
    if (!fit) return;
    const [length, width] = fit;
    this.from = Math.min(begin, this.next - length);
    this.to = this.from + length;
    this.width = this.silentAfter > FAST ? WIDTH : width;
    this.slices = (await this.ask()).slices;
  }

  ask() {
    return getHistory(this.meter, "power", this, { width: this.width });
  }

  /** If the day's readings were deleted: the power of its quarter-hour bars. */
  fromBars(bars) {
    this.width = QUARTER;
    this.slices = bars.filter((bar) => bar.power).map((bar) => ({ start: bar.start, ...bar.power }));
  }

  /** The use of a total since midnight: the server's value, and what arrived after it. */
  used(name, code) {
    const told = this.energy && has(this.energy, name);
    const begin = told ? this.since[code] : this.first[code]?.value; // new data is not rolled up yet
    if (begin === undefined || this.totals[code] === undefined) return told ? total(this.energy)[name] : undefined;
    const more = this.totals[code] - begin;
    return (told ? total(this.energy)[name] : 0) + (more > 0 && more < STEP_MAX ? more : 0);
  }

  /** Takes a live reading: time in ms, power in W; whether it is outside the shown range. */
  add(time, watt) {
    // The first of a day, or one before the shown range: the chart changes then.
    const other = !this.slices.length || (time < this.from && time >= this.midnight);
    if (time < this.from || time >= this.to) return other;
    const width = this.width * 1000;
    const start = this.from + Math.floor((time - this.from) / width) * width;
    let slice = this.slices.find((s) => s.start === start);
    if (!slice) {
      slice = { start, mean: watt, low: watt, high: watt };
      this.slices.push(slice);
      this.slices.sort((a, b) => a.start - b.start);
      this.running = { start, sum: 0, n: 0 };
    } else if (this.running?.start !== start) {
      // The number of readings in the fetched mean is unknown; assume ten.
      this.running = { start, sum: slice.mean * 10, n: 10 };
    }
    this.running.sum += watt;
    this.running.n += 1;
    slice.mean = this.running.sum / this.running.n;
    slice.low = Math.min(slice.low, watt);
    slice.high = Math.max(slice.high, watt);
    return other;
  }
}
