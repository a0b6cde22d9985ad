/** Scalars by step, the newest `capacity` of them: what the small charts draw. */

import type { Scalars } from "../wire/frames.js";

export interface Series {
  step: Float64Array;
  value: Float64Array;
}

export class History {
  private readonly columns = new Map<string, Float64Array>();
  private readonly stepColumn: Float64Array;
  /** Rows `first` .. `rows` - 1 are held; row i lies at i mod capacity. */
  private rows = 0;
  private first = 0;

  constructor(readonly capacity = 2048) {
    this.stepColumn = new Float64Array(capacity);
  }

  get length(): number {
    return this.rows - this.first;
  }

  get lastStep(): number {
    return this.length === 0 ? -1 : this.stepColumn[(this.rows - 1) % this.capacity]!;
  }

  /** Add a row; the same step again replaces it. At an earlier step the run has gone back: what came after goes. */
  add(step: number, scalars: Scalars): void {
    while (step < this.lastStep) this.rows -= 1;
    if (step !== this.lastStep) {
      this.rows += 1;
      this.first = Math.max(this.first, this.rows - this.capacity);
      const row = this.place(this.rows - 1);
      this.stepColumn[row] = step;
      for (const column of this.columns.values()) column[row] = Number.NaN;
    }
    const row = this.place(this.rows - 1);
    for (const [name, value] of Object.entries(scalars)) {
      let column = this.columns.get(name);
      if (!column) {
        column = new Float64Array(this.capacity).fill(Number.NaN);
        this.columns.set(name, column);
      }
      column[row] = value ?? Number.NaN;
    }
  }

  /** One scalar by step, oldest first; NaN where there was nothing to say. */
  series(name: string): Series {
    const column = this.columns.get(name);
    const step = new Float64Array(this.length);
    const value = new Float64Array(this.length);
    for (let i = 0; i < this.length; i += 1) {
      const row = this.place(this.rows - this.length + i);
      step[i] = this.stepColumn[row]!;
      value[i] = column ? column[row]! : Number.NaN;
    }
    return { step, value };
  }

  clear(): void {
    this.rows = this.first = 0;
    for (const column of this.columns.values()) column.fill(Number.NaN);
  }

  private place(row: number): number {
    return row % this.capacity;
  }
}
