"use strict";
for (const box of document.querySelectorAll("[data-cases]")) {
  const cases = [...box.querySelectorAll(".case")];
  const buttons = [...box.querySelectorAll("button[data-kinds]")];
  const search = box.querySelector("input");
  const none = box.querySelector(".none");
  const show = () => {
    const pressed = buttons.find((button) => button.getAttribute("aria-pressed") === "true");
    const kinds = pressed.dataset.kinds.split(" ");
    const words = search.value.toLowerCase();
    let shown = 0;
    for (const one of cases) {
      const fits = kinds[0] === "all" || kinds.includes(one.dataset.kind);
      one.hidden = !(fits && one.textContent.toLowerCase().includes(words));
      shown += !one.hidden;
    }
    none.hidden = shown > 0;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
  }
  search.addEventListener("input", show);
}
