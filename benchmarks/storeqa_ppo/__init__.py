"""PPO on StoreQA: when to ask an expert, when to remember. `python -m benchmarks.storeqa_ppo`."""
