import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { LessonName } from "../api.js";
import { Recording } from "../wire/recording.js";
import { OpeningView } from "./opening-view.js";
import { origin, point } from "./opening-words.js";
import { fixed } from "./say.js";

const OPTIONS = { bank: "bank", belt: "queue", matrix: "queue" } as const;

/** The file that the page opens on. */
function opened(lesson: LessonName): OpeningView {
  const bytes = readFileSync(new URL(`../../public/opening/${lesson}.sbr`, import.meta.url));
  const file = new Recording(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
  const view = new OpeningView(file, { sections: [], rate: 1, dictionary: OPTIONS[lesson] });
  view.connect();
  view.disconnect();
  return view;
}

const views = {} as Record<LessonName, OpeningView>;
beforeAll(() => {
  for (const lesson of Object.keys(OPTIONS) as LessonName[]) views[lesson] = opened(lesson);
});

describe("what an opening says of itself", () => {
  it("names the step, the seed and the momentum it was made with", () => {
    expect(origin(views.bank)).toBe("Step 200 of a real run (m 0.5, seed 0), measured by it.");
    expect(origin(views.belt)).toBe("Step 210 of a real run (m 0.5, seed 0), measured by it.");
    expect(origin(views.matrix)).toBe("Step 300 of a real run (seed 0), measured by it.");
  });

  it("gives the bank's agreement of the newest and the oldest rows, and these lie apart", () => {
    const { curve } = views.bank.dictionary;
    const [newest, oldest] = [curve!.consistency[0]!, curve!.consistency.at(-1)!];
    expect(newest - oldest).toBeGreaterThan(0.3);
    expect(point("bank", views.bank)).toBe(
      `The redder, the staler: rows just written agree ${fixed(newest)} with today’s encoder, ` +
        `those 199 steps old only ${fixed(oldest)}.`,
    );
  });

  it("tells how the belt fell out of tune when momentum did", () => {
    const consistency = views.belt.scalar("consistency")!;
    const { step, value } = views.belt.history.series("consistency");
    const before = value[step.indexOf(200)]!;
    expect(before - consistency).toBeGreaterThan(0.4);
    expect(point("belt", views.belt)).toContain(
      `10 steps after m went from 0.99 to 0.5, consistency has gone from ${fixed(before)} to ${fixed(consistency)}:`,
    );
  });

  it("takes the matrix's means off the matrix itself", () => {
    const words = point("matrix", views.matrix);
    const [positive, negative] = [...words.matchAll(/[−]?\d\.\d\d/g)].map(([text]) => Number(text.replace("−", "-")));
    expect(positive! - negative!).toBeGreaterThan(0.3);
  });
});
