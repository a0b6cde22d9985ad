/**
 * The binary message of the live wire: one tick.
 *
 *     bytes 0..3     "SBT1"
 *     bytes 4..7     length of the header, u32 little endian
 *     then           JSON header, padded with spaces to a multiple of 8
 *     then           sections, each padded to 8 bytes; `start` counts from the first byte after the header
 *
 * Because every section starts on a multiple of 8, a typed array is laid on it without a copy.
 */

export type Dtype = "u8" | "u16" | "u32" | "i32" | "f32";
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;
export type Scalars = Readonly<Record<string, number | null>>;

export interface SectionHeader {
  name: string;
  dtype: Dtype;
  shape: number[];
  start: number;
}

export interface TickHeader {
  run: string;
  epoch: number;
  offset: number;
  step: number;
  /** Seconds since 1970, on the service's clock. */
  time: number;
  /** True when the dictionary sections hold all of it, false when only the newest writes. */
  snapshot: boolean;
  scalars: Scalars;
  sections: SectionHeader[];
}

/** A typed view on the message; it keeps the whole message alive, so copy what must outlive the tick. */
export interface Section {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  data: Numbers;
}

export interface Tick {
  header: TickHeader;
  scalars: Scalars;
  sections: ReadonlyMap<string, Section>;
}

/** A message that is not a tick this page can read; the text says what is wrong with it. */
export class FrameError extends Error {
  override name = "FrameError";
}

const MAGIC = 0x31544253; // "SBT1" read as a little-endian u32
const PREFIX = 8;
const WIDTH: Record<Dtype, number> = { u8: 1, u16: 2, u32: 4, i32: 4, f32: 4 };
const text = new TextDecoder("utf-8", { fatal: true });

export function decodeFrame(buffer: ArrayBuffer): Tick {
  if (buffer.byteLength < PREFIX) throw new FrameError(`a tick of ${buffer.byteLength} bytes has no header`);
  const prefix = new DataView(buffer);
  if (prefix.getUint32(0, true) !== MAGIC) {
    throw new FrameError("this binary message is not a tick: it does not begin with SBT1");
  }
  const length = prefix.getUint32(4, true);
  const body = PREFIX + length;
  if (body % 8 !== 0) throw new FrameError(`the header of ${length} bytes is not padded to a multiple of 8`);
  if (body > buffer.byteLength) {
    throw new FrameError(`the header says ${length} bytes, the message has ${buffer.byteLength - PREFIX}`);
  }
  const header = readHeader(new Uint8Array(buffer, PREFIX, length));
  const sections = new Map<string, Section>();
  for (const { name, dtype, shape, start } of header.sections) {
    sections.set(name, { name, dtype, shape, data: lay(buffer, body, name, dtype, shape, start) });
  }
  return { header, scalars: header.scalars, sections };
}

/** The section's numbers if the tick has them and they are of that type, else null. */
export function u32(tick: Tick, name: string): Uint32Array | null {
  const data = tick.sections.get(name)?.data;
  return data instanceof Uint32Array ? data : null;
}

export function f32(tick: Tick, name: string): Float32Array | null {
  const data = tick.sections.get(name)?.data;
  return data instanceof Float32Array ? data : null;
}

export function u8(tick: Tick, name: string): Uint8Array | null {
  const data = tick.sections.get(name)?.data;
  return data instanceof Uint8Array ? data : null;
}

function readHeader(bytes: Uint8Array): TickHeader {
  let value: unknown;
  try {
    value = JSON.parse(text.decode(bytes));
  } catch {
    throw new FrameError("the header of the tick is not JSON");
  }
  if (!isHeader(value)) throw new FrameError("the header of the tick lacks step, scalars or sections");
  return { ...value, snapshot: value.snapshot === true };
}

function isHeader(value: unknown): value is TickHeader {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Partial<TickHeader>;
  return (
    typeof header.step === "number" &&
    typeof header.epoch === "number" &&
    typeof header.offset === "number" &&
    typeof header.scalars === "object" &&
    header.scalars !== null &&
    Array.isArray(header.sections)
  );
}

function lay(buffer: ArrayBuffer, body: number, name: string, dtype: Dtype, shape: number[], start: number): Numbers {
  const width = WIDTH[dtype];
  if (width === undefined) throw new FrameError(`section ${name} has the unknown type ${dtype}`);
  const count = shape.reduce((product, side) => product * side, 1);
  if (!Number.isSafeInteger(count) || count < 0) throw new FrameError(`section ${name} has the shape [${shape}]`);
  if (start % 8 !== 0) throw new FrameError(`section ${name} starts at ${start}, which is not a multiple of 8`);
  const from = body + start;
  if (start < 0 || from + count * width > buffer.byteLength) {
    throw new FrameError(`section ${name} of ${count} ${dtype} runs past the end of the message`);
  }
  switch (dtype) {
    case "u8":
      return new Uint8Array(buffer, from, count);
    case "u16":
      return new Uint16Array(buffer, from, count);
    case "u32":
      return new Uint32Array(buffer, from, count);
    case "i32":
      return new Int32Array(buffer, from, count);
    case "f32":
      return new Float32Array(buffer, from, count);
  }
}
