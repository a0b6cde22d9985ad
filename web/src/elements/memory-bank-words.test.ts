import { expect, test } from "vitest";
import { History } from "../model/history.js";
import type { RunView } from "../model/run-view.js";
import { bankSentence } from "./memory-bank-words.js";

function viewOf(agreements: readonly number[]): RunView {
  const history = new History();
  agreements.forEach((value, place) => {
    history.add(place + 1, { gradient_agreement: value, consistency: 0.5 });
  });
  const scalars: Record<string, number> = {
    consistency: 0.5,
    gradient_agreement: agreements[agreements.length - 1] ?? Number.NaN,
    oldest_age: 7,
  };
  const dictionary = { ready: true, step: agreements.length, size: 64, fill: 64 };
  return { dictionary, history, scalar: (name: string) => scalars[name] ?? null } as unknown as RunView;
}

test("the spoken sentence says which way gradient agreement goes", () => {
  expect(bankSentence(viewOf([0.9, 0.8, 0.7]))).toContain("Gradient agreement 0.70, falling.");
  expect(bankSentence(viewOf([0.7, 0.7]))).toContain("Gradient agreement 0.70, steady.");
});

test("unmeasured, it is left out", () => {
  expect(bankSentence(viewOf([]))).not.toContain("Gradient agreement 0");
});
