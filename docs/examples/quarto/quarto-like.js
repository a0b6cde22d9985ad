// What Quarto's own script does with its light and dark theme: a class of the body, and a word kept for the next page.
(() => {
  const key = "quarto-color-scheme";
  const setBodyMode = (dark) => {
    document.body.classList.toggle("quarto-dark", dark);
    document.body.classList.toggle("quarto-light", !dark);
    document.getElementById("quarto-bootstrap").dataset.mode = dark ? "dark" : "light";
  };
  window.quartoToggleColorScheme = () => {
    const dark = !document.body.classList.contains("quarto-dark");
    setBodyMode(dark);
    localStorage.setItem(key, dark ? "alternate" : "default");
  };
  setBodyMode(localStorage.getItem(key) === "alternate");
  document.querySelector(".quarto-color-scheme-toggle").addEventListener("click", (event) => {
    event.preventDefault();
    window.quartoToggleColorScheme();
  });
})();
