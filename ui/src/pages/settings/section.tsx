/** The frame that the pages of the settings share. */
import type { ReactNode } from "react";
import { Frame } from "@/parts/frame";
import { Sections } from "@/parts/sections";
import "./settings.css";

export function Section(props: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <Frame
      title={props.title}
      actions={props.actions}
      bar={
        <Sections
          label="Settings"
          pages={[
            ["/settings", "Configuration"],
            ["/settings/projects", "Projects"],
            ["/settings/allowances", "Allowances"],
            ["/settings/models", "Approved models"],
            ["/settings/data", "Data"],
          ]}
        />
      }
    >
      {props.children}
    </Frame>
  );
}
