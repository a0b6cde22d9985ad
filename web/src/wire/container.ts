/**
 * A magic word, a JSON header and a table of typed arrays: the form that ticks and recordings share.
 *
 *     bytes 0..3     the magic word, four letters
 *     bytes 4..7     length of the header, u32 little endian
 *     then           JSON header, padded with spaces to a multiple of 8
 *     then           sections, each padded to 8 bytes; `start` counts from the first byte after the header
 *
 * Because every section starts on a multiple of 8, a typed array is laid on it without a copy.
 */

export type Dtype = "u8" | "u16" | "u32" | "i32" | "f32";
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;

export interface SectionHeader {
  name: string;
  dtype: Dtype;
  shape: number[];
  start: number;
}

/** A typed view on the bytes it came in; it keeps them all alive, so copy what must outlive them. */
export interface Section {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  data: Numbers;
}

/** What tells one container from another, in bytes and in words. */
export interface Form {
  /** Four letters. */
  magic: string;
  /** "tick": what one of them is called. */
  noun: string;
  /** "message": what it came as. */
  whole: string;
  Failure: new (text: string) => Error;
}

/** Bytes `from` to `end` of a buffer. `from` is a multiple of 8. */
export interface Span {
  buffer: ArrayBuffer;
  from: number;
  end: number;
}

export interface Container {
  header: unknown;
  /** Where sections are counted from. */
  body: number;
}

const PREFIX = 8;
const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array };
const text = new TextDecoder("utf-8", { fatal: true });

/** The header, and where the sections begin. Throws the form's Failure. */
export function openContainer({ buffer, from, end }: Span, { magic, noun, whole, Failure }: Form): Container {
  const size = end - from;
  if (size < PREFIX) throw new Failure(`a ${noun} of ${size} bytes has no header`);
  if (String.fromCharCode(...new Uint8Array(buffer, from, 4)) !== magic) {
    throw new Failure(`this ${whole} is not a ${noun}: it does not begin with ${magic}`);
  }
  const length = new DataView(buffer, from).getUint32(4, true);
  if (length % 8 !== 0) throw new Failure(`the header of ${length} bytes is not padded to a multiple of 8`);
  if (PREFIX + length > size) {
    throw new Failure(`the header says ${length} bytes, the ${whole} has ${size - PREFIX}`);
  }
  try {
    const header: unknown = JSON.parse(text.decode(new Uint8Array(buffer, from + PREFIX, length)));
    return { header, body: from + PREFIX + length };
  } catch {
    throw new Failure(`the header of the ${noun} is not JSON`);
  }
}

/** Lay a typed array on each section. `end` is where the last one must end. */
export function laySections(
  { buffer, end }: Span,
  body: number,
  heads: readonly SectionHeader[],
  { whole, Failure }: Form,
): Map<string, Section> {
  const sections = new Map<string, Section>();
  for (const { name, dtype, shape, start } of heads) {
    const array = ARRAYS[dtype];
    if (array === undefined) throw new Failure(`section ${name} has the unknown type ${dtype}`);
    const count = Array.isArray(shape) ? shape.reduce((product, side) => product * side, 1) : Number.NaN;
    if (!Number.isSafeInteger(count) || count < 0) throw new Failure(`section ${name} has the shape [${shape}]`);
    if (start % 8 !== 0) throw new Failure(`section ${name} starts at ${start}, which is not a multiple of 8`);
    const from = body + start;
    if (start < 0 || from + count * array.BYTES_PER_ELEMENT > end) {
      throw new Failure(`section ${name} of ${count} ${dtype} runs past the end of the ${whole}`);
    }
    sections.set(name, { name, dtype, shape, data: new array(buffer, from, count) });
  }
  return sections;
}
