import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DictionaryModel } from "../model/dictionary.js";
import { marksOf } from "../model/marks.js";
import { RecordedPart } from "../model/recorded-part.js";
import { encodeRecording, type RecordParts } from "./frames.fixture.js";
import { u32 } from "./frames.js";
import { CHANGE, EVENT, fetchRecording, Recording, RecordingError, SHEET, SNAPSHOT } from "./recording.js";

const sheet = (page: number) => ({ page, sheet: Uint8Array.of(page, 1, 2) });
const tick = (time: number, step: number, snapshot = false): RecordParts => ({
  time,
  tick: { step, snapshot, scalars: { loss: step / 10 }, sections: { "dict.image": { data: Uint32Array.of(step, 7) } } },
});
const knobs = (time: number, change: object): RecordParts => ({
  time,
  offset: 0,
  event: { type: "knobs", step: 3, knobs: change },
});
const records = [sheet(0), sheet(4), tick(0, 1, true), knobs(1, { momentum: 0.5 }), tick(1.5, 3), tick(2, 4, true)];

describe("a recording", () => {
  it("comes out as it went in", async () => {
    const recording = new Recording(encodeRecording(records));
    expect(recording.count).toBe(6);
    expect(recording.first).toBe(2);
    expect([...recording.step]).toEqual([0, 0, 1, 3, 3, 4]);
    expect(recording.tick(5).header).toMatchObject({ step: 4, snapshot: true });
    expect([...u32(recording.tick(4), "dict.image")!]).toEqual([3, 7]);
    expect(recording.scalars(4)).toEqual({ loss: 0.3 });
    expect(recording.event(3).event).toMatchObject({ type: "knobs", knobs: { momentum: 0.5 } });
    expect([...(await recording.sheet(4)!.bytes())]).toEqual([4, 1, 2]);
    expect(recording.sheet(1)).toBeNull();
  });

  it("lays its arrays on the downloaded bytes without a copy", () => {
    const file = encodeRecording(records);
    const recording = new Recording(file);
    expect(recording.kind.buffer).toBe(file);
    expect(u32(recording.tick(4), "dict.image")!.buffer).toBe(file);
  });

  it("plays long waits in two seconds and finds its way by time", () => {
    const recording = new Recording(
      encodeRecording([tick(0, 1, true), tick(1, 2), tick(901, 3, true), tick(902, 4), tick(902.5, 5)]),
    );
    expect([...recording.at]).toEqual([0, 1, 3, 4, 4.5]);
    expect(recording.duration).toBe(4.5);
    expect([-1, 0, 0.99, 1, 2.9, 3, 4.2, 99].map((second) => recording.recordAt(second))).toEqual([
      0, 0, 0, 1, 1, 2, 3, 4,
    ]);
    expect([0, 1, 2, 4].map((record) => recording.snapshotBefore(record))).toEqual([0, 0, 2, 2]);
  });

  it("does not wait for a run that had not begun", () => {
    const ticks = [tick(0, 0, true), tick(5, 0), tick(9, 0), tick(10, 1), tick(15, 1)];
    expect([...new Recording(encodeRecording(ticks)).at]).toEqual([0, 0.25, 0.5, 1.5, 3.5]);
  });

  it("begins at its first tick, also where an event comes before it", () => {
    const recording = new Recording(encodeRecording([knobs(0, { momentum: 0.5 }), tick(1, 1, true), tick(2, 2)]));
    expect([...recording.at]).toEqual([0, 0, 1]);
    expect(recording.recordAt(0)).toBe(1);
    expect(recording.snapshotBefore(0)).toBe(1);
  });
});

describe("the file that the server's tests wrote", () => {
  const golden = readFileSync(new URL("../../../tests/contract/recording.sbr", import.meta.url));
  const recording = new Recording(new Uint8Array(golden).buffer);

  it("is read to the last number", () => {
    expect([...recording.kind]).toEqual([SHEET, SNAPSHOT, CHANGE, EVENT, CHANGE]);
    expect([...recording.at]).toEqual([0, 0, 0.5, 0.75, 1]);
    expect([...recording.step]).toEqual([0, 1, 2, 2, 3]);
    expect(recording.run).toMatchObject({ id: "r0123456789ab", method: "moco", knobs: { momentum: 0.5 } });
    expect(recording.catalog.images[0]).toMatchObject({ name: "sushi", atlas_columns: 64 });
    const ticks = [1, 2, 4].map((record) => recording.tick(record));
    expect(ticks.map(({ header }) => header.snapshot)).toEqual([true, false, false]);
    expect([...u32(ticks[2]!, "dict.step")!]).toEqual([2, 2, 2, 2, 3, 3, 3, 3]);
    expect(recording.scalars(4)).toMatchObject({ momentum: 0.5, dict_written: 12 });
    expect(marksOf(recording)).toEqual([{ at: 0.75, step: 2, text: "Momentum 0.5" }]);
  });

  it("holds a sheet that is an image file", async () => {
    const bytes = await recording.sheet(0)!.bytes();
    expect(new TextDecoder().decode(bytes.slice(8, 12))).toBe("WEBP");
  });

  it("fills a dictionary without a gap", () => {
    const dictionary = new DictionaryModel("queue");
    expect([1, 2, 4].map((record) => dictionary.apply(recording.tick(record)))).toEqual(Array(3).fill("applied"));
    expect(dictionary).toMatchObject({ written: 12, fill: 8 });
  });
});

