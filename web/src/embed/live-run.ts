/**
 * A run of a service as the pieces of a page share it: one socket, one catalog, one set of thumbnails, however many show
 * it. It never gives up, unless a token says that it may not; `away` says whether there is nothing to be had at the moment,
 * and `stuck` why nothing moves although the service answers.
 *
 * Dispatches 'change' when the view came, or when it went away, got stuck or came back.
 */

import { ApiError, type Catalog, getCatalog, getRun, type LessonName, type Place, type Run } from "../api.js";
import { Atlas } from "../model/atlas.js";
import { RunView } from "../model/run-view.js";
import { backoff } from "../wire/socket.js";
import { WATCHED } from "./kinds.js";

/** Milliseconds without an answer after which a recording may take over. */
export const PATIENCE = 5_000;
/** Seconds that a run which should move may stand still before a recording may take over. */
export const STANDSTILL = 10;

export const ENDED = "This piece’s permission has ended; ask the course’s author.";
export const SHUT = "The service does not answer, or does not let this site in.";
export const WATCH_ONLY = "Live from another site: here it is only watched.";

export class LiveRun extends EventTarget {
  view: RunView | null = null;
  catalog: Catalog | null = null;
  atlas: Atlas | null = null;
  away = false;
  /** Why it is away, fit to show. */
  trouble: string | null = null;
  /** Why it does not move, fit to show; null while it does. */
  stuck: string | null = null;

  private closed = false;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private stillFor = 0;
  private pulse: ReturnType<typeof setInterval> | undefined;
  private readonly judge = () => this.look();

  constructor(
    readonly service: URL,
    /** The run's id, or null for the service's run of a lesson. */
    private readonly asked: string | null,
    private readonly lesson: LessonName,
    private readonly atlases: Map<string, Atlas>,
    /** Of a private run: the token by which it is shown. */
    private readonly token: string | null = null,
  ) {
    super();
    void this.load();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    this.drop();
  }

  private async load(): Promise<void> {
    this.lose("The service does not answer.", PATIENCE);
    try {
      const catalog = await getCatalog(this.service);
      const id = this.asked ?? catalog.lessons[this.lesson];
      if (!id) throw new ApiError("This service keeps no run for this piece.", 404, "no_such_run");
      // Of the few pieces that need it: each time anew, with a ticket of its own.
      const { token, service } = this;
      const place = token ? (await import("./ticket.js")).withTicket(service, id, token) : service;
      const run = await getRun(id, place);
      if (!this.closed) this.watch(run, catalog, place);
    } catch (error) {
      if (this.closed) return;
      const known = error instanceof ApiError;
      // A browser does not tell a page of another site which of the two it is.
      const shut = known && error.code === "offline" && self.origin !== this.service.origin;
      this.lose(shut ? SHUT : known ? error.message : String(error), 0);
      if (known && error.status === 401) return; // the token has ended: asking again is in vain
      this.retry = setTimeout(() => void this.load(), backoff(this.attempt));
      this.attempt += 1;
    }
  }

  private watch(run: Run, catalog: Catalog, place: Place): void {
    const { service } = this;
    const view = new RunView(
      run.id,
      {
        ...WATCHED[run.method],
        service: place,
        watchOnly: place.watchOnly ?? (self.origin === service.origin ? null : WATCH_ONLY),
      },
      run,
    );
    const info = catalog.images.find((set) => set.name === run.config.images);
    if (info && !this.atlases.has(info.name)) this.atlases.set(info.name, new Atlas(info, null, service));
    [this.view, this.catalog, this.atlas] = [view, catalog, (info && this.atlases.get(info.name)) ?? null];
    this.attempt = 0;
    this.keep();
    view.addEventListener("status", this.judge);
    this.pulse = setInterval(() => this.stand(this.stillFor + 1), 1_000);
    // Hidden until a piece says that it is on screen.
    view.setVisible(false);
    view.connect();
    this.changed();
  }

  /** What the view's status means for whoever could show something else instead. */
  private look(): void {
    const { view } = this;
    if (!view) return;
    if (view.linked) {
      if (!this.stuck) view.setVisible(false, this);
      if (this.keep()) this.changed();
      this.stand(this.stillFor);
    } else if (view.status === "failed" && view.run?.state !== "failed") {
      const { shutOut, detail } = view;
      this.drop();
      this.lose(shutOut ? ENDED : (detail ?? "The run is gone."), 0);
      if (shutOut) return; // asking for another ticket is in vain
      this.retry = setTimeout(() => void this.load(), backoff(this.attempt));
      this.attempt += 1;
    } else if (view.status === "offline" || view.status === "connecting") {
      this.lose("The service does not answer.", PATIENCE);
    }
  }

  /** For how many seconds it has stood still, if it does: somebody looks, and no tick comes. */
  private stand(seconds: number): void {
    const { view } = this;
    const still = view?.linked && view.seen && (view.status === "stale" || view.status === "connecting");
    this.stillFor = still ? seconds : 0;
    const stuck = this.stillFor >= STANDSTILL;
    if (!view || stuck === (this.stuck !== null)) return;
    const queued = view.run?.state === "queued";
    this.stuck = stuck ? (queued ? "This run waits for its turn." : "Nothing new comes from this run.") : null;
    // Whoever shows a recording meanwhile looks away, and then its ticks would not be sent.
    view.setVisible(stuck, this);
    this.changed();
  }

  private drop(): void {
    clearInterval(this.pulse);
    this.stillFor = 0;
    this.stuck = null;
    this.view?.removeEventListener("status", this.judge);
    this.view?.disconnect();
    this.view = null;
  }

  /** Away from now on, or after some milliseconds if nothing comes meanwhile. */
  private lose(why: string, after: number): void {
    if (this.away) {
      if (after > 0 || this.trouble === why) return;
      this.trouble = why;
      this.changed();
      return;
    }
    if (after > 0) {
      this.patience ??= setTimeout(() => this.view?.linked || this.lose(why, 0), after);
      return;
    }
    this.stopWaiting();
    this.away = true;
    this.trouble = why;
    // Whoever showed it shows something else, or nothing: without a looker the socket would stay shut.
    this.view?.setVisible(true, this);
    this.changed();
  }

  /** It is there; true if it was away. */
  private keep(): boolean {
    this.stopWaiting();
    const was = this.away;
    this.away = false;
    this.trouble = null;
    return was;
  }

  private stopWaiting(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
