"""What the API tells: jobs, accounts, prices, verdicts and the load as callers see them."""
