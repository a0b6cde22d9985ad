import { describe, expect, it } from "vitest";
import { History } from "./history.js";

const values = (history: History, name: string) => [...history.series(name).value];
const stepsOf = (history: History) => [...history.series("loss").step];

describe("history", () => {
  it("keeps scalars by step, oldest first", () => {
    const history = new History(8);
    history.add(1, { loss: 3 });
    history.add(4, { loss: 2 });
    expect(stepsOf(history)).toEqual([1, 4]);
    expect(values(history, "loss")).toEqual([3, 2]);
  });

  it("never holds more than its capacity, and drops the oldest", () => {
    const history = new History(5);
    for (let step = 1; step <= 13; step += 1) history.add(step, { loss: step });
    expect(history.length).toBe(5);
    expect(values(history, "loss")).toEqual([9, 10, 11, 12, 13]);
  });

  it("replaces a step that comes again", () => {
    const history = new History(5);
    history.add(1, { loss: 1 });
    history.add(1, { loss: 2 });
    expect(values(history, "loss")).toEqual([2]);
  });

  it("forgets what came after when the run goes back, and nothing else", () => {
    const history = new History(5);
    for (const step of [1, 2, 3, 4, 5, 6]) history.add(step, { loss: step });
    history.add(4, { loss: 40 });
    expect(stepsOf(history)).toEqual([2, 3, 4]);
    expect(values(history, "loss")).toEqual([2, 3, 40]);
    for (const step of [5, 6, 7]) history.add(step, { loss: step });
    expect(values(history, "loss")).toEqual([3, 40, 5, 6, 7]);
    history.add(0, { loss: 9 });
    expect(stepsOf(history)).toEqual([0]);
  });

  it("has NaN where a figure had no value, was not sent, or came late", () => {
    const history = new History(5);
    history.add(1, { loss: 1 });
    history.add(2, { loss: null, consistency: 0.5 });
    history.add(3, {});
    expect(values(history, "loss")).toEqual([1, Number.NaN, Number.NaN]);
    expect(values(history, "consistency")).toEqual([Number.NaN, 0.5, Number.NaN]);
    expect(values(history, "unknown")).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it("does not show an old value in a row that is used again", () => {
    const history = new History(2);
    history.add(1, { loss: 1 });
    history.add(2, {});
    history.add(3, {});
    expect(values(history, "loss")).toEqual([Number.NaN, Number.NaN]);
  });
});
