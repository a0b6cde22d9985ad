/**
 * What turns one of the house's figures into a piece of any page: it reads the attributes, finds the run or the recording,
 * and says truly which of the two is showing.
 *
 * Live comes first. A recording takes over where the service cannot be had for five seconds or the run stands still for ten,
 * and only once it can be played; as soon as the service answers again and the run moves, the piece is live again.
 */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import type { RecordedPart } from "../model/recorded-part.js";
import { OnScreenController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { calm, setPieceCalm } from "../motion.js";
import { setPieceTheme } from "../theme.js";
import { serviceAt, webAddress } from "./address.js";
import { hostTheme, onHostTheme } from "./host-theme.js";
import { keepKeys } from "./keys.js";
import { isPiece, PIECES, type PieceKind, type PieceTag } from "./kinds.js";
import type { LiveRun } from "./live-run.js";
import { dress } from "./piece.styles.js";
import { PieceFoot } from "./piece-foot.js";
import { type Taken, takeRecording, takeRun } from "./sources.js";

/** What a figure must have to become a piece. */
export interface Figure extends ReactiveControllerHost, HTMLElement {
  view: RunView | null;
  catalog: Catalog | null;
  atlas?: Atlas | null;
  readonly renderRoot: HTMLElement | DocumentFragment;
}

/** Attributes that are read; each is a property of the same name too. `hide` and `compact` are read by the styles. */
export const ATTRIBUTES = ["src", "run", "recording", "token", "theme", "motion", "hide"] as const;
const WHERE: readonly string[] = ["src", "run", "recording", "token"];

export class PieceController implements ReactiveController {
  private live: Taken<LiveRun> | null = null;
  private recorded: Taken<RecordedPart> | null = null;
  private shown: RunView | null = null;
  private excluded: (() => void)[] = [];
  private stops: (() => void)[] = [];
  private trouble: string | null = null;
  private state = "";
  private readonly foot = new PieceFoot();
  private readonly kind: PieceKind;
  private readonly attributes = new MutationObserver((changes) => {
    if (changes.some(({ attributeName }) => WHERE.includes(attributeName ?? ""))) this.find();
    this.look();
  });
  private readonly choose = () => this.pick();
  private readonly ticked = () => this.tellTick();
  private readonly changed = () => this.tellState();

  constructor(private readonly host: Figure) {
    this.kind = PIECES[host.localName as PieceTag];
    this.foot.setAttribute("exportparts", "foot, link");
    host.addController(this);
    // The other figures say by themselves when they can be seen; the meter leaves that to the figure around it.
    if (host.localName === "consistency-meter") new OnScreenController(host, () => host.view);
  }

  /** A figure inside another, as the meter in the belt, gets its run from there. */
  private get inner(): boolean {
    const root = this.host.getRootNode();
    return root instanceof ShadowRoot && isPiece(root.host.localName);
  }

  hostConnected(): void {
    if (this.inner) return;
    this.adoptProperties();
    dress(this.host);
    this.attributes.observe(this.host, { attributeFilter: [...ATTRIBUTES] });
    this.host.addEventListener("keydown", keepKeys);
    this.stops = [
      () => this.attributes.disconnect(),
      () => this.host.removeEventListener("keydown", keepKeys),
      onHostTheme(() => this.look()),
    ];
    this.look();
    this.find();
  }

  hostDisconnected(): void {
    for (const stop of this.stops) stop();
    this.stops = [];
    this.show(null);
    this.leave();
  }

  hostUpdated(): void {
    if (this.foot.isConnected || this.inner || !this.host.isConnected) return;
    const { renderRoot } = this.host;
    // Inside the figure's own frame, where it has one: after all that the figure renders, which never changes its parts.
    (renderRoot.querySelector(".figure, .whole") ?? renderRoot).append(this.foot);
  }

  /** Properties set before this code had come stand on the element itself and would hide the attributes. */
  private adoptProperties(): void {
    const { host } = this;
    for (const name of ATTRIBUTES) {
      const early: unknown = Object.getOwnPropertyDescriptor(host, name)?.value;
      if (early === undefined) continue;
      Reflect.deleteProperty(host, name);
      host.setAttribute(name, String(early));
    }
  }

  private look(): void {
    const { host } = this;
    const asked = host.getAttribute("theme");
    const theme = asked === "light" || asked === "dark" ? asked : hostTheme();
    if (host.dataset.beltTheme !== theme) host.dataset.beltTheme = theme;
    setPieceTheme(host, theme);
    setPieceCalm(host, host.getAttribute("motion") === "reduce");
  }

  /** What the attributes name. With a recording alone there is no service to ask. */
  private find(): void {
    this.leave();
    const { host, kind } = this;
    const [src, run, recording, token] = ATTRIBUTES.slice(0, 4).map((name) => host.getAttribute(name) || null);
    const service = serviceAt(src ?? null);
    this.trouble = null;
    if (!service) this.trouble = `“${src}” is no address of a service; write it like https://belt.example/`;
    else if (!recording || run || src) {
      this.live = takeRun(service, !run || run === "auto" ? null : run, kind.lesson, token ?? null);
      this.live.source.addEventListener("change", this.choose);
    }
    const file = recording ? webAddress(recording) : null;
    if (file) {
      this.recorded = takeRecording(file, calm(host));
      this.recorded.source.addEventListener("change", this.choose);
    } else if (recording) this.trouble = `“${recording}” is no address of a recording`;
    this.foot.lesson = service ? new URL(`#${kind.lesson}`, service).href : null;
    this.pick();
  }

  private leave(): void {
    for (const taken of [this.live, this.recorded]) {
      taken?.source.removeEventListener("change", this.choose);
      taken?.give();
    }
    this.live = this.recorded = null;
  }

  /** Live while it can be had; else the recording, once it can be played. */
  private pick(): void {
    const { host, foot } = this;
    const live = this.live?.source ?? null;
    const recorded = this.recorded?.source ?? null;
    const absent = !live || live.away || live.stuck !== null;
    if (recorded?.state === "waiting" && absent) {
      void recorded.load();
      return; // it says by 'change' that it has begun
    }
    const playing = recorded !== null && absent && (!live || recorded.state === "ready");
    const source = playing ? recorded : live;
    const unfit = this.unfit(source?.view ?? null);
    host.view = unfit ? null : (source?.view ?? null);
    host.catalog = (playing ? recorded.recording?.catalog : live?.catalog) ?? null;
    host.atlas = source?.atlas ?? null;
    foot.recording = absent ? recorded : null;
    // Of a run that stands still the badge speaks, unless it is not seen for the recording.
    foot.trouble = this.trouble ?? (live?.away ? live.trouble : playing ? (live?.stuck ?? null) : null) ?? unfit;
    foot.view = host.view;
    foot.playing = playing;
    host.dataset.source = playing ? "recording" : live ? "live" : "none";
    host.toggleAttribute("data-watch", host.hasAttribute("token") || host.view?.fixed != null);
    this.show(host.view);
    this.tellState();
  }

  /** Why a run cannot be drawn by this piece; null where it can. */
  private unfit(view: RunView | null): string | null {
    const method = view?.run?.method;
    if (!method || this.kind.methods.includes(method)) return null;
    const fit = Object.entries(PIECES).find(([, { methods }]) => methods.includes(method))?.[0];
    return `This run is of the method ${method}; <${fit}> shows it.`;
  }

  private show(view: RunView | null): void {
    if (view === this.shown) return;
    for (const stop of this.excluded) stop();
    this.shown?.removeEventListener("tick", this.ticked);
    this.shown?.removeEventListener("status", this.changed);
    this.excluded = view ? this.kind.sections.map((section) => view.include(section)) : [];
    view?.addEventListener("tick", this.ticked);
    view?.addEventListener("status", this.changed);
    this.shown = view;
  }

  private tellState(): void {
    const { host, shown } = this;
    const live = this.live?.source ?? null;
    const state = shown?.status ?? (live?.away || this.trouble ? "offline" : "connecting");
    const detail = {
      state,
      source: host.dataset.source,
      run: shown?.run?.id ?? null,
      reason: this.foot.trouble ?? shown?.detail ?? null,
    };
    const said = JSON.stringify(detail);
    if (said === this.state) return;
    this.state = said;
    host.dispatchEvent(new CustomEvent("sushibelt-state", { bubbles: true, composed: true, detail }));
  }

  private tellTick(): void {
    const { tick, run } = this.shown ?? {};
    if (!tick) return;
    const { scalars } = tick;
    const detail = { run: run?.id, step: tick.header.step, consistency: scalars.consistency ?? null, scalars };
    this.host.dispatchEvent(new CustomEvent("sushibelt-tick", { bubbles: true, composed: true, detail }));
  }
}
