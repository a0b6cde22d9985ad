import { defineConfig, loadEnv } from "vite";
import { slimTemplates } from "./vite.templates.js";

const INPUTS: Record<string, Record<string, string>> = {
  production: { index: "index.html" },
  pieces: { embed: "embed/index.html", elements: "src/embed/elements.ts" },
  share: { share: "share.html" },
};

/**
 * Built in three goes, so that the lesson page need not wait for what only pieces use: by itself the lesson, with
 * `--mode pieces` after it what other sites embed, with `--mode share` the panel that gives them their code.
 */
export default defineConfig(({ mode }) => ({
  // Relative, so that the built pages also work below a path of somebody's reverse proxy.
  base: "./",
  plugins: [slimTemplates()],
  build: {
    target: "es2022",
    // A little smaller than the default one leaves it, which readers fetch and only builders wait for.
    minify: "terser",
    terserOptions: { ecma: 2020, module: true, compress: { passes: 2 } },
    // The content security policy allows no inline script and no data: script, so nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: mode === "production",
    copyPublicDir: mode === "production",
    rollupOptions: {
      input: INPUTS[mode] ?? INPUTS.production!,
      // The one address that other sites write into their pages has no hash.
      output: { entryFileNames: ({ name }) => (name === "elements" ? "elements.js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    proxy: {
      "/api": {
        target: loadEnv(mode, ".", "SUSHIBELT_").SUSHIBELT_URL ?? "http://127.0.0.1:8000",
        ws: true,
        changeOrigin: true,
      },
    },
  },
}));
