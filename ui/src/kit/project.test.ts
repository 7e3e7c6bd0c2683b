import { expect, test } from "vitest";
import { projectOf, within } from "./project";

test.each([
  ["/traces", "shop", "/traces?project=shop"],
  ["/traces?live=1#a?b", "shop", "/traces?live=1&project=shop#a?b"],
  ["/playground#x", "shop", "/playground?project=shop#x"],
  ["/traces?project=other", "shop", "/traces?project=other"],
  ["/traces?filter=a%26b", "", "/traces?filter=a%26b"],
])("an address stays in the project: %s", (href, project, expected) => {
  expect(within(href, project)).toBe(expected);
});

test("an address without a project is of the server's own", () => {
  expect(projectOf("?filter=project:a")).toBe("");
  expect(projectOf("?project=shop-1&x=2")).toBe("shop-1");
});
