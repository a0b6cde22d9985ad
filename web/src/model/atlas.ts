/**
 * Thumbnails of an image set: sheets of `columns` x `columns` pictures, fetched when first needed, or out of a recording.
 *
 * Dispatches 'load' when a sheet has arrived, so that a canvas can draw again.
 */

import { addressAt, type ImageSetInfo, type Service } from "../api.js";

export interface Rect {
  x: number;
  y: number;
  size: number;
}

/** A decoded sheet of 2048 x 2048 takes 16 MB: beyond this many the longest unused one is let go. */
const SHEETS_KEPT = 16;

export class Atlas extends EventTarget {
  readonly columns: number;
  readonly thumb: number;
  private readonly sheets = new Map<number, ImageBitmap | "loading" | "failed">();

  constructor(
    readonly set: ImageSetInfo,
    /** A recording's sheets: null for a page that it does not hold, and then nothing is fetched. */
    private readonly recorded: ((page: number) => Blob | null) | null = null,
    private readonly service: Service = null,
  ) {
    super();
    this.columns = set.atlas_columns;
    this.thumb = set.thumb;
  }

  get perPage(): number {
    return this.columns * this.columns;
  }

  page(image: number): number {
    return Math.floor(image / this.perPage);
  }

  /** Where on its sheet the picture lies, in pixels. */
  rect(image: number): Rect {
    const place = image % this.perPage;
    const size = this.thumb;
    return { x: (place % this.columns) * size, y: Math.floor(place / this.columns) * size, size };
  }

  url(page: number): string {
    const path = this.set.atlas.replace("{set}", encodeURIComponent(this.set.name)).replace("{page}", String(page));
    return addressAt(path, this.service).href;
  }

  /** The picture's sheet if it is here; otherwise null, and fetching begins. */
  sheet(image: number): ImageBitmap | null {
    const page = this.page(image);
    const held = this.sheets.get(page);
    if (held instanceof ImageBitmap) {
      this.sheets.delete(page); // put it last: most recently used
      this.sheets.set(page, held);
      return held;
    }
    if (held === undefined) void this.load(page);
    return null;
  }

  /** Draw a picture into a square; false while its sheet is still on the way. */
  draw(context: CanvasRenderingContext2D, image: number, x: number, y: number, size: number): boolean {
    const sheet = this.sheet(image);
    if (!sheet) return false;
    const from = this.rect(image);
    if (from.y + from.size > sheet.height) return false;
    context.drawImage(sheet, from.x, from.y, from.size, from.size, x, y, size, size);
    return true;
  }

  private async load(page: number): Promise<void> {
    this.sheets.set(page, "loading");
    try {
      const file = this.recorded ? this.recorded(page) : await this.fetch(page);
      if (!file) return; // it stays as if it were on its way
      const bitmap = await createImageBitmap(file);
      this.sheets.delete(page);
      this.sheets.set(page, bitmap);
      this.shrink();
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      console.warn(`thumbnails of ${this.set.name}: ${error instanceof Error ? error.message : error}`);
      this.sheets.set(page, "failed");
      setTimeout(() => this.sheets.get(page) === "failed" && this.sheets.delete(page), 5_000);
    }
  }

  private async fetch(page: number): Promise<Blob> {
    const answer = await fetch(this.url(page));
    if (!answer.ok) throw new Error(`sheet ${page}: ${answer.status}`);
    return answer.blob();
  }

  private shrink(): void {
    for (const [page, sheet] of this.sheets) {
      if (this.sheets.size <= SHEETS_KEPT) return;
      if (sheet instanceof ImageBitmap) {
        sheet.close();
        this.sheets.delete(page);
      }
    }
  }
}
