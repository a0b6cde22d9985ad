/**
 * What a page of a static site plays: its `<meta name="sushibelt-recording">`, which the service writes into it, names a
 * file or a folder of recordings that lie beside it. Null on a page of the service.
 */
export function keptRecording(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="sushibelt-recording"]')?.content ?? null;
}
