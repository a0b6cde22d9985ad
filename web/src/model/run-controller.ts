/** Lit controllers that bind an element to a run: render when it changes, watch only while on screen. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { nextFrame } from "../next-frame.js";
import type { RunView } from "./run-view.js";

/** Milliseconds between two renders of words: nobody reads faster, and each costs the page a layout. */
export const WORDS = 200;

/** Milliseconds between two pictures where less motion is asked for: what moves then jumps. */
export const JUMP = 1_000;

/** Re-renders its host when the run changes: at most once an animation frame, and for ticks once in `rest()` milliseconds. */
export class RunController implements ReactiveController {
  private view: RunView | null = null;
  private frame: (() => void) | null = null;
  private timer = 0;
  private rendered = Number.NEGATIVE_INFINITY;
  private readonly rest: () => number;
  private readonly changed = (event: Event) => {
    // Out of sight nothing is drawn; whoever says so asks for a render when it comes back.
    if (!this.seen() || this.frame) return;
    const wait = event.type === "tick" ? this.rendered + this.rest() - performance.now() : 0;
    if (wait > 0) this.timer ||= window.setTimeout(this.render, wait);
    else this.render();
  };
  private readonly render = () => {
    this.wait();
    this.frame = nextFrame(() => {
      this.frame = null;
      this.rendered = performance.now();
      this.host.requestUpdate();
    });
  };

  /** `view` is asked before every render, so the host may be given its run late or another one. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly source: () => RunView | null | undefined,
    private readonly names: readonly ("tick" | "event" | "status")[] = ["tick", "status"],
    private readonly seen: () => boolean = () => true,
    rest: number | (() => number) = 0,
  ) {
    this.rest = typeof rest === "number" ? () => rest : rest;
    host.addController(this);
  }

  hostUpdate(): void {
    this.follow(this.source() ?? null);
  }

  hostConnected(): void {
    this.follow(this.source() ?? null);
  }

  hostDisconnected(): void {
    this.wait();
    this.follow(null);
  }

  /** Nothing is to be rendered until something changes. */
  private wait(): void {
    this.frame?.();
    clearTimeout(this.timer);
    this.frame = null;
    this.timer = 0;
  }

  private follow(view: RunView | null): void {
    if (view === this.view) return;
    for (const name of this.names) {
      this.view?.removeEventListener(name, this.changed);
      view?.addEventListener(name, this.changed);
    }
    this.view = view;
  }
}

/** Tells the run whether this element can be seen: on screen, and in a tab that shows. */
export class OnScreenController implements ReactiveController {
  private onScreen = false;
  private told: RunView | null = null;
  private observer: IntersectionObserver | null = null;
  private readonly tell = () => {
    const view = this.source() ?? null;
    if (this.told && this.told !== view) this.told.setVisible(false, this);
    view?.setVisible(this.visible, this);
    this.told = view;
    this.changed?.(this.visible);
  };

  /** `changed` hears whether the host can be seen, whenever that may have changed. */
  constructor(
    private readonly host: ReactiveControllerHost & Element,
    private readonly source: () => RunView | null | undefined,
    private readonly changed?: (visible: boolean) => void,
  ) {
    host.addController(this);
  }

  get visible(): boolean {
    return this.onScreen && document.visibilityState === "visible";
  }

  hostConnected(): void {
    // A little before it scrolls in, so that the first picture is there in time.
    this.observer = new IntersectionObserver(
      (entries) => {
        this.onScreen = entries[entries.length - 1]?.isIntersecting ?? false;
        this.tell();
      },
      { rootMargin: "80px" },
    );
    this.observer.observe(this.host);
    document.addEventListener("visibilitychange", this.tell);
  }

  hostUpdated(): void {
    if ((this.source() ?? null) !== this.told) this.tell();
  }

  hostDisconnected(): void {
    this.observer?.disconnect();
    document.removeEventListener("visibilitychange", this.tell);
    this.told?.setVisible(false, this);
    this.told = null;
  }
}
