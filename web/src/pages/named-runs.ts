/**
 * Runs that the page's address names: `?belt=RUN` shows that run in place of the one that the service keeps for the
 * lesson. So a copy of one's own, or a run that a script has made, has an address that can be sent on.
 */

import { ApiError, getRun, type LessonName, type Run } from "../api.js";
import { LESSONS, NAMES } from "./context.js";

export type NamedRuns = Readonly<Partial<Record<LessonName, string>>>;

export function namedRuns(query: URLSearchParams): NamedRuns {
  const named = NAMES.map((name) => [name, query.get(name)?.trim()] as const);
  return Object.fromEntries(named.filter(([, id]) => id));
}

/** The run of a lesson, and why it is not the one that was named. Rejects with an ApiError where not even `plain` is there. */
export async function findRun(
  lesson: LessonName,
  named: string | undefined,
  plain: string,
): Promise<{ run: Run; notice: string }> {
  if (!named) return { run: await getRun(plain), notice: "" };
  const instead = "This is the lesson’s own run.";
  try {
    const run = await getRun(named);
    const { method } = LESSONS[lesson];
    if (run.method === method) return { run, notice: "" };
    return { run: await getRun(plain), notice: `The run ${named} is of another method, not ${method}. ${instead}` };
  } catch (error) {
    if (!(error instanceof ApiError) || ![404, 422].includes(error.status)) throw error;
    return {
      run: await getRun(plain),
      notice: `This service has no run ${named}; it may have been removed. ${instead}`,
    };
  }
}
