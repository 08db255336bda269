// A board on a serial port: the raw REPL of MicroPython (docs: reference/repl.html), its console.

import { Trouble } from "./words.js";

const BAUD = 115200;
const BANNER = "raw REPL; CTRL-B to exit\r\n";
const ANSWER_MS = 3000;
const SCRIPT_MS = 30000;
const TRIES = 3;
const REOPEN_MS = 10000; // USB of the chip itself is gone for a moment at a reset
const HEARD_MAX = 1 << 20; // characters kept; the oldest go first
const PIECE = 256; // bytes at a time

const ESPRESSIF = 0x303a;
const USB_JTAG = 0x1001;

const bytes = (text) => new TextEncoder().encode(text);
// What is heard is kept as one character for each byte, so that it can be searched.
const text = (heard) => new TextDecoder().decode(Uint8Array.from(heard, (c) => c.charCodeAt(0)));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Board {
  #port;
  #heard = "";
  #reader = null;
  #pump = Promise.resolve();
  #wake = () => {};
  #isClosing = false;
  #isLost = true;

  constructor(port) {
    this.#port = port;
  }

  get port() {
    return this.#port;
  }

  async open() {
    try {
      await this.#port.open({ baudRate: BAUD, bufferSize: 16384 });
    } catch (why) {
      throw new Trouble("notOpened", { why: why.message });
    }
    // With a reset circuit these lines hold the chip in reset, so they stay off. A chip that is
    // itself the USB device (TinyUSB) sends nothing until the host is "ready".
    const { usbVendorId, usbProductId } = this.#port.getInfo();
    const ready = usbVendorId === ESPRESSIF && usbProductId !== USB_JTAG;
    await this.#port.setSignals({ dataTerminalReady: ready, requestToSend: false });
    [this.#isClosing, this.#isLost, this.#heard] = [false, false, ""];
    this.#pump = this.#listen();
  }

  async close() {
    this.#isClosing = true;
    await this.#reader?.cancel().catch(() => {});
    await this.#pump;
    await this.#port.close().catch(() => {}); // a board that is gone has closed it
  }

  /** Opens the port again; it may be away for a moment. */
  async reopen() {
    const until = performance.now() + REOPEN_MS;
    for (;;) {
      await this.close();
      try {
        await this.open();
        return;
      } catch (why) {
        if (performance.now() > until) throw why;
        await sleep(200);
      }
    }
  }

  /** Interrupts what runs, and waits for the raw REPL of an empty heap. */
  async enter(most = TRIES) {
    for (let tries = most; ; tries -= 1) {
      try {
        await this.#write(bytes("\r\x03"));
        await sleep(300);
        this.#heard = "";
        await this.#write(bytes("\r\x01"));
        await this.#until(`${BANNER}>`, ANSWER_MS);
        await this.#write(bytes("\x04"));
        await this.#until("soft reboot\r\n", ANSWER_MS);
        await this.#until(BANNER, ANSWER_MS);
        return;
      } catch (why) {
        if (tries === 1 || why.key !== "silent") throw why;
      }
    }
  }

  /** The output of a script. Raw paste mode, which stops us where the board is slower. */
  async run(script) {
    await this.#until(">", ANSWER_MS);
    await this.#write(bytes("\x05A\x01"));
    if ((await this.#exactly(2)) !== "R\x01") throw new Trouble("oldMicroPython");
    const [low, high] = await this.#exactly(2);
    const window = low.charCodeAt(0) + 256 * high.charCodeAt(0);
    let left = window;
    const source = bytes(script);
    for (let at = 0; at < source.length; ) {
      while (left === 0 || this.#heard) {
        const sign = await this.#exactly(1);
        if (sign !== "\x01") throw new Trouble("interrupted");
        left += window;
      }
      const piece = source.subarray(at, at + Math.min(left, PIECE));
      await this.#write(piece);
      at += piece.length;
      left -= piece.length;
    }
    await this.#write(bytes("\x04"));
    await this.#until("\x04", ANSWER_MS);
    const said = text(await this.#until("\x04", SCRIPT_MS));
    const failed = text(await this.#until("\x04", ANSWER_MS)).trim();
    if (failed) throw new Trouble("scriptFailed", { why: failed.split("\n").at(-1).trim() });
    return said;
  }

  /** Runs a script that never answers, because it resets the board. */
  async start(script) {
    await this.#until(">", ANSWER_MS);
    await this.#write(bytes(`${script}\x04`));
  }

  /** The next line of the console, or null if there is none within that time. */
  async line(ms) {
    try {
      return text(await this.#until("\n", ms)).trim();
    } catch (why) {
      if (why.key === "silent") return null;
      if (why.key !== "lost") throw why;
      await this.reopen();
      return null;
    }
  }

  async #listen() {
    while (this.#port.readable && !this.#isClosing) {
      this.#reader = this.#port.readable.getReader();
      try {
        for (;;) {
          const { value, done } = await this.#reader.read();
          if (done) break;
          this.#heard += Array.from(value, (b) => String.fromCharCode(b)).join("");
          this.#heard = this.#heard.slice(-HEARD_MAX);
          this.#wake();
        }
        break;
      } catch {
        // noise on the line: the port has a new stream; gone: it has none
      } finally {
        this.#reader.releaseLock();
        this.#reader = null;
      }
    }
    this.#isLost = true;
    this.#wake();
  }

  async #write(data) {
    const writer = this.#port.writable?.getWriter();
    if (!writer) throw new Trouble("lost");
    try {
      await writer.write(data);
    } catch {
      throw new Trouble("lost");
    } finally {
      writer.releaseLock();
    }
  }

  /** What is heard before mark; both are then used up. */
  async #until(mark, ms) {
    const until = performance.now() + ms;
    let at;
    while ((at = this.#heard.indexOf(mark)) < 0) await this.#more(until);
    const said = this.#heard.slice(0, at);
    this.#heard = this.#heard.slice(at + mark.length);
    return said;
  }

  async #exactly(count) {
    const until = performance.now() + ANSWER_MS;
    while (this.#heard.length < count) await this.#more(until);
    const said = this.#heard.slice(0, count);
    this.#heard = this.#heard.slice(count);
    return said;
  }

  #more(until) {
    if (this.#isLost) return Promise.reject(new Trouble("lost"));
    return new Promise((resolve, reject) => {
      const left = Math.max(0, until - performance.now());
      const timer = setTimeout(() => reject(new Trouble("silent")), left);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
