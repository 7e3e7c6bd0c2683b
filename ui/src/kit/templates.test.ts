import { expect, test } from "vitest";
import { pieces, variables } from "./templates";

test.each([
  ["Hello {{ name }}, {{name}}!", ["name"]],
  ["{% for one in items %}{{ one.title | upper }}{% endfor %}", ["items"]],
  ["{% if days > 3 and not brief %}{{ city }}{% else %}-{% endif %}", ["days", "brief", "city"]],
  ["{# {{ unseen }} #}{% raw %}{{ as_it_is }}{% endraw %}", []],
  ['{% include "style" %}{{ tone | default("kind one") }}', ["tone"]],
  ["{% set greeting = name %}{{ greeting }}", ["name"]],
  ["{% if user is defined %}{{ user.name }}{% endif %}", ["user"]],
  ["{{ items | join(d=sep) }}", ["items", "sep"]],
  ["no tags { here }", []],
])("the variables of Jinja: %s", (text, names) => {
  expect(variables([text], "jinja")).toEqual(names);
});

test.each([
  ["{{name}} {{{raw}}} {{&also}}", ["name", "raw", "also"]],
  ["{{#items}}{{title}}{{/items}}{{^items}}none{{/items}}", ["items", "title"]],
  ["{{! a comment }}{{> style}}{{user.name}}", ["user"]],
])("the variables of mustache: %s", (text, names) => {
  expect(variables([text], "mustache")).toEqual(names);
});

test("a template is cut at its tags, and nothing of it is lost", () => {
  const text = "Be {{ tone }}.\n{% if x %}{ not one }{% endif %}";
  const found = pieces(text, "jinja");
  expect(found.map((one) => one.text).join("")).toBe(text);
  expect(found.filter((one) => one.isTag).map((one) => one.text)).toEqual([
    "{{ tone }}",
    "{% if x %}",
    "{% endif %}",
  ]);
});
