/** Where the keys lie in the strip: newest at the left, column by column, as near to square cells as fits. */

export interface KeyGrid {
  columns: number;
  rows: number;
  /** Size of a cell in pixels. */
  cellWidth: number;
  cellHeight: number;
}

export function layKeys(keys: number, width: number, height: number): KeyGrid {
  const square = Math.max(1, Math.min(keys, Math.round(Math.sqrt((keys * height) / Math.max(1, width)))));
  const rows = divisorNear(keys, square) ?? square;
  const columns = Math.max(1, Math.ceil(keys / rows));
  return { columns, rows, cellWidth: width / columns, cellHeight: height / rows };
}

/** The whole share of `keys` nearest to `wanted` and at most half as large again: with it no column stays half empty. */
function divisorNear(keys: number, wanted: number): number | null {
  let nearest: number | null = null;
  for (let rows = Math.ceil(wanted / 1.5); rows <= wanted * 1.5; rows += 1) {
    if (keys % rows === 0 && (nearest === null || Math.abs(rows - wanted) < Math.abs(nearest - wanted))) nearest = rows;
  }
  return nearest;
}

/** Rank of the key under a point, 0 for the newest; null outside. */
export function rankAt(grid: KeyGrid, keys: number, x: number, y: number): number | null {
  const column = Math.floor(x / grid.cellWidth);
  const row = Math.floor(y / grid.cellHeight);
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return null;
  const rank = column * grid.rows + row;
  return rank < keys ? rank : null;
}

/** Corner of a key's cell. */
export function cellOf(grid: KeyGrid, rank: number): { x: number; y: number } {
  return { x: Math.floor(rank / grid.rows) * grid.cellWidth, y: (rank % grid.rows) * grid.cellHeight };
}
