import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The built page is committed and embedded in the program, so its files keep their names, and building twice changes
// nothing. `npm run dev` serves the page from its sources, with a chat program at 127.0.0.1:8000 behind it.
export default defineConfig({
  plugins: [react()],
  // The package that is linked here has a React of its own for its tests.
  resolve: { dedupe: ["react", "react-dom"] },
  build: {
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      output: { entryFileNames: "chat.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
  server: {
    proxy: {
      "/ws": { target: "ws://127.0.0.1:8000", ws: true },
      "/uploads": { target: "http://127.0.0.1:8000" },
      "/files": { target: "http://127.0.0.1:8000" },
    },
  },
});
