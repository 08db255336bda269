// Writes MicroPython's image to the flash, by esptool-js.

import { sleep } from "./board.js";
import { post } from "./server.js";
import { Trouble } from "./words.js";

const ROM_BAUD = 115200;
const FAST_BAUD = 460800; // esptool-js falls back by itself where that is too fast
const IMAGE_MAX = 16 << 20; // bytes: the largest flash of these boards
// Of an image's header (ESP-IDF, esp_image_header_t)
const MAGIC = 0xe9;
const CHIP_AT = 12;

const silent = { clean() {}, write() {}, writeLine() {} };

/** Erases the flash and writes the file's content; progress gets 0 to 1. */
export async function write(port, file, progress) {
  if (file.size > IMAGE_MAX) throw new Trouble("notAnImage");
  const image = padded(new Uint8Array(await file.arrayBuffer()));
  if (image[0] !== MAGIC || image.length <= CHIP_AT + 1) throw new Trouble("notAnImage");
  const { md5 } = await post("md5", image);
  const { ESPLoader, Transport } = await import("./esptool-js/bundle.js").catch(() => {
    throw new Trouble("noEsptool");
  });
  const transport = new Transport(port);
  try {
    const loader = new ESPLoader({
      transport,
      baudrate: FAST_BAUD,
      romBaudrate: ROM_BAUD,
      terminal: silent,
    });
    await connected(loader);
    const chip = image[CHIP_AT] + 256 * image[CHIP_AT + 1];
    if (chip !== loader.chip.IMAGE_CHIP_ID) {
      throw new Trouble("otherChip", { chip: loader.chip.CHIP_NAME });
    }
    await loader.writeFlash({
      fileArray: [{ data: image, address: loader.chip.BOOTLOADER_FLASH_OFFSET }],
      flashMode: "keep",
      flashFreq: "keep",
      flashSize: "keep",
      eraseAll: true,
      compress: true,
      calculateMD5Hash: () => md5,
      reportProgress: (_, done, all) => progress(done / all),
    });
    await transport.setDTR(false);
    await transport.setRTS(true); // the chip is in reset
    await sleep(100);
    await transport.setRTS(false);
  } finally {
    await transport.disconnect().catch(() => {});
  }
}

async function connected(loader) {
  try {
    await loader.main();
  } catch (why) {
    throw new Trouble("noLoader", { why: why.message });
  }
}

/** In words of four bytes, as the flash is written. */
function padded(image) {
  const whole = new Uint8Array(Math.ceil(image.length / 4) * 4).fill(0xff);
  whole.set(image);
  return whole;
}
