import type { Schemas } from "@/api/client";
import { wantedOf } from "@/kit/values";

export type Version = Schemas["Prompt"];
export type Entry = Schemas["PromptEntry"];

export const refOf = (version: Version) => `${version.name}@${version.version}`;

/** What is asked for when a version is filled in. */
export const wantedBy = (version: Version) => wantedOf(version.variables, version.declared);
