// How far the adapter has come since its start, from the lines of its console. The tables are
// those of stages.py, which the terminal has as well.

export class Stages {
  #catalog;
  #reached = new Set();
  #began = performance.now();
  #bytesAt = null;

  constructor(catalog) {
    this.#catalog = catalog;
  }

  /** Takes a line; [{hint, questions}] is what to check because of it. */
  hear(line) {
    for (const { name, says } of this.#catalog.stages) {
      if (!says.length || says.some((part) => line.includes(part))) this.#reached.add(name);
    }
    if (this.has("bytes")) this.#bytesAt ??= performance.now();
    return this.#catalog.trouble.filter(({ words }) => line.includes(words));
  }

  /** The last stage needs all others; a line of theirs may be lost while the port was gone. */
  has(name) {
    return this.isDone || this.#reached.has(name);
  }

  get isDone() {
    return this.#reached.has(this.#catalog.stages.at(-1).name);
  }

  /** The first stage that is not reached. */
  get next() {
    return this.#catalog.stages.find(({ name }) => !this.has(name));
  }

  /** What to check because nothing is heard, or null. */
  get silence() {
    const { bytes, frames } = this.#catalog.silence;
    const passed = (since) => (performance.now() - since) / 1000;
    if (this.#bytesAt === null) return passed(this.#began) > bytes.seconds ? bytes.hint : null;
    if (this.has("readings") || passed(this.#bytesAt) < frames.seconds) return null;
    return frames.hint;
  }
}
