/** What surrounds every page: navigation, theme, the bar that says the server is lost, and what is told in passing. */
import { signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isLost } from "./api";
import { lookNow } from "./live";
import { find, PAGES, type Page, type PageRow } from "./pages";
import { Icon } from "./parts/icon";
import { Empty } from "./parts/notices";
import { Toasts } from "./parts/toasts";
import { place, to } from "./router";
import { isDark, toggleTheme } from "./theme";

const loaded = signal(new Map<PageRow["load"], Page>());
const broken = signal("");

async function load(row: PageRow): Promise<void> {
  if (loaded.peek().has(row.load)) return;
  try {
    const page = (await row.load()).default;
    loaded.value = new Map(loaded.peek()).set(row.load, page);
    broken.value = "";
  } catch {
    broken.value = "This page could not be loaded: the server may have been updated, or is gone. Reload the page.";
  }
}

const NAVIGATION = [
  { key: "experiments", text: "Experiments", icon: "flask" },
  { key: "models", text: "Models", icon: "box" },
] as const;

export function Shell() {
  const found = find(place.value.path);
  useSignalEffect(() => {
    const now = find(place.value.path);
    if (now) void load(now.row);
  });
  const Shown = found && loaded.value.get(found.row.load);
  return (
    <>
      <a class="skip button" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <aside class="side" aria-label="Navigation">
        <a class="brand" href={to([])} aria-label="mlctl: all experiments">
          <Logo />
          <span>mlctl</span>
        </a>
        <nav>
          {NAVIGATION.filter((entry) => PAGES.some((row) => row.nav === entry.key)).map((entry) => (
            <a href={to([entry.key])} aria-current={found?.row.nav === entry.key ? "page" : undefined}>
              <Icon name={entry.icon} />
              {entry.text}
            </a>
          ))}
        </nav>
        <div class="foot">
          <span class="small faint version">
            <Version />
          </span>
          <button class="button plain icon" onClick={toggleTheme} aria-label={isDark() ? "Light colours" : "Dark colours"} title="Colours">
            <Icon name={isDark() ? "sun" : "moon"} />
          </button>
        </div>
      </aside>
      <main class="content" id="main" tabIndex={-1}>
        {isLost.value && <Lost />}
        {broken.value ? <p class="notice">{broken.value}</p> : Shown && found ? <Shown names={found.names} /> : found ? null : <Nowhere />}
      </main>
      <Toasts />
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Lost() {
  return (
    <div class="lost" role="alert">
      <Icon name="alert" />
      <span class="grow">
        The server does not answer. Is <code>mlctl ui</code> still running? What you see is what was there; this page goes on by itself.
      </span>
      <button class="button" onClick={lookNow}>
        Try now
      </button>
    </div>
  );
}

function Nowhere() {
  return (
    <Empty title="There is no such page">
      <a href={to([])}>All experiments</a>
    </Empty>
  );
}

const version = signal("");

function Version() {
  useEffect(() => {
    if (!version.peek()) fetch("version").then(async (answer) => (version.value = `mlctl ${await answer.text()}`), () => undefined);
  }, []);
  return <>{version.value}</>;
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0f766e" />
      <path d="M7 22l6-9 5 5 7-10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
