// Prices that are filled in for models that are widely known, per million tokens, as their providers listed them in 2025 in US dollars.
// They are a beginning to correct, not a promise.

export interface Provider {
  name: string;
  label: string;
  baseUrl: string;
  authStyle: string;
  models: readonly { name: string; input: string; output: string }[];
}

export const PROVIDERS: readonly Provider[] = [
  {
    name: "openai", label: "OpenAI", baseUrl: "https://api.openai.com", authStyle: "bearer",
    models: [
      { name: "gpt-4o", input: "2.50", output: "10.00" },
      { name: "gpt-4o-mini", input: "0.15", output: "0.60" },
      { name: "gpt-4.1", input: "2.00", output: "8.00" },
      { name: "gpt-4.1-mini", input: "0.40", output: "1.60" },
      { name: "o4-mini", input: "1.10", output: "4.40" },
      { name: "text-embedding-3-small", input: "0.02", output: "0" },
    ],
  },
  {
    name: "anthropic", label: "Anthropic", baseUrl: "https://api.anthropic.com", authStyle: "x-api-key",
    models: [
      { name: "claude-sonnet-4-0", input: "3.00", output: "15.00" },
      { name: "claude-opus-4-0", input: "15.00", output: "75.00" },
      { name: "claude-3-5-haiku-latest", input: "0.80", output: "4.00" },
    ],
  },
  {
    name: "google", label: "Google Gemini", baseUrl: "https://generativelanguage.googleapis.com", authStyle: "x-goog-api-key",
    models: [
      { name: "gemini-2.5-pro", input: "1.25", output: "10.00" },
      { name: "gemini-2.5-flash", input: "0.30", output: "2.50" },
    ],
  },
  { name: "custom", label: "Another, or a server of your own", baseUrl: "", authStyle: "bearer", models: [] },
];

export const pricesOf = (model: string): { input: string; output: string } | undefined =>
  PROVIDERS.flatMap((provider) => provider.models).find((known) => known.name === model);
