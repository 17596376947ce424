/** Light or dark: as the system has it, until the reader chooses. */
import { effect, signal } from "@preact/signals";
import { remembered, remember } from "./memory";

export type Theme = "system" | "light" | "dark";

export const theme = signal<Theme>(remembered<Theme>("theme", "system"));
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", () => (systemIsDark.value = system.matches));

export const isDark = () => (theme.value === "system" ? systemIsDark.value : theme.value === "dark");

/** Which of the two is shown; charts draw anew when it changes. */
effect(() => {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  remember("theme", theme.value);
});

export function toggleTheme(): void {
  theme.value = isDark() ? "light" : "dark";
}
