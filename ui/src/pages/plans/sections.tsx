import { Sections } from "@/parts/sections";
import "./plans.css";

export function PlanSections() {
  return (
    <Sections
      label="Plans"
      pages={[
        ["/plans", "Runs"],
        ["/plans/declared", "Plans"],
      ]}
    />
  );
}

/** What begins with nothing at all: a plan, and a run of it. */
export const FIRST = `cat > hello.yaml <<'END'
name: hello
inputs: {question: string}
steps:
- {name: answer, ask: trimtab/extract, message: "{{ inputs.question }}"}
END
trimtab plans put hello.yaml
trimtab plans run hello --input question="What is a trim tab?"`;
