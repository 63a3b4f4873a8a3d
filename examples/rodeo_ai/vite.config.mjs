import { defineConfig } from 'vite'

const backend = 'http://127.0.0.1:8000'

export default defineConfig({
  // JSX by esbuild, which Vite already has: one dependency less than the React plugin.
  esbuild: { jsx: 'automatic' },
  build: { outDir: 'dist', assetsInlineLimit: 0 },
  server: { proxy: { '/api': backend, '/uploads': backend } },
})
