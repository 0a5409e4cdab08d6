/** What is above every view: the product, the tenant, the theme, the user, and the way to where the page is. */
import type { JSX } from "preact";
import { Breadcrumb } from "../ui/breadcrumb";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { Menu } from "../ui/menu";
import type { Settings } from "./context";
import { crumbsOf } from "./crumbs";
import type { Route } from "./route";
import { THEME_CHOICES, useTheme, type ThemeChoice } from "./theme";
import "./header.css";

const THEME_TEXTS: Record<ThemeChoice, string> = { system: "As the system", light: "Light", dark: "Dark" };

interface HeaderProps {
  readonly route: Route;
  readonly settings: Settings | null;
  /** Null while nobody has signed in. */
  readonly userName: string | null;
  readonly onSignOut: () => void;
}

export function Header({ route, settings, userName, onSignOut }: HeaderProps): JSX.Element {
  return (
    <>
      <header class="header">
        <a class="header-product" href="#/">
          <Icon name="console" />
          <span>Azure Serial Console</span>
        </a>
        <span class="header-tenant">{settings?.tenantDomain}</span>
        <ThemeMenu />
        {userName !== null && (
          <>
            <span class="header-user" title={userName}>
              <Icon name="user" />
              <span>{userName}</span>
            </span>
            <Button kind="quiet" onClick={onSignOut}>
              Sign out
            </Button>
          </>
        )}
      </header>
      {userName !== null && route.view !== "resources" && (
        <div class="header-way">
          <Breadcrumb crumbs={crumbsOf(route, settings?.consoleTitle ?? "Serial console")} />
        </div>
      )}
    </>
  );
}

function ThemeMenu(): JSX.Element {
  const [theme, setTheme] = useTheme();
  const items = THEME_CHOICES.map((one) => ({ text: THEME_TEXTS[one], checked: one === theme, onSelect: () => setTheme(one) }));
  return <Menu label="Theme" icon="theme" items={items} />;
}
