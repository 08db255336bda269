// Today's slices of one meter: fetched once, then kept up by the live readings.

const WIDTH = 300; // seconds; 288 slices a day
const FRESH = 300000; // ms; then the server's own means are fetched again

export class Day {
  constructor(meter) {
    this.meter = meter;
    this.slices = [];
    this.first = {};
    this.fetched = 0;
    this.running = null; // {start, sum, n}: the mean of the slice that is going on
    this.bounds();
  }

  bounds() {
    const from = new Date();
    from.setHours(0, 0, 0, 0);
    const to = new Date(from);
    to.setDate(to.getDate() + 1);
    this.from = from.getTime();
    this.to = to.getTime();
    this.width = WIDTH;
  }

  /** Whether it is time to fetch: never done, long ago, or a new day. */
  get stale() {
    return Date.now() - this.fetched > FRESH || Date.now() >= this.to;
  }

  async fetch() {
    this.fetched = Date.now();
    this.bounds();
    const query = new URLSearchParams({
      from: new Date(this.from).toISOString(),
      to: new Date(this.to).toISOString(),
      width: String(WIDTH),
    });
    const answer = await fetch(`v1/meters/${encodeURIComponent(this.meter)}/power?${query}`);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const { slices, first } = await answer.json();
    this.slices = slices;
    this.first = first;
    this.running = null;
  }

  /** Takes a live reading: time in ms, power in W. */
  add(time, watt) {
    if (time < this.from || time >= this.to) return;
    const start = this.from + Math.floor((time - this.from) / (WIDTH * 1000)) * WIDTH * 1000;
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
