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
  return (
    <nav className="nav" aria-label="Pages">
      <Link className="brand" href="/">
        <img src="./icon.svg" width="18" height="18" alt="" /> Trimtab
      </Link>
      {GROUPS.map((group) => {
        const pages = PAGES.filter((page) => page.group === group);
        return pages.length === 0 ? null : (
          <div key={group}>
            <h2>{group}</h2>
            <ul>
              {pages.map((page) => (
                <li key={page.path}>
                  <To page={page} here={here} />
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
    </nav>
  );
}

/** A link that has its page's code fetched as soon as somebody is about to follow it. */
function To({ page, here }: { page: Page; here: string }) {
  const isHere = here === page.path || here.startsWith(`${page.path}/`);
  const fetch = () => void ahead(page.load).catch(() => {});
  return (
    <Link
      href={page.path}
      aria-current={isHere ? "page" : undefined}
      onPointerEnter={fetch}
      onFocus={fetch}
      data-keys={page.key && `g ${page.key}`}
    >
      {page.title}
    </Link>
  );
}
