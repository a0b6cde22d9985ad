import { describe, expect, it } from "vitest";
import { encodeFrame } from "./frames.fixture.js";
import { decodeFrame, FrameError, f32, u8, u32 } from "./frames.js";

const buffer = () =>
  encodeFrame({
    step: 12,
    snapshot: true,
    scalars: { loss: 1.5, consistency: null },
    sections: {
      "dict.image": { data: Uint32Array.of(7, 8, 4_000_000_000) },
      odd: { data: Uint8Array.of(1, 2, 3) },
      "curve.drift": { data: Float32Array.of(0.5, -1) },
      views: { data: new Uint8Array(2 * 3), shape: [1, 2, 3] },
    },
  });

describe("a tick", () => {
  it("comes out as it went in", () => {
    const tick = decodeFrame(buffer());
    expect(tick.header.step).toBe(12);
    expect(tick.header.snapshot).toBe(true);
    expect(tick.scalars).toEqual({ loss: 1.5, consistency: null });
    expect([...u32(tick, "dict.image")!]).toEqual([7, 8, 4_000_000_000]);
    expect([...u8(tick, "odd")!]).toEqual([1, 2, 3]);
    expect([...f32(tick, "curve.drift")!]).toEqual([0.5, -1]);
    expect(tick.sections.get("views")!.shape).toEqual([1, 2, 3]);
  });

  it("is laid on the message without a copy", () => {
    const message = buffer();
    const tick = decodeFrame(message);
    for (const { data } of tick.sections.values()) {
      expect(data.buffer).toBe(message);
      expect(data.byteOffset % 8).toBe(0);
    }
  });

  it("gives null for a section that is missing or of another type", () => {
    const tick = decodeFrame(buffer());
    expect(u32(tick, "probe.age")).toBeNull();
    expect(u32(tick, "odd")).toBeNull();
  });

  it("may carry nothing but scalars", () => {
    expect(decodeFrame(encodeFrame({ step: 1 })).sections.size).toBe(0);
  });
});

describe("a message that is no tick is refused with the reason", () => {
  const broken = (change: (view: DataView, bytes: Uint8Array) => void) => {
    const message = buffer();
    change(new DataView(message), new Uint8Array(message));
    return () => decodeFrame(message);
  };

  it.each<[string, () => unknown, RegExp]>([
    ["too short", () => decodeFrame(new ArrayBuffer(4)), /4 bytes has no header/],
    ["another format", broken((view) => view.setUint8(0, 0)), /does not begin with SBT1/],
    ["a header past the end", broken((view) => view.setUint32(4, 80_000, true)), /header says 80000 bytes/],
    ["a header that is not padded", broken((view) => view.setUint32(4, 13, true)), /not padded/],
    ["a header that is not JSON", broken((_, bytes) => bytes.fill(0x7b, 8, 12)), /not JSON/],
    ["a header without fields", () => decodeFrame(rawHeader({ step: 1 })), /lacks step, scalars or sections/],
    ["an unknown type", () => decodeFrame(rawSection({ dtype: "f64" })), /unknown type f64/],
    ["a section past the end", () => decodeFrame(rawSection({ shape: [9_999] })), /runs past the end/],
    ["a section off the grid", () => decodeFrame(rawSection({ start: 4 })), /not a multiple of 8/],
    ["a shape that is no size", () => decodeFrame(rawSection({ shape: [1.5] })), /has the shape/],
  ])("%s", (_name, act, reason) => {
    expect(act).toThrow(FrameError);
    expect(act).toThrow(reason);
  });
});

function rawHeader(header: object): ArrayBuffer {
  const text = JSON.stringify(header);
  const bytes = new TextEncoder().encode(`SBT1    ${text.padEnd(Math.ceil(text.length / 8) * 8)}`);
  new DataView(bytes.buffer).setUint32(4, bytes.length - 8, true);
  return bytes.buffer as ArrayBuffer;
}

function rawSection(change: object): ArrayBuffer {
  const section = { name: "x", dtype: "u8", shape: [0], start: 0, ...change };
  return rawHeader({ step: 1, epoch: 1, offset: 1, scalars: {}, sections: [section] });
}
