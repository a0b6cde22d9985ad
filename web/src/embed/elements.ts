/**
 * The pieces as custom elements, from one script for any page:
 *
 *     <script type="module" src="https://belt.example/elements.js"></script>
 *     <sushi-belt run="lesson-belt"></sushi-belt>
 */

import { ConsistencyMeter } from "../elements/consistency-meter.js";
import { MemoryBank } from "../elements/memory-bank.js";
import { SimilarityMatrix } from "../elements/similarity-matrix.js";
import { SushiBelt } from "../elements/sushi-belt.js";
import { setHere } from "./address.js";
import { makePieces } from "./make-pieces.js";

setHere(new URL(/* @vite-ignore */ ".", import.meta.url));
makePieces([SushiBelt, MemoryBank, SimilarityMatrix, ConsistencyMeter]);