describe("the marks of a recording", () => {
  const catalog = { images: [], settings: { momentum: { title: "Momentum" }, jitter: { title: "Colour jitter" } } };

  it("are its knob changes and evaluations; a drag is one", () => {
    const file = encodeRecording(
      [
        tick(0, 1, true),
        knobs(1, { momentum: 0.9 }),
        knobs(1.1, { momentum: 0.7 }),
        knobs(1.2, { momentum: 0.5 }),
        knobs(20, { jitter: false }),
        { time: 21, offset: 0, event: { type: "state", step: 1, state: "paused" } },
        { time: 22, offset: 0, event: { type: "evaluation", step: 9, knn_backbone: 0.5 } },
        ...Array.from({ length: 30 }, (_, i) => tick(23 + i, 10 + i)),
      ],
      { catalog },
    );
    expect(marksOf(new Recording(file)).map(({ text }) => text)).toEqual([
      "Momentum 0.5",
      "Colour jitter off",
      "Evaluated: kNN 50 %",
    ]);
  });
});

describe("a file that is no whole recording is refused with the reason", () => {
  const swapped = [tick(0, 1, true), tick(2, 3), tick(1, 2)];
  const foreign = () => {
    const file = encodeRecording(records);
    new Uint8Array(file).set([0x3c, 0x21]);
    return file;
  };
  const bent = (name: string, record: number, value: number) => () => {
    const file = encodeRecording(records);
    const text = new TextDecoder("latin1").decode(file);
    const body = 8 + new DataView(file).getUint32(4, true);
    const head = JSON.parse(text.slice(8, body)).sections.find((one: { name: string }) => one.name === name);
    if (head.dtype === "u8") new DataView(file).setUint8(body + head.start + record, value);
    else new DataView(file).setUint32(body + head.start + 4 * record, value, true);
    return file;
  };

  it.each<[string, () => ArrayBuffer, RegExp]>([
    ["nothing", () => new ArrayBuffer(0), /0 bytes has no header/],
    ["a web page", foreign, /does not begin with SBR1/],
    ["a torn end", () => encodeRecording(records).slice(0, -16), /ends after [\d,]+ of [\d,]+ bytes, it was cut off/],
    ["a torn head", () => encodeRecording(records).slice(0, 100), /header says/],
    ["a torn index", () => encodeRecording(records, { body: 16 }), /runs past the end/],
    ["another format", () => encodeRecording(records, { format: 2 }), /another format/],
    ["no run", () => encodeRecording(records, { run: null }), /another format/],
    ["no tick", () => encodeRecording([sheet(0)]), /holds no tick/],
    ["a change first", () => encodeRecording([tick(0, 1), tick(1, 2, true)]), /first tick is no snapshot/],
    ["time running back", () => encodeRecording(swapped), /earlier than the one before/],
    ["a sheet among ticks", () => encodeRecording([tick(0, 1, true), sheet(0)]), /out of order/],
    ["an unknown kind", bent("index.kind", 3, 9), /of the kind 9/],
    ["a record off the grid", bent("index.start", 4, 12), /starts at 12/],
    ["a record past the end", bent("index.length", 5, 100_000), /cut off/],
  ])("%s", (_name, file, reason) => {
    expect(() => new Recording(file())).toThrow(RecordingError);
    expect(() => new Recording(file())).toThrow(reason);
  });
});

describe("a download", () => {
  const file = () => new Uint8Array(encodeRecording(records));
  const answering = (answer: () => Response | Promise<Response>) => {
    globalThis.fetch = async () => answer();
  };
  const get = (signal = new AbortController().signal, heard: unknown[] = []) =>
    fetchRecording(new URL("http://host/belt.sbr"), signal, (...said) => heard.push(said));

  it("says how far it is", async () => {
    const whole = file();
    answering(() => new Response(whole, { headers: { "content-length": String(whole.length) } }));
    const heard: unknown[] = [];
    expect((await get(undefined, heard)).count).toBe(6);
    expect(heard.at(-1)).toEqual([whole.length, whole.length]);
  });

  it("tells a missing file from one that cannot be had", async () => {
    answering(() => new Response("", { status: 404 }));
    await expect(get()).rejects.toMatchObject({ name: "RecordingError", missing: true });
    answering(() => new Response("", { status: 500 }));
    await expect(get()).rejects.toMatchObject({ missing: false, message: "its host answered 500" });
    answering(() => Promise.reject(new TypeError("network")));
    await expect(get()).rejects.toThrow("does not answer");
  });

  it("after a broken copy wants none that the browser kept", async () => {
    const asked: (RequestCache | undefined)[] = [];
    globalThis.fetch = async (_url, how) => {
      asked.push(how?.cache);
      return new Response(asked.length === 1 ? file().slice(0, -10) : file());
    };
    const part = new RecordedPart(
      new URL("http://host/belt.sbr"),
      () => ({ sections: [], rate: 0 }),
      () => true,
    );
    await part.load();
    expect(part.state).toBe("broken");
    await part.load();
    expect(part.state).toBe("ready");
    expect(asked).toEqual(["default", "reload"]);
    part.close();
  });

  it("can be given up", async () => {
    const stop = new AbortController();
    answering(() => new Response(new ReadableStream({ pull: () => stop.abort() }, { highWaterMark: 0 })));
    stop.signal.throwIfAborted();
    answering(() => {
      stop.abort();
      throw stop.signal.reason;
    });
    await expect(get(stop.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});
