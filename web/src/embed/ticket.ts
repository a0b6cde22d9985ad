/**
 * A private run's service: its address, and a ticket to the run, traded for the token of an embed whenever the last one
 * grows old. The page keeps the token; what travels with each request is good for a minute.
 */

import { ApiError, call, type Place } from "../api.js";
import { ENDED } from "./live-run.js";

export const SHOWN = "A private run: here it is only watched.";

/** Milliseconds before its end at which a ticket counts as old. */
const SPARE = 15_000;

export function withTicket(service: URL, run: string, token: string): Place {
  let asked: Promise<string> | null = null;
  let old = 0;

  async function trade(): Promise<string> {
    try {
      const answer = await call<{ ticket: string; expires_in: number }>("tickets", "POST", { run, token }, service);
      old = performance.now() + answer.expires_in * 1_000 - SPARE;
      return answer.ticket;
    } catch (error) {
      asked = null;
      throw error instanceof ApiError && error.status === 401 ? new ApiError(ENDED, 401, error.code) : error;
    }
  }

  function ticket(): Promise<string> {
    if (!asked || performance.now() > old) {
      old = Number.POSITIVE_INFINITY; // until it is known
      asked = trade();
    }
    return asked;
  }

  return Object.assign(new URL(service), { ticket, watchOnly: SHOWN });
}
