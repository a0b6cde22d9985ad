/**
 * Where the belt runs: straight lanes joined by half turns, one path from the kitchen to the end.
 *
 * Wide: out and back, with room inside for the meter. Narrow: the same belt folded into three lanes.
 */

export interface Point {
  x: number;
  y: number;
  /** Direction of travel in radians. */
  angle: number;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

type Piece =
  | { kind: "line"; from: number; length: number; x: number; y: number; angle: number }
  | {
      kind: "turn";
      from: number;
      length: number;
      cx: number;
      cy: number;
      radius: number;
      start: number;
      sense: 1 | -1;
    };

export interface BeltLayout {
  width: number;
  height: number;
  /** Half the belt's width. */
  half: number;
  /** Length of the path from the kitchen's edge to the edge of the end. */
  length: number;
  narrow: boolean;
  query: Box;
  kitchen: Box;
  leaving: Box;
  /** Free room between the lanes; wide only. */
  inside: Box | null;
  pieces: readonly Piece[];
}

/** `width` in pixels; `rem` the size of the page's type, so that the figure grows with it on a projector. */
export function layBelt(width: number, rem = 16): BeltLayout {
  const u = rem / 16;
  return width < 620 * u ? folded(width, u) : outAndBack(width, u);
}

/** The point at `place`: 0 at the kitchen's edge, 1 at the edge of the end; straight on beyond both. */
export function pointAt(layout: BeltLayout, place: number): Point {
  const at = place * layout.length;
  const { pieces } = layout;
  let piece = pieces[0]!;
  for (const next of pieces) if (next.from <= at) piece = next;
  const along = at - piece.from;
  if (piece.kind === "line") {
    return {
      x: piece.x + Math.cos(piece.angle) * along,
      y: piece.y + Math.sin(piece.angle) * along,
      angle: piece.angle,
    };
  }
  const turned = piece.start + piece.sense * (along / piece.radius);
  return {
    x: piece.cx + Math.cos(turned) * piece.radius,
    y: piece.cy + Math.sin(turned) * piece.radius,
    angle: turned + (piece.sense * Math.PI) / 2,
  };
}

function outAndBack(width: number, u: number): BeltLayout {
  const half = Math.min(46 * u, Math.max(32 * u, width * 0.045));
  const margin = Math.max(12 * u, width * 0.022);
  const box = { width: Math.min(148 * u, Math.max(112 * u, width * 0.145)), height: 2 * half + 22 * u };
  const query: Box = { x: margin, y: 10 * u, width: box.width, height: 46 * u };
  const kitchenY = query.y + query.height + 32 * u;
  const top = kitchenY + box.height / 2;
  // As high as what stands inside: the narrower the room, the more lines the meter's words take.
  const reach = 336 * u;
  const bottom = top + reach;
  const start = margin + box.width;
  const turn = width - margin - half - 3 * u - reach / 2;
  const pieces = join([
    { kind: "line", length: turn - start, x: start, y: top, angle: 0 },
    {
      kind: "turn",
      length: (Math.PI * reach) / 2,
      cx: turn,
      cy: (top + bottom) / 2,
      radius: reach / 2,
      start: -Math.PI / 2,
      sense: 1,
    },
    { kind: "line", length: turn - start, x: turn, y: bottom, angle: Math.PI },
  ]);
  return {
    width,
    // Room for the ages written below it, however small it is drawn.
    height: bottom + box.height / 2 + Math.max(6 * u, 17 - 11 * u),
    half,
    length: lengthOf(pieces),
    narrow: false,
    query,
    kitchen: { x: margin, y: kitchenY, ...box },
    leaving: { x: margin, y: bottom - box.height / 2, ...box },
    inside: {
      x: start + 10 * u,
      y: top + half + 6 * u,
      width: turn + reach / 2 - half - start - 26 * u,
      height: reach - 2 * half - 12 * u,
    },
    pieces,
  };
}

function folded(width: number, u: number): BeltLayout {
  const half = Math.min(34 * u, Math.max(24 * u, width * 0.07));
  const margin = 4 * u;
  const boxWidth = Math.min(150 * u, Math.max(92 * u, width * 0.27));
  const boxHeight = 2 * half + 12 * u;
  const query: Box = { x: margin, y: 4 * u, width: boxWidth, height: 40 * u };
  const kitchenY = query.y + query.height + 28 * u;
  const top = kitchenY + boxHeight / 2;
  const lane = 2 * half + 16 * u;
  const radius = lane / 2;
  const start = margin + boxWidth;
  const right = width - margin - half - radius - 3 * u;
  const left = margin + half + radius + 3 * u;
  const end = width - margin - boxWidth;
  const pieces = join([
    { kind: "line", length: right - start, x: start, y: top, angle: 0 },
    { kind: "turn", length: Math.PI * radius, cx: right, cy: top + radius, radius, start: -Math.PI / 2, sense: 1 },
    { kind: "line", length: right - left, x: right, y: top + lane, angle: Math.PI },
    {
      kind: "turn",
      length: Math.PI * radius,
      cx: left,
      cy: top + lane + radius,
      radius,
      start: -Math.PI / 2,
      sense: -1,
    },
    { kind: "line", length: end - left, x: left, y: top + 2 * lane, angle: 0 },
  ]);
  return {
    width,
    height: top + 2 * lane + boxHeight / 2 + 4 * u,
    half,
    length: lengthOf(pieces),
    narrow: true,
    query,
    kitchen: { x: margin, y: kitchenY, width: boxWidth, height: boxHeight },
    leaving: { x: end, y: top + 2 * lane - boxHeight / 2, width: boxWidth, height: boxHeight },
    inside: null,
    pieces,
  };
}

type Unplaced<P> = P extends Piece ? Omit<P, "from"> : never;

function join(pieces: readonly Unplaced<Piece>[]): Piece[] {
  let from = 0;
  return pieces.map((piece) => {
    const placed = { ...piece, from } as Piece;
    from += piece.length;
    return placed;
  });
}

function lengthOf(pieces: readonly Piece[]): number {
  const last = pieces[pieces.length - 1]!;
  return last.from + last.length;
}
