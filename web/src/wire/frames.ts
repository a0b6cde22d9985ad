/**
 * The binary message of the live wire: one tick, an `SBT1` container. A recording holds the same bytes.
 */

import { type Form, laySections, openContainer, type Section, type SectionHeader, type Span } from "./container.js";

export type { Dtype, Numbers, Section, SectionHeader } from "./container.js";

export type Scalars = Readonly<Record<string, number | null>>;

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

export interface Tick {
  header: TickHeader;
  scalars: Scalars;
  sections: ReadonlyMap<string, Section>;
}

/** A message that is not a tick this page can read; the text says what is wrong with it. */
export class FrameError extends Error {
  override name = "FrameError";
}

const FORM: Form = { magic: "SBT1", noun: "tick", whole: "message", Failure: FrameError };

const all = (buffer: ArrayBuffer): Span => ({ buffer, from: 0, end: buffer.byteLength });

/** The tick on a whole message, or on a part of a larger buffer. */
export function decodeFrame(bytes: ArrayBuffer | Span): Tick {
  const span = bytes instanceof ArrayBuffer ? all(bytes) : bytes;
  const { header, body } = open(span);
  return { header, scalars: header.scalars, sections: laySections(span, body, header.sections, FORM) };
}

/** Only the header of a tick: its scalars, without a look at its arrays. */
export function decodeHeader(span: Span): TickHeader {
  return open(span).header;
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

function open(span: Span): { header: TickHeader; body: number } {
  const { header, body } = openContainer(span, FORM);
  if (!isHeader(header)) throw new FrameError("the header of the tick lacks step, scalars or sections");
  return { header: { ...header, snapshot: header.snapshot === true }, body };
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
