// Light, dark, or as the system has it. Kept in this browser alone.

import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "tollgate.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export function applyTheme(theme: Theme = stored()): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);
  useEffect(() => {
    applyTheme(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A browser that keeps nothing shows the theme until the page is left.
    }
    window.dispatchEvent(new Event("themechange"));
  }, [theme]);
  return [theme, setTheme];
}

/** Whether dark is shown now. Charts are drawn again when it changes. */
export function useIsDark(): boolean {
  const look = (): boolean => getComputedStyle(document.documentElement).colorScheme.trim() === "dark";
  const [isDark, setDark] = useState(look);
  useEffect(() => {
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => { setDark(look()); };
    changed();
    system.addEventListener("change", changed);
    window.addEventListener("themechange", changed);
    return () => {
      system.removeEventListener("change", changed);
      window.removeEventListener("themechange", changed);
    };
  }, []);
  return isDark;
}
