"""How weights learn: imitation and PPO through the same agent, executor and memory (in the making)."""
