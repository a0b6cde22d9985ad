// The theme that the reader chose on the lesson page (web/src/theme.ts), else the system's. Before the first paint.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("sushibelt-theme");
    } catch {
      // storage is blocked: as the system says
    }
    document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  };
  show();
  system.addEventListener("change", show);
})();
