"""Who asks: accounts, API keys, tiers."""
