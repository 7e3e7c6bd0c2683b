// Before the first paint, so that a page never flashes in the other theme.
(() => {
  try {
    const theme = localStorage.getItem("trimtab.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // storage may be switched off; the system's theme is taken then
  }
})();
