/**
 * A recording: one run since its last reset, in one file that needs no server. An `SBR1` container with an index, then
 * records back to back: ticks as viewers got them, events as JSON, thumbnail sheets as image files.
 *
 * The file is downloaded once; ticks are laid on it without a copy, when they are played.
 */

import type { Catalog, Run } from "../api.js";
import { count } from "../model/say.js";
import { type Form, laySections, type Numbers, openContainer, type SectionHeader, type Span } from "./container.js";
import { decodeFrame, decodeHeader, FrameError, type Scalars, type Tick } from "./frames.js";
import type { RunEvent } from "./messages.js";

export const SNAPSHOT = 0;
export const CHANGE = 1;
export const EVENT = 2;
export const SHEET = 3;

/** Gaps longer than this (seconds) are played this long: the run slept, or that part was thinned. */
export const LONGEST_GAP = 2;
/** The same for the time before the first step: the run was there and did not train yet. */
const BEFORE_IT_BEGAN = 0.25;

/** A file that is not a whole recording; the text says what is wrong with it and is fit to show. */
export class RecordingError extends Error {
  override name = "RecordingError";

  constructor(
    message: string,
    /** There is no such file. */
    readonly missing = false,
  ) {
    super(message);
  }
}

export interface RecordedEvent {
  kind: "event";
  epoch: number;
  offset: number;
  event: RunEvent;
}

interface Header {
  format: number;
  run: Run;
  catalog: Catalog;
  created: number;
  body: number;
  seconds: number;
  sections: SectionHeader[];
}

const FORM: Form = { magic: "SBR1", noun: "recording", whole: "file", Failure: RecordingError };
const decoder = new TextDecoder("utf-8", { fatal: true });

export class Recording {
  readonly run: Run;
  readonly catalog: Catalog;
  /** Seconds since 1970 when the file was made. */
  readonly created: number;
  /** Number of records. */
  readonly count: number;
  readonly kind: Uint8Array;
  readonly epoch: Uint32Array;
  readonly step: Uint32Array;
  /** Second of the playing at which each record is due. */
  readonly at: Float64Array;
  /** Seconds it plays. */
  readonly duration: number;
  /** The first record that is no sheet: the first moment. */
  readonly first: number;

  /** Where records begin. */
  private readonly records: number;
  private readonly start: Uint32Array;
  private readonly length: Uint32Array;
  private readonly offset: Uint32Array;
  private readonly scalarsHeld = new Map<number, Scalars>();
  private readonly eventsHeld = new Map<number, RecordedEvent>();

  /** Throws a RecordingError for a torn or foreign file. */
  constructor(private readonly buffer: ArrayBuffer) {
    const file: Span = { buffer, from: 0, end: buffer.byteLength };
    const { header, body } = openContainer(file, FORM);
    if (!isHeader(header)) throw new RecordingError("this recording is of another format: 1 is the one known here");
    this.run = header.run;
    this.catalog = header.catalog;
    this.created = header.created;
    this.records = body + header.body;
    const index = laySections({ ...file, end: this.records }, body, header.sections, FORM);
    const column = <T extends Numbers>(name: string, type: new () => T): T => {
      const data = index.get(`index.${name}`)?.data;
      if (!(data instanceof type)) throw new RecordingError(`the recording's index has no column ${name}`);
      return data;
    };
    this.kind = column("kind", Uint8Array);
    this.epoch = column("epoch", Uint32Array);
    this.step = column("step", Uint32Array);
    this.start = column("start", Uint32Array);
    this.length = column("length", Uint32Array);
    this.offset = column("offset", Uint32Array);
    const time = column("time", Float32Array);
    this.count = this.kind.length;
    for (const { length } of [this.epoch, this.step, this.start, this.length, this.offset, time]) {
      if (length !== this.count) throw new RecordingError("the columns of the recording's index differ in length");
    }
    const moments = this.kind.findIndex((kind) => kind !== SHEET);
    this.first = moments < 0 ? this.count : moments;
    this.check(time);
    this.at = playingTimes(time, this.step, this.snapshotBefore(this.first));
    this.duration = this.at[this.count - 1]!;
  }

  tick(record: number): Tick {
    return decodeFrame(this.span(record));
  }

  /** A tick's scalars, read off its header alone and kept; none where it cannot be read. */
  scalars(record: number): Scalars {
    let held = this.scalarsHeld.get(record);
    if (!held) {
      held = readScalars(this.span(record));
      this.scalarsHeld.set(record, held);
    }
    return held;
  }

  event(record: number): RecordedEvent {
    let held = this.eventsHeld.get(record);
    if (!held) {
      held = readEvent(this.bytes(record));
      this.eventsHeld.set(record, held);
    }
    return held;
  }

