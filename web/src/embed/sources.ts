/** Where pieces get what they show: one live run and one recording for all pieces of a page that show the same. */

import type { LessonName } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { RecordedPart } from "../model/recorded-part.js";
import { WATCHED } from "./kinds.js";
import { LiveRun } from "./live-run.js";
import { Shared } from "./shared.js";

const runs = new Shared<LiveRun>();
const recordings = new Shared<RecordedPart>();
/** Thumbnails by service. They are kept as long as the page: a sheet is fetched once. */
const atlases = new Map<string, Map<string, Atlas>>();

export interface Taken<T> {
  readonly source: T;
  /** To be called once. */
  give(): void;
}

/** The run `id` of a service, or of null its run of a lesson; a private one with the token of an embed. */
export function takeRun(service: URL, id: string | null, lesson: LessonName, token: string | null): Taken<LiveRun> {
  const key = `${service.href} ${id ?? `the lesson ${lesson}`} ${token}`;
  const pictures = atlases.get(service.href) ?? new Map<string, Atlas>();
  atlases.set(service.href, pictures);
  const source = runs.take(key, () => new LiveRun(service, id, lesson, pictures, token));
  return { source, give: () => runs.give(key) };
}

/** A recording, downloaded when somebody loads it. With `still` it waits to be told to play. */
export function takeRecording(url: URL, still: boolean): Taken<RecordedPart> {
  const key = `${still} ${url.href}`;
  const source = recordings.take(key, () => {
    const watched = ({ run }: { run: { method: keyof typeof WATCHED } }) => WATCHED[run.method];
    return new RecordedPart(url, watched, () => still);
  });
  return { source, give: () => recordings.give(key) };
}
