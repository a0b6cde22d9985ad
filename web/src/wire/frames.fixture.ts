/** Builds SBT1 messages for tests, by the letter of the format and apart from the decoder. */

import type { Dtype, Numbers, Scalars } from "./frames.js";

export interface FrameParts {
  epoch?: number;
  offset?: number;
  step: number;
  snapshot?: boolean;
  scalars?: Scalars;
  sections?: Record<string, { data: Numbers; shape?: number[] }>;
}

export function dtypeOf(data: Numbers): Dtype {
  if (data instanceof Uint8Array) return "u8";
  if (data instanceof Uint16Array) return "u16";
  if (data instanceof Uint32Array) return "u32";
  return data instanceof Int32Array ? "i32" : "f32";
}

const padded = (length: number) => Math.ceil(length / 8) * 8;

export function encodeFrame(parts: FrameParts): ArrayBuffer {
  const sections = Object.entries(parts.sections ?? {});
  let start = 0;
  const heads = sections.map(([name, { data, shape }]) => {
    const head = { name, dtype: dtypeOf(data), shape: shape ?? [data.length], start };
    start += padded(data.byteLength);
    return head;
  });
  const header = new TextEncoder().encode(
    JSON.stringify({
      run: "r",
      epoch: parts.epoch ?? 1,
      offset: parts.offset ?? parts.step,
      step: parts.step,
      time: 0,
      snapshot: parts.snapshot ?? false,
      scalars: parts.scalars ?? {},
      sections: heads,
    }),
  );
  const body = 8 + padded(header.length);
  const bytes = new Uint8Array(body + start).fill(0x20, 8, body);
  bytes.set([0x53, 0x42, 0x54, 0x31]);
  new DataView(bytes.buffer).setUint32(4, padded(header.length), true);
  bytes.set(header, 8);
  sections.forEach(([, { data }], i) => {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), body + heads[i]!.start);
  });
  return bytes.buffer;
}

/** A small repeatable source of random whole numbers (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
