import { useState } from "react";

const NAME = "trimtab.theme";
const THEMES = { system: "System's theme", light: "Light", dark: "Dark" };

export function ThemeChoice() {
  const [theme, setTheme] = useState(() => document.documentElement.dataset.theme ?? "system");
  const choose = (chosen: string) => {
    setTheme(chosen);
    if (chosen === "system") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem(NAME);
    } else {
      document.documentElement.dataset.theme = chosen;
      localStorage.setItem(NAME, chosen);
    }
  };
  return (
    <select
      className="input"
      aria-label="Theme"
      value={theme}
      onChange={(event) => choose(event.target.value)}
    >
      {Object.entries(THEMES).map(([name, label]) => (
        <option key={name} value={name}>
          {label}
        </option>
      ))}
    </select>
  );
}
