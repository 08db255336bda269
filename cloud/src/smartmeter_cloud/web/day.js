// One day's slices of power of one meter: fetched, and today's then kept up by the live readings.

import { askEnergy, has, total } from "./energy.js";

const WIDTH = 300; // seconds; 288 slices a day
const HOUR = 3600000;
// A day that has just begun would be a sliver: what is shown is the shortest of these that holds
// all of it, and then the whole day. [ms, seconds of a slice]
const WINDOWS = [
  [HOUR, 60],
  [3 * HOUR, 60],
  [6 * HOUR, 120],
];
const FAST = 60; // seconds; a meter that sends less often gets no finer slices, or it had gaps
const STEP_MAX = 100000; // Wh; what comes between two fetches is less, or the meter was swapped
const QUARTER = 900; // seconds; of a day whose readings are deleted the roll-ups are left

export class Day {
  /** back: how many days before today. */
  constructor(meter, back = 0) {
    this.meter = meter;
    this.back = back;
    this.slices = [];
    this.first = {};
    this.energy = null; // of its quarters of an hour, as the server tells it
    this.running = null; // {start, sum, n}: the mean of the slice that is going on
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

  /** Whether it is not the whole day that is shown. */
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
    const begin = whole.slices[0]?.[0];
    const fit = this.back === 0 && WINDOWS.find(([length]) => begin + length > Date.now());
    if (!fit) return;
    const [length, width] = fit;
    this.from = Math.min(begin, this.next - length);
    this.to = this.from + length;
    this.width = this.silentAfter > FAST ? WIDTH : width;
    this.slices = (await this.ask()).slices;
  }

  async ask() {
    const query = new URLSearchParams({
      from: new Date(this.from).toISOString(),
      to: new Date(this.to).toISOString(),
      width: String(this.width),
    });
    const answer = await fetch(`v1/meters/${encodeURIComponent(this.meter)}/power?${query}`);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return answer.json();
  }

  /** Where no reading of the day is kept any more: what its bars of a quarter know of the power. */
  fromBars(bars) {
    this.width = QUARTER;
    this.slices = bars.filter((bar) => bar.power).map((bar) => [bar.start, ...bar.power]);
  }

  /** What has been used of a total since midnight: what the server told, and what came after it. */
  used(name, code) {
    const told = this.energy && has(this.energy, name);
    const begin = told ? this.since[code] : this.first[code]?.value; // what is new is not rolled up yet
    if (begin === undefined || this.totals[code] === undefined) return told ? total(this.energy)[name] : undefined;
    const more = this.totals[code] - begin;
    return (told ? total(this.energy)[name] : 0) + (more > 0 && more < STEP_MAX ? more : 0);
  }

  /** Takes a live reading: time in ms, power in W; whether it does not belong to what is shown. */
  add(time, watt) {
    // The first of a day, or one of before what is shown: the picture is another then.
    const other = !this.slices.length || (time < this.from && time >= this.midnight);
    if (time < this.from || time >= this.to) return other;
    const width = this.width * 1000;
    const start = this.from + Math.floor((time - this.from) / width) * width;
    let slice = this.slices.find((s) => s[0] === start);
    if (!slice) {
      slice = [start, watt, watt, watt];
      this.slices.push(slice);
      this.slices.sort((a, b) => a[0] - b[0]);
      this.running = { start, sum: 0, n: 0 };
    } else if (this.running?.start !== start) {
      // How many readings the fetched mean is of is not known: as if it were of ten.
      this.running = { start, sum: slice[1] * 10, n: 10 };
    }
    this.running.sum += watt;
    this.running.n += 1;
    slice[1] = this.running.sum / this.running.n;
    slice[2] = Math.min(slice[2], watt);
    slice[3] = Math.max(slice[3], watt);
    return other;
  }
}
