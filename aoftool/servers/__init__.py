"""Real servers, started on copies of logs to see what they make of them: found, chosen, confined, asked."""
