import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { queries } from "@/api/query";
import { root } from "@/kit/place";
import { kept, usePlace } from "@/kit/project";
import { App } from "@/shell/app";
import "@/style/tokens.css";
import "@/style/base.css";

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Router base={root} hook={usePlace} hrefs={kept}>
        <App />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
