/**
 * How often to draw. Without a graphics card the same two cores draw and train: when frames come late,
 * draw about eight a second for a while and leave the processor to the training.
 */
export class Pace {
  /** Milliseconds to leave between frames; 0 for every frame of the screen. */
  gap = 0;

  private late = 0;
  private restUntil = 0;

  /** Note a frame that came `since` milliseconds after the last one drawn. */
  note(since: number, now: number): void {
    if (this.gap > 0) {
      if (now >= this.restUntil) {
        this.gap = 0;
        this.late = 0;
      }
      return;
    }
    // Longer pauses are not slow frames: nothing moved in between.
    if (since > 400) return;
    this.late = since > LATE ? this.late + 1 : Math.max(0, this.late - 1);
    if (this.late >= PATIENCE) {
      this.gap = REST_GAP;
      this.restUntil = now + REST;
    }
  }
}

const LATE = 45;
const PATIENCE = 10;
const REST_GAP = 120;
const REST = 20_000;