  /** A thumbnail sheet as an image file, or null where the recording has none of that page. */
  sheet(page: number): Blob | null {
    for (let record = 0; record < this.first; record += 1) {
      if (this.offset[record] === page) return new Blob([this.bytes(record)]);
    }
    return null;
  }

  /** The last record at or before a second of the playing; at least the first tick. */
  recordAt(seconds: number): number {
    let [low, high] = [this.snapshotBefore(this.first), this.count - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.at[middle]! <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The newest snapshot at or before a record; the first one, for a record before it. */
  snapshotBefore(record: number): number {
    let found = record;
    while (found >= this.first && this.kind[found] !== SNAPSHOT) found -= 1;
    return found >= this.first ? found : this.kind.indexOf(SNAPSHOT, this.first);
  }

  private bytes(record: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.buffer, this.records + this.start[record]!, this.length[record]!);
  }

  private span(record: number): Span {
    const from = this.records + this.start[record]!;
    return { buffer: this.buffer, from, end: from + this.length[record]! };
  }

  private check(time: Float32Array): void {
    let end = this.records;
    for (let record = 0; record < this.count; record += 1) {
      const start = this.start[record]!;
      if (start % 8 !== 0) throw new RecordingError(`record ${record} starts at ${start}, not a multiple of 8`);
      end = Math.max(end, this.records + start + this.length[record]!);
      const known = record < this.first ? this.kind[record] === SHEET : this.kind[record]! < SHEET;
      if (!known) throw new RecordingError(`record ${record} is of the kind ${this.kind[record]}, out of order`);
      if (record > this.first && !(time[record]! >= time[record - 1]!)) {
        throw new RecordingError(`record ${record} is earlier than the one before it`);
      }
    }
    if (end > this.buffer.byteLength) {
      throw new RecordingError(
        `the file ends after ${count(this.buffer.byteLength)} of ${count(end)} bytes, it was cut off on its way`,
      );
    }
    const tick = this.kind.findIndex((kind) => kind === SNAPSHOT || kind === CHANGE);
    if (tick < 0) throw new RecordingError("the recording holds no tick: the run had not begun");
    if (this.kind[tick] !== SNAPSHOT) throw new RecordingError("the recording's first tick is no snapshot");
  }
}

/** Seconds of the playing: as the clock went from the first tick on, without the long waits. */
function playingTimes(time: Float32Array, step: Uint32Array, first: number): Float64Array {
  const at = new Float64Array(time.length);
  let longest = BEFORE_IT_BEGAN;
  for (let record = first + 1; record < time.length; record += 1) {
    if (step[record] !== step[first]) longest = LONGEST_GAP;
    at[record] = at[record - 1]! + Math.min(longest, time[record]! - time[record - 1]!);
  }
  return at;
}

function readScalars(span: Span): Scalars {
  try {
    return decodeHeader(span).scalars;
  } catch (error) {
    if (error instanceof FrameError) return {};
    throw error;
  }
}

function readEvent(bytes: Uint8Array): RecordedEvent {
  try {
    const value = JSON.parse(decoder.decode(bytes));
    if (typeof value.event.type === "string") return value as RecordedEvent;
  } catch {
    // Said below.
  }
  throw new RecordingError("an event of the recording cannot be read");
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Partial<Header>;
  return (
    header.format === 1 &&
    typeof header.run?.config === "object" &&
    typeof header.run.knobs === "object" &&
    Array.isArray(header.catalog?.images) &&
    typeof header.created === "number" &&
    Number.isSafeInteger(header.body) &&
    Array.isArray(header.sections)
  );
}

/**
 * Download a recording. `progress` hears the bytes so far and of all, null where the host does not say. Rejects with a
 * RecordingError for anything that is no recording, with an AbortError when aborted. `again`: a copy of it was broken,
 * so none that the browser kept will do.
 */
export async function fetchRecording(
  url: URL,
  signal: AbortSignal,
  progress: (received: number, total: number | null) => void,
  again = false,
): Promise<Recording> {
  const answer = await fetch(url, { signal, cache: again ? "reload" : "default" }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new RecordingError("its host does not answer");
  });
  if (!answer.ok || !answer.body) {
    throw new RecordingError(`its host answered ${answer.status}`, answer.status === 404 || answer.status === 410);
  }
  // A packed answer says its packed length, which is no measure of what arrives here.
  const said = answer.headers.get("content-encoding") ? null : answer.headers.get("content-length");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new RecordingError(`the connection broke after ${received} bytes`);
    });
    if (done) break;
    parts.push(value);
    received += value.byteLength;
    progress(received, said === null ? null : Number(said));
  }
  const whole = new Uint8Array(received);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.byteLength;
  }
  return new Recording(whole.buffer);
}
