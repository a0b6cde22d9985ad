/** The REST calls of a service that the page uses, and what they answer. */

import type { Evaluation } from "./model/scores.js";

export type Method = "memory_bank" | "moco" | "simclr";
export type RunState = "queued" | "running" | "paused" | "finished" | "failed" | "stopped";
export type KnobValue = number | boolean | string;
export type Knobs = Readonly<Record<string, KnobValue>>;

export interface Run {
  id: string;
  name: string | null;
  method: Method;
  state: RunState;
  asleep: boolean;
  reason: string | null;
  step: number;
  epoch: number;
  /** The epoch in which it began at step 0; later ones went on from a checkpoint. */
  first_epoch: number;
  offset: number;
  viewers: number;
  created: string;
  updated: string;
  config: Readonly<Record<string, KnobValue | null>>;
  knobs: Knobs;
  lesson: LessonName | null;
  /** The run that it was forked from, and the step at which. */
  parent: string | null;
  parent_step: number | null;
  links: Readonly<Record<string, string>>;
}

export type LessonName = "bank" | "belt" | "matrix";

/** One shown number: what it is, how it is made, over what it is taken. */
export interface Figure {
  name: string;
  title: string;
  formula: string;
  sample: string;
  unit: string;
  low: number | null;
  high: number | null;
  source: string;
  methods: Method[];
}

export interface Setting {
  title: string;
  description: string;
  default: KnobValue | null;
  minimum?: number | null;
  maximum?: number | null;
  step?: number | null;
  unit?: string;
  methods?: Method[];
  live?: boolean;
  type?: string;
  choices?: string[] | null;
}

export interface ImageSetInfo {
  name: string;
  title: string;
  kind: "builtin" | "folder" | "download";
  state: "ready" | "unloaded" | "not_downloaded" | "broken";
  error: string | null;
  count: number | null;
  classes: string[] | null;
  size: number;
  digest: string | null;
  source: string;
  licence: string;
  page_count: number | null;
  /** Address of a thumbnail sheet, with {page} to fill in. */
  atlas: string;
  atlas_columns: number;
  thumb: number;
}

export interface Catalog {
  version: string;
  methods: {
    name: Method;
    title: string;
    knobs: string[];
    defaults: Record<string, KnobValue>;
    phases: { name: string; sentence: string }[];
  }[];
  images: ImageSetInfo[];
  settings: Record<string, Setting>;
  figures: Record<string, Figure>;
  devices: { name: string; kind: string }[];
  lessons: Partial<Record<LessonName, string>>;
}

export type CommandName = "pause" | "resume" | "step" | "phase" | "stop" | "evaluate" | "reset";

/** A refusal of the service (RFC 9457), or no answer at all (status 0). `message` is fit to show. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly fields: readonly { field: string; message: string }[] = [],
  ) {
    super(message);
  }
}

/** Address of a service's start page, ending in a slash. Of a private run it has what opens that (embed/ticket.ts). */
export interface Place extends URL {
  ticket?: () => Promise<string>;
  /** Why the run is only watched. */
  watchOnly?: string;
}

/** Null is the service that the page itself came from. */
export type Service = Place | null;

/** Where a path of the service is. A leading slash means the service's start, which may lie in a folder. */
export function addressAt(path: string, service: Service = null): URL {
  return new URL(path.replace(/^\//, ""), service ?? document.baseURI);
}

export const getCatalog = (service: Service = null): Promise<Catalog> => call("catalog", "GET", undefined, service);
export const getRun = (id: string, service: Service = null): Promise<Run> =>
  call(`runs/${encodeURIComponent(id)}`, "GET", undefined, service);

/** The newest evaluation of a run, with the epoch that it belongs to; null where there was none. */
export async function getLastEvaluation(
  id: string,
  service: Service = null,
): Promise<{ epoch: number; event: Evaluation } | null> {
  const answer = await call<{ events: { epoch: number; event: Evaluation }[] }>(
    `runs/${encodeURIComponent(id)}/events?type=evaluation&newest=true&limit=1`,
    "GET",
    undefined,
    service,
  );
  return answer.events[0] ?? null;
}

/** Change knobs; the answer says from which step on they hold. */
export function patchKnobs(
  id: string,
  knobs: Knobs,
  service: Service = null,
): Promise<{ run: string; step: number; knobs: Knobs }> {
  return call(`runs/${encodeURIComponent(id)}/knobs`, "PATCH", knobs, service);
}

export function sendCommand(
  id: string,
  command: CommandName,
  args: Readonly<Record<string, number>> = {},
  service: Service = null,
): Promise<Run & { accepted: string }> {
  return call(`runs/${encodeURIComponent(id)}/commands`, "POST", { command, ...args }, service);
}

/** A new run that goes on from the newest kept step of this one. */
export function forkRun(id: string): Promise<Run> {
  return call(`runs/${encodeURIComponent(id)}/commands`, "POST", { command: "fork" });
}

/** The address of a run's live socket: ws for http, wss for https. */
export function liveUrl(id: string, query: URLSearchParams, service: Service = null): string {
  const url = addressAt(`api/v1/runs/${encodeURIComponent(id)}/live?${query}`, service);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export async function call<T>(path: string, method = "GET", body?: object, service: Service = null): Promise<T> {
  let answer: Response;
  const headers: Record<string, string> = { accept: "application/json" };
  if (service?.ticket) headers.authorization = `Bearer ${await service.ticket()}`;
  try {
    if (body) headers["content-type"] = "application/json";
    answer = await fetch(addressAt(`api/v1/${path}`, service), {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
    });
  } catch {
    throw new ApiError("The service does not answer. Is it running?", 0, "offline");
  }
  if (answer.ok) return (await answer.json()) as T;
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<ApiError> {
  try {
    const problem = await answer.json();
    const message = problem.detail ?? problem.title ?? answer.statusText;
    return new ApiError(message, answer.status, problem.code ?? "error", problem.errors ?? []);
  } catch {
    return new ApiError(`The service answered ${answer.status} ${answer.statusText}`, answer.status, "error");
  }
}
