import type { Plugin } from "vite";

interface Node {
  type: string;
  start: number;
  end: number;
}

/**
 * Takes the line breaks and indents out of html`` and svg`` templates, and comments and all needless space out
 * of css``: the minifier leaves text alone, and a reader's browser need not fetch how the source is laid out.
 */
export function slimTemplates(): Plugin {
  return {
    name: "slim-templates",
    apply: "build",
    // After TypeScript is gone; each file of ours, not of packages, which are slim already.
    enforce: "post",
    transform(code, id) {
      if (!/\.ts$/.test(id) || id.includes("node_modules") || !/\b(html|svg|css)`/.test(code)) return null;
      const cuts: { start: number; end: number; text: string }[] = [];
      walk(this.parse(code) as unknown as Node, (node) => {
        const { tag, quasi } = node as Node & { tag: { name?: string }; quasi: { quasis: Node[] } };
        if (node.type !== "TaggedTemplateExpression") return;
        const slim = tag.name === "css" ? slimCss : tag.name === "html" || tag.name === "svg" ? slimHtml : null;
        if (!slim) return;
        for (const { start, end } of quasi.quasis) cuts.push({ start, end, text: slim(code.slice(start, end)) });
      });
      // From the end, so that what comes before keeps its place.
      cuts.sort((a, b) => b.start - a.start);
      for (const { start, end, text } of cuts) code = code.slice(0, start) + text + code.slice(end);
      return { code, map: null };
    },
  };
}

/** A line break and its indent are one space; none beside a tag's own brackets inside a tag. No pre, no textarea. */
export function slimHtml(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}

export function slimCss(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?/g, "$1")
    .replace(/: /g, ":")
    .replace(/;}/g, "}");
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof (child as Node).type === "string") walk(child as Node, visit);
    }
  }
}
