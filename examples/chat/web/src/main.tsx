import { PsdProvider } from "@psd/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { client } from "./client";
import "./style.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <PsdProvider client={client}>
      <App />
    </PsdProvider>
  </StrictMode>,
);
