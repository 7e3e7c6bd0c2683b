/** Every page there is: its address, its place in the navigation, its key, and its code. */
import type { Load } from "@/parts/coded";

export type Group = "Observe" | "Improve" | "Operate" | "Admin";

export interface Page {
  /** As the router reads it; a parameter is `:name`. The server answers the same first parts. */
  path: string;
  title: string;
  /** Pages without a group are reached from others. */
  group?: Group;
  /** After `g`. */
  key?: string;
  load: Load<object>;
}

export const GROUPS: readonly Group[] = ["Observe", "Improve", "Operate", "Admin"];

export const PAGES: readonly Page[] = [
  {
    path: "/overview",
    title: "Overview",
    group: "Observe",
    key: "o",
    load: () => import("@/pages/overview/overview"),
  },
  {
    path: "/traces",
    title: "Traces",
    group: "Observe",
    key: "t",
    load: () => import("@/pages/traces/list"),
  },
  {
    path: "/sessions",
    title: "Sessions",
    group: "Observe",
    key: "s",
    load: () => import("@/pages/sessions/list"),
  },
  { path: "/sessions/:id", title: "Session", load: () => import("@/pages/sessions/one") },
  {
    path: "/users",
    title: "Users",
    group: "Observe",
    key: "u",
    load: () => import("@/pages/users/list"),
  },
  { path: "/users/:id", title: "User", load: () => import("@/pages/users/one") },
  { path: "/traces/:id", title: "Trace", load: () => import("@/pages/trace/one") },
  {
    path: "/traces/:id/diff/:other",
    title: "Traces compared",
    load: () => import("@/pages/trace/diff"),
  },
  {
    path: "/gateway",
    title: "Gateway",
    group: "Operate",
    key: "g",
    load: () => import("@/pages/gateway/now"),
  },
  { path: "/gateway/keys", title: "Keys", load: () => import("@/pages/gateway/keys") },
  { path: "/gateway/spend", title: "Spend", load: () => import("@/pages/gateway/spend") },
  {
    path: "/guards",
    title: "Guards",
    group: "Operate",
    key: "a",
    load: () => import("@/pages/guards/report"),
  },
  { path: "/guards/events", title: "Guard events", load: () => import("@/pages/guards/events") },
  {
    path: "/guards/policies",
    title: "Guard policies",
    load: () => import("@/pages/guards/policies"),
  },
  {
    path: "/guards/reviews",
    title: "Guard reviews",
    load: () => import("@/pages/guards/reviews"),
  },
  { path: "/guards/scan", title: "Scan a text", load: () => import("@/pages/guards/scan") },
  {
    path: "/releases",
    title: "Releases",
    group: "Operate",
    key: "r",
    load: () => import("@/pages/releases/list"),
  },
  {
    path: "/releases/:route",
    title: "Releases of a route",
    load: () => import("@/pages/releases/one"),
  },
  {
    path: "/prompts",
    title: "Prompts",
    group: "Improve",
    key: "p",
    load: () => import("@/pages/prompts/list"),
  },
  { path: "/prompts/:name", title: "Prompt", load: () => import("@/pages/prompts/one") },
  {
    path: "/playground",
    title: "Playground",
    group: "Improve",
    key: "y",
    load: () => import("@/pages/playground/playground"),
  },
  {
    path: "/datasets",
    title: "Datasets",
    group: "Improve",
    key: "d",
    load: () => import("@/pages/datasets/list"),
  },
  { path: "/datasets/:name", title: "Dataset", load: () => import("@/pages/datasets/one") },
  {
    path: "/experiments",
    title: "Experiments",
    group: "Improve",
    key: "e",
    load: () => import("@/pages/experiments/list"),
  },
  { path: "/experiments/:run", title: "Run", load: () => import("@/pages/experiments/one") },
  { path: "/compare", title: "Compare runs", load: () => import("@/pages/compare/compare") },
  {
    path: "/scorers",
    title: "Scorers",
    group: "Improve",
    key: "c",
    load: () => import("@/pages/scorers/list"),
  },
  {
    path: "/plans",
    title: "Plans",
    group: "Operate",
    key: "l",
    load: () => import("@/pages/plans/list"),
  },
  {
    path: "/plans/declared",
    title: "Declared plans",
    load: () => import("@/pages/plans/declared"),
  },
  { path: "/plans/:id", title: "Run of a plan", load: () => import("@/pages/plans/run") },
  {
    path: "/probes",
    title: "Probes",
    group: "Operate",
    key: "b",
    load: () => import("@/pages/probes/list"),
  },
  { path: "/probes/:name", title: "Probe", load: () => import("@/pages/probes/one") },
  {
    path: "/audit",
    title: "Audit",
    group: "Admin",
    key: "h",
    load: () => import("@/pages/audit/list"),
  },
  {
    path: "/settings",
    title: "Settings",
    group: "Admin",
    key: ",",
    load: () => import("@/pages/settings/configuration"),
  },
  {
    path: "/settings/projects",
    title: "Projects",
    load: () => import("@/pages/settings/projects"),
  },
  {
    path: "/settings/allowances",
    title: "Allowances",
    load: () => import("@/pages/settings/allowances"),
  },
  {
    path: "/settings/models",
    title: "Approved models",
    load: () => import("@/pages/settings/models"),
  },
  { path: "/settings/data", title: "Data", load: () => import("@/pages/settings/data") },
];
