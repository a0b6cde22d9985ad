/** The scores of an evaluation, arranged as measure by kind of features, each beside the untrained network's. */

/** The record of an `evaluation` event. */
export interface Evaluation {
  step: number;
  [detail: string]: unknown;
}

export const MEASURES = [
  ["knn", "kNN"],
  ["linear", "Linear probe"],
] as const;
export const OUTPUTS = [
  ["backbone", "Backbone"],
  ["head", "Head"],
] as const;

export interface Score {
  /** Its name in the catalog; the untrained network's has `_untrained` behind it. */
  name: string;
  trained: number;
  untrained: number;
}

/** One score, or null where the record does not hold it. */
export function score(evaluation: Evaluation, measure: string, output: string): Score | null {
  const name = `${measure}_${output}`;
  const trained = evaluation[name];
  const untrained = evaluation[`${name}_untrained`];
  return typeof trained === "number" && typeof untrained === "number" ? { name, trained, untrained } : null;
}

/** A number of the record, or null. */
export function detail(evaluation: Evaluation, name: string): number | null {
  const value = evaluation[name];
  return typeof value === "number" ? value : null;
}

/** The largest standard error of the scores, as a share: each is counted on `test` pictures. */
export function standardError(evaluation: Evaluation): number | null {
  const asked = detail(evaluation, "test");
  if (!asked) return null;
  const errors = MEASURES.flatMap(([measure]) =>
    OUTPUTS.flatMap(([output]) => {
      const found = score(evaluation, measure, output);
      return found ? [found.trained, found.untrained].map((share) => Math.sqrt((share * (1 - share)) / asked)) : [];
    }),
  );
  return errors.length > 0 ? Math.max(...errors) : null;
}
