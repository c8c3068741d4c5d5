"""The poll loop of one scope, and the mailboxes that it fills."""
