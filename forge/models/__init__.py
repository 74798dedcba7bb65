"""How models reach an agent: LiteLLM ids, OpenAI-compatible servers, the offline router, recordings."""
