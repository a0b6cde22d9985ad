/** Builds SBT1 messages and SBR1 files for tests, by the letter of the formats and apart from the decoders. */

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

interface Sections {
  [name: string]: { data: Numbers; shape?: number[] };
}

/** Magic word, header and sections; `fields` of the header is told how long the sections are. */
function encodeContainer(magic: string, parts: Sections, fields: (length: number) => object): Uint8Array<ArrayBuffer> {
  const sections = Object.entries(parts);
  let start = 0;
  const heads = sections.map(([name, { data, shape }]) => {
    const head = { name, dtype: dtypeOf(data), shape: shape ?? [data.length], start };
    start += padded(data.byteLength);
    return head;
  });
  const header = new TextEncoder().encode(JSON.stringify({ ...fields(start), sections: heads }));
  const body = 8 + padded(header.length);
  const bytes = new Uint8Array(body + start).fill(0x20, 8, body);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setUint32(4, padded(header.length), true);
  bytes.set(header, 8);
  sections.forEach(([, { data }], i) => {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), body + heads[i]!.start);
  });
  return bytes;
}

export function encodeFrame(parts: FrameParts): ArrayBuffer {
  return encodeContainer("SBT1", parts.sections ?? {}, () => ({
    run: "r",
    epoch: parts.epoch ?? 1,
    offset: parts.offset ?? parts.step,
    step: parts.step,
    time: 0,
    snapshot: parts.snapshot ?? false,
    scalars: parts.scalars ?? {},
  })).buffer;
}

/** One record: a tick, an event, or a sheet (its bytes and page). `time` in seconds. */
export type RecordParts =
  | { time: number; tick: FrameParts }
  | { time: number; epoch?: number; offset: number; event: { type: string; step: number; [detail: string]: unknown } }
  | { page: number; sheet: Uint8Array };

export function encodeRecording(records: readonly RecordParts[], header: object = {}): ArrayBuffer {
  const rows = records.map((record) => {
    if ("sheet" in record) return { row: [3, 0, 0, record.page, 0], bytes: record.sheet };
    if ("tick" in record) {
      const { epoch = 1, step, offset = step, snapshot } = record.tick;
      return {
        row: [snapshot ? 0 : 1, record.time, epoch, offset, step],
        bytes: new Uint8Array(encodeFrame(record.tick)),
      };
    }
    const { time, epoch = 1, offset, event } = record;
    const text = JSON.stringify({ kind: "event", epoch, offset, event });
    return { row: [2, time, epoch, offset, event.step], bytes: new TextEncoder().encode(text) };
  });
  let end = 0;
  const starts = rows.map(({ bytes }) => {
    const start = end;
    end += padded(bytes.length);
    return start;
  });
  const column = (place: number) => rows.map(({ row }) => row[place]!);
  const index: Sections = {
    "index.kind": { data: Uint8Array.from(column(0)) },
    "index.time": { data: Float32Array.from(column(1)) },
    "index.epoch": { data: Uint32Array.from(column(2)) },
    "index.offset": { data: Uint32Array.from(column(3)) },
    "index.step": { data: Uint32Array.from(column(4)) },
    "index.start": { data: Uint32Array.from(starts) },
    "index.length": { data: Uint32Array.from(rows, ({ bytes }) => bytes.length) },
  };
  const run = { id: "r", method: "moco", state: "running", step: 0, epoch: 1, knobs: {}, config: {} };
  const head = encodeContainer("SBR1", index, (body) => ({
    format: 1,
    run,
    catalog: { images: [], settings: {} },
    created: 0,
    body,
    seconds: 0,
    ...header,
  }));
  const file = new Uint8Array(head.length + end);
  file.set(head);
  rows.forEach(({ bytes }, i) => {
    file.set(bytes, head.length + starts[i]!);
  });
  return file.buffer;
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
