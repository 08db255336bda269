// Today's slices of one meter: fetched once, then kept up by the live readings.

const WIDTH = 300; // seconds; 288 slices a day
const FRESH = 300000; // ms; then the server's own means are fetched again
const HOUR = 3600000;
// A day that has just begun would be a sliver: what is shown is the shortest of these that holds
// all of it, and then the whole day. [ms, seconds of a slice]
const WINDOWS = [
  [HOUR, 60],
  [3 * HOUR, 60],
  [6 * HOUR, 120],
];
const FAST = 60; // seconds; a meter that sends less often gets no finer slices, or it had gaps

export class Day {
  constructor(meter) {
    this.meter = meter;
    this.slices = [];
    this.first = {};
    this.fetched = 0;
    this.running = null; // {start, sum, n}: the mean of the slice that is going on
    this.silentAfter = FAST;
    this.bounds();
  }

  bounds() {
    const from = new Date();
    from.setHours(0, 0, 0, 0);
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

  /** Whether it is time to fetch: never done, long ago, or past what is shown. */
  get stale() {
    return Date.now() - this.fetched > FRESH || Date.now() >= this.to;
  }

  async fetch() {
    this.fetched = Date.now();
    this.bounds();
    const whole = await this.ask();
    this.first = whole.first;
    this.slices = whole.slices;
    this.running = null;
    const begin = whole.slices[0]?.[0];
    const fit = WINDOWS.find(([length]) => begin + length > Date.now());
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

  /** Takes a live reading: time in ms, power in W. */
  add(time, watt) {
    // The first of a day, or one of before what is shown: the picture is another then.
    if (!this.slices.length || (time < this.from && time >= this.midnight)) this.fetched = 0;
    if (time < this.from || time >= this.to) return;
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
  }
}
