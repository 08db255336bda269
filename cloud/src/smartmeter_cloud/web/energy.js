// Energy of one meter in bars, with the gaps between them; the server computes it from the totals.

import { getHistory } from "./api.js";

const PART = 100 * 86400000; // ms; 2400 hours, and the server gives at most 3000 bars at once

/** {zone, bars, gaps} of [from, to) in ms; by: quarter, hour, day or month. */
export const askEnergy = (meter, range, by) => getHistory(meter, "energy", range, { by });

/** {bars, gaps} of the hours of any period until now. */
export async function askHours(meter, { from, to }) {
  const end = Math.min(to, Date.now());
  const all = { bars: [], gaps: [] };
  for (let start = from; start < end; start += PART) {
    const { bars, gaps } = await askEnergy(meter, { from: start, to: Math.min(end, start + PART) }, "hour");
    all.bars.push(...bars);
    all.gaps.push(...gaps); // each of them is in the part that it ends in
  }
  return all;
}

/** {drawn, fed} in Wh of everything before then, by the middle of each bar: a day may have 25 hours. */
export function total({ bars, gaps }, until = Infinity) {
  const all = [...bars, ...gaps].filter(({ start, end }) => (start + end) / 2 <= until);
  const add = (name) => all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
  return { drawn: add("drawn"), fed: add("fed") };
}

/** Whether there is any value with that name. */
export const has = ({ bars, gaps }, name) => [...bars, ...gaps].some((one) => one[name] !== null);
