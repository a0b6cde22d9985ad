import { defineConfig, loadEnv } from "vite";
import { slimTemplates } from "./vite.templates.js";

export default defineConfig(({ mode }) => ({
  // Relative, so that the built pages also work below a path of somebody's reverse proxy.
  base: "./",
  plugins: [slimTemplates()],
  build: {
    target: "es2022",
    // The content security policy allows no inline script and no data: script, so nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { index: "index.html" } },
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
