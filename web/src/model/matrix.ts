/**
 * The similarity matrix of one SimCLR batch: cosines of all 2B views with each other, as bytes on the fixed
 * scale -1..1. Row i < B is view 1 of image i, row B+i its view 2. The two are a positive pair; every other cell
 * off the diagonal is a negative. No DOM.
 */

export type CellKind = "self" | "positive" | "negative";

/** What the matrix says as a whole. Each pair is counted once: the matrix is symmetric. */
export interface MatrixSummary {
  /** Images B; the matrix has 2B rows. */
  readonly images: number;
  /** Pairs by byte value, 256 each. */
  readonly positives: Uint32Array;
  readonly negatives: Uint32Array;
  readonly positiveCount: number;
  readonly negativeCount: number;
  readonly positiveMean: number;
  readonly negativeMean: number;
  /** Rank of the positive among all other cells of each row; 1 is best. */
  readonly ranks: Uint16Array;
  /** Share of rows whose positive has rank 1. */
  readonly firsts: number;
}

/** The cosine that a byte stands for: 0 is -1, 255 is 1. */
export function cosineOf(byte: number): number {
  return byte / 127.5 - 1;
}

/** The byte that a cosine is sent as. */
export function byteOf(cosine: number): number {
  return Math.min(255, Math.max(0, Math.round((cosine + 1) * 127.5)));
}

/** The column of a row's positive: the other view of its image. */
export function positiveOf(row: number, images: number): number {
  return row < images ? row + images : row - images;
}

export function kindOf(row: number, column: number, images: number): CellKind {
  if (row === column) return "self";
  return positiveOf(row, images) === column ? "positive" : "negative";
}

/** 1 + the number of negatives of the row that score strictly above its positive. */
export function rankOf(matrix: Uint8Array, row: number, images: number): number {
  const size = 2 * images;
  const target = positiveOf(row, images);
  const score = matrix[row * size + target] ?? 0;
  let rank = 1;
  for (let column = 0; column < size; column++) {
    if (column !== row && column !== target && (matrix[row * size + column] ?? 0) > score) rank++;
  }
  return rank;
}

export function summarise(matrix: Uint8Array, images: number): MatrixSummary {
  const size = 2 * images;
  const positives = new Uint32Array(256);
  const negatives = new Uint32Array(256);
  for (let row = 0; row < size; row++) {
    const target = positiveOf(row, images);
    for (let column = row + 1; column < size; column++) {
      const byte = matrix[row * size + column] ?? 0;
      const counts = column === target ? positives : negatives;
      counts[byte] = (counts[byte] ?? 0) + 1;
    }
  }
  const ranks = new Uint16Array(size);
  let firsts = 0;
  for (let row = 0; row < size; row++) {
    const rank = rankOf(matrix, row, images);
    ranks[row] = rank;
    if (rank === 1) firsts++;
  }
  const plus = moments(positives);
  const minus = moments(negatives);
  return {
    images,
    positives,
    negatives,
    positiveCount: plus.count,
    negativeCount: minus.count,
    positiveMean: plus.mean,
    negativeMean: minus.mean,
    ranks,
    firsts: size > 0 ? firsts / size : 0,
  };
}

function moments(counts: Uint32Array): { count: number; mean: number } {
  let count = 0;
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    count += counts[byte] ?? 0;
    sum += (counts[byte] ?? 0) * cosineOf(byte);
  }
  return { count, mean: count > 0 ? sum / count : 0 };
}

/** Counts by byte put together into `bins` equal bins of the scale -1..1, as shares of all pairs. */
export function shares(counts: Uint32Array, bins: number): Float64Array {
  const out = new Float64Array(bins);
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return out;
  for (let byte = 0; byte < 256; byte++) {
    const bin = Math.min(bins - 1, Math.floor((byte * bins) / 256));
    out[bin] = (out[bin] ?? 0) + (counts[byte] ?? 0) / total;
  }
  return out;
}

/**
 * The rows to show when only the first `shown` images are looked at closely: their view 1s, then their view 2s,
 * so that the positives keep their place in a stripe beside the diagonal.
 */
export function shownRows(images: number, shown: number): Uint32Array {
  const kept = Math.min(images, Math.max(1, shown));
  const rows = new Uint32Array(2 * kept);
  for (let image = 0; image < kept; image++) {
    rows[image] = image;
    rows[kept + image] = images + image;
  }
  return rows;
}
