import { html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Mark } from "../model/marks.js";
import type { RecordedPart } from "../model/recorded-part.js";
import { count } from "../model/say.js";
import { type RecordingPlayer, SPEEDS } from "../wire/player.js";
import { house } from "./house.js";
import { range } from "./range.styles.js";
import { recordingBarStyles } from "./recording-bar.styles.js";

/** Seconds that an arrow key moves: about a tick. */
const STEP = 0.5;

/**
 * The controls of a recording: play, scrub, speed, loop, and marks where knobs were changed. Until there is something to
 * play it says how far the file has come, or why there is none. It stays in sight while its figure is.
 */
@customElement("recording-bar")
export class RecordingBar extends LitElement {
  static override styles = [house, range, recordingBarStyles];

  @property({ attribute: false }) source: RecordedPart | null = null;
  /** What it is a recording of. */
  @property() label = "";

  private followed: EventTarget[] = [];
  private frame = 0;
  private wanted: number | null = null;
  private readonly changed = () => this.requestUpdate();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.follow([]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override willUpdate(): void {
    if (this.isConnected) this.follow([this.source, this.source?.player ?? null].filter((one) => one !== null));
  }

  private follow(targets: EventTarget[]): void {
    for (const target of this.followed) target.removeEventListener("change", this.changed);
    for (const target of targets) target.addEventListener("change", this.changed);
    this.followed = targets;
  }

  protected override render(): TemplateResult {
    const { source: part } = this;
    const inside =
      part?.state === "ready" && part.player
        ? this.controls(part, part.player)
        : part?.state === "missing"
          ? missing(part.url)
          : part?.state === "broken"
            ? this.broken(part)
            : loading(part);
    return html`<div class="bar" role="group" aria-label="Recording: ${this.label}">${inside}</div>`;
  }

  override updated(): void {
    // Through CSSOM: the content security policy forbids style attributes.
    const player = this.source?.player;
    if (!player) return;
    const share = (seconds: number) => `${player.duration > 0 ? (100 * seconds) / player.duration : 0}%`;
    this.renderRoot.querySelector("input")?.style.setProperty("--filled", share(player.now));
    this.renderRoot.querySelectorAll<HTMLElement>(".marks button").forEach((button, place) => {
      button.style.setProperty("--at", share(this.source!.marks[place]!.at));
    });
  }

  private controls(part: RecordedPart, player: RecordingPlayer) {
    const { now, duration } = player;
    if (duration === 0) return html`<p class="caption"><span><b>One recorded moment</b> of ${day(part)}</span></p>`;
    const step = part.view.tick?.header.step ?? 0;
    return html`
      <button type="button" class="primary play" @click=${() => player.toggle()}>
        ${player.playing ? "Pause" : "Play"}
      </button>
      <div class="track">
        <input
          type="range"
          min="0"
          max=${Math.ceil(duration / STEP) * STEP}
          step=${STEP}
          .value=${String(now)}
          aria-label="Moment of the recording"
          aria-valuetext="${clock(now)} of ${clock(duration)}, step ${count(step)}"
          @pointerdown=${() => player.hold(true)}
          @pointerup=${() => player.hold(false)}
          @pointercancel=${() => player.hold(false)}
          @input=${this.scrubbed}
          @keydown=${this.pressed}
        />
        <div class="marks">${part.marks.map((mark) => this.mark(mark, player))}</div>
      </div>
      <output class="time">${clock(now)}<span> / ${clock(duration)}</span></output>
      <label class="speed"
        ><span class="heard">Speed</span
        ><select @change=${(event: Event) => {
          player.speed = Number((event.currentTarget as HTMLSelectElement).value);
        }}>
          ${SPEEDS.map((speed) => html`<option value=${speed} ?selected=${speed === player.speed}>${speed}×</option>`)}
        </select></label
      >
      <button
        type="button"
        class="loop"
        aria-pressed=${player.loop}
        title="Begin again at the end"
        @click=${() => {
          player.loop = !player.loop;
          this.requestUpdate();
        }}
      >
        Loop
      </button>
      <p class="caption">
        <span><b>Recording</b> <span class="day">of ${day(part)}</span></span
        ><span class="latest">${this.latest(part.marks, now)}</span>
      </p>
    `;
  }

  private mark(mark: Mark, player: RecordingPlayer) {
    const words = `Step ${count(mark.step)}: ${mark.text}`;
    return html`<button
      type="button"
      tabindex="-1"
      title=${words}
      aria-label="Go to ${words}"
      @click=${() => player.seek(mark.at)}
    ></button>`;
  }

  /** The last thing that was changed until now; before the first, how to get about. */
  private latest(marks: readonly Mark[], now: number) {
    const last = marks.findLast(({ at }) => at <= now);
    if (last) return `Step ${count(last.step)}: ${last.text}`;
    return marks.length > 0 ? "Drag to any moment; dots mark changes" : "Drag to any moment";
  }

  private broken(part: RecordedPart) {
    return html`<p role="alert" class="wrong">This recording cannot be played: ${part.problem}.</p>
      <button type="button" @click=${() => void part.load()}>Try again</button>`;
  }

  /** At most one jump a frame, however fast the hand. */
  private scrubbed(event: Event): void {
    this.wanted = Number((event.currentTarget as HTMLInputElement).value);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.wanted !== null) this.source?.player?.seek(this.wanted);
      this.wanted = null;
    });
  }

  /** Page up and down go from mark to mark; the rest is the slider's own. */
  private pressed(event: KeyboardEvent): void {
    const { source: part } = this;
    if (!part?.player || part.marks.length === 0) return;
    const { now } = part.player;
    const to =
      event.key === "PageUp"
        ? part.marks.find(({ at }) => at > now + 0.01)
        : event.key === "PageDown"
          ? part.marks.findLast(({ at }) => at < now - 0.01)
          : null;
    if (to === null) return;
    event.preventDefault();
    if (to) part.player.seek(to.at);
  }
}

function loading(part: RecordedPart | null) {
  const { received = 0, total = null } = part ?? {};
  const far = total ? `${megabytes(received)} of ${megabytes(total)} MB` : received ? `${megabytes(received)} MB` : "";
  return html`<p class="wait"><b>Recording</b> <span>loading${far ? `, ${far}` : ""}</span></p>
    <progress
      aria-label="Loading the recording"
      max="1"
      value=${total ? Math.min(1, received / total) : nothing}
    ></progress>`;
}

function missing(url: URL | null) {
  const where = url ? html`there is no file <code>${url.pathname}</code>` : "the file given is of another part";
  return html`<p><b>No recording of this part</b>: ${where}.</p>`;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

const day = ({ recording }: RecordedPart) =>
  new Date(1000 * (recording?.created ?? 0)).toLocaleDateString("en", {
    day: "numeric",
    month: "long",
    year: "numeric",
  });

/** 83 -> "1:23". */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "recording-bar": RecordingBar;
  }
}
