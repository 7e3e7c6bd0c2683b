import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { key } from "@/api/client";
import { GROUPS, PAGES, type Page } from "@/pages";
import { Button } from "@/parts/button";
import { ahead } from "@/parts/coded";
import { ProjectChoice } from "@/shell/project";
import { SignedIn } from "@/shell/signed-in";
import { ThemeChoice } from "@/shell/theme";

export function Navigation(props: { onPalette: () => void; onKeys: () => void }) {
  const [here] = useLocation();
  const [open, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is what closes it
  useEffect(() => setOpen(false), [here]);
  return (
    <nav
      className="nav"
      aria-label="Pages"
      data-open={open || undefined}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.preventDefault();
        event.stopPropagation();
        setOpen(false);
        opener.current?.focus();
      }}
    >
      <Link className="brand" href="/">
        <img src="./icon.svg" width="18" height="18" alt="" /> Trimtab
      </Link>
      <button
        ref={opener}
        type="button"
        className="button nav-opener"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span aria-hidden="true">☰</span> Pages
      </button>
      <div className="nav-all">
        {GROUPS.map((group) => {
          const pages = PAGES.filter((page) => page.group === group);
          return pages.length === 0 ? null : (
            <div key={group}>
              <h2>{group}</h2>
              <ul>
                {pages.map((page) => (
                  <li key={page.path}>
                    <To page={page} here={here} onGo={() => setOpen(false)} />
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
        <div className="foot">
          {key.get() ? <SignedIn /> : <ProjectChoice />}
          <Button onClick={props.onPalette}>
            Find <kbd>Ctrl K</kbd>
          </Button>
          <Button onClick={props.onKeys}>
            Shortcuts <kbd>?</kbd>
          </Button>
          <ThemeChoice />
        </div>
      </div>
    </nav>
  );
}

/** A link that has its page's code fetched as soon as somebody is about to follow it. */
function To({ page, here, onGo }: { page: Page; here: string; onGo: () => void }) {
  const isHere = here === page.path || here.startsWith(`${page.path}/`);
  const fetch = () => void ahead(page.load).catch(() => {});
  return (
    <Link
      href={page.path}
      aria-current={isHere ? "page" : undefined}
      onClick={onGo}
      onPointerEnter={fetch}
      onFocus={fetch}
      data-keys={page.key && `g ${page.key}`}
    >
      {page.title}
    </Link>
  );
}
