/** Reads what the service's own tests read: a field that is renamed, retyped or left out fails in both. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeFrame } from "./frames.js";
import type { ServerMessage } from "./messages.js";

const golden = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../../tests/contract/${name}`, import.meta.url)));

/** What each frame holds, by name: its scalars, and its arrays as type, shape and first numbers. */
const FRAMES: Record<string, { snapshot: boolean; scalars: object; arrays: Record<string, unknown[]> }> = {
  "queue-snapshot": {
    snapshot: true,
    scalars: {
      ...{ step: 12, loss: 1.5, accuracy: 0.25, consistency: null, momentum: 0.99 },
      ...{ dict_size: 6, dict_fill: 6, oldest_age: 2, dict_written: 48, probe_n: 2, probe_step: 11 },
    },
    arrays: {
      "dict.image": ["u32", [6], [0, 1, 2, 3, 4_999, 4_000_000_000]],
      "dict.step": ["u32", [6], [10, 10, 11, 11, 12, 12]],
      "probe.age": ["u32", [2], [0, 2]],
      "probe.cosine": ["f32", [2], [1, -0.5]],
    },
  },
  "queue-change": {
    snapshot: false,
    scalars: {
      ...{ step: 12, loss: 1.5, accuracy: 0.25, consistency: null, momentum: 0.99 },
      ...{ dict_size: 6, dict_fill: 6, oldest_age: 2, dict_written: 50 },
    },
    arrays: { "dict.image": ["u32", [2], [7, 8]], "dict.step": ["u32", [2], [13, 13]] },
  },
  "bank-snapshot": {
    snapshot: true,
    scalars: {
      ...{ step: 12, loss: 1.5, accuracy: 0.25, consistency: null, momentum: 0.99 },
      ...{ dict_size: 5, dict_fill: 5, dict_written: 5 },
    },
    arrays: { "dict.image": ["u32", [5], [0, 1, 2, 3, 4]], "dict.step": ["u32", [5], [0, 0, 12, 0, 3]] },
  },
  "matrix-views": {
    snapshot: true,
    scalars: { step: 12, loss: 1.5, matrix_step: 12, views_step: 12 },
    arrays: {
      matrix: ["u8", [6, 6], [0, 7, 14, 21, 28, 35]],
      "matrix.image": ["u32", [3], [3, 1, 4]],
      "matrix:64": ["u8", [3, 3], [0, 7, 14, 21, 28, 35]],
      views: ["u8", [2, 3, 2, 2, 3], [0, 7, 14, 21, 28, 35]],
    },
  },
  map: {
    snapshot: true,
    scalars: { step: 12 },
    arrays: {
      "map.landmarks": ["f32", [2, 2], [1, 0, 0, 1]],
      "map.keys": ["f32", [1, 2], [0.25, -0.25]],
      "map.key_image": ["u32", [1], [9]],
    },
  },
  "scalars-only": {
    snapshot: true,
    scalars: { step: 0, loss: null, accuracy: null, steps_per_second: null, loss_chance: 8.3 },
    arrays: {},
  },
};

describe("golden frames", () => {
  it.each(Object.entries(FRAMES))("%s", (name, meant) => {
    const { header, sections } = decodeFrame(golden(`${name}.sbt`).buffer);
    expect({ ...header, offset: 0, sections: [] }).toEqual({
      ...{
        run: "golden",
        epoch: 3,
        offset: 0,
        step: (meant.scalars as { step: number }).step,
        time: 1_700_000_000.125,
      },
      ...{ snapshot: meant.snapshot, scalars: meant.scalars, sections: [] },
    });
    const arrays = [...sections].map(([key, { dtype, shape, data }]) => [key, [dtype, shape, [...data].slice(0, 6)]]);
    expect(Object.fromEntries(arrays)).toEqual(meant.arrays);
  });
});

type Kind = Exclude<ServerMessage["kind"], "moment">;
type Fields<K extends Kind> = Record<keyof Extract<ServerMessage, { kind: K }>, string>;

/** Every field of every message and its type; the compiler holds it against the page's own types. */
const MESSAGES: { [K in Kind]: Fields<K> } = {
  hello: {
    ...{ kind: "string", run: "object", epoch: "number", offset: "number", previous: "string" },
    ...{ sections: "object", rate: "number" },
  },
  event: { kind: "string", run: "string", epoch: "number", offset: "number", previous: "string", event: "object" },
  gap: { kind: "string", run: "string", epoch: "number", offset: "number", from: "string", detail: "string" },
  viewers: { kind: "string", run: "string", count: "number" },
  error: { kind: "string", run: "string", code: "string", detail: "string" },
  closed: { kind: "string", run: "string", code: "number", detail: "string" },
  bye: { kind: "string", code: "string", detail: "string", retry_after: "number" },
  pong: { kind: "string", run: "string" },
};

describe("golden messages", () => {
  const messages = JSON.parse(new TextDecoder().decode(golden("messages.json"))) as Record<string, unknown>[];

  it.each(Object.entries(MESSAGES))("%s", (kind, fields) => {
    const mine = messages.filter((message) => message.kind === kind);
    const types: Record<string, string> = {};
    for (const message of mine) {
      for (const [name, value] of Object.entries(message)) if (value !== null) types[name] = typeof value;
    }
    expect(types).toEqual(fields);
  });

  it("has no kind that the page does not know", () => {
    expect(new Set(messages.map(({ kind }) => kind))).toEqual(new Set(Object.keys(MESSAGES)));
  });
});
