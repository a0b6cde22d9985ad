import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import type { RunView } from "../model/run-view.js";

/** What a lesson's section is drawn from. All null until the catalog has come: a section must stand without. */
export interface LessonContext {
  view: RunView | null;
  catalog: Catalog | null;
  atlas: Atlas | null;
}
